"""Many clients at once against the service: how many are answered, how fast, and who is lost.

    python benchmarks/load.py [--bundle runs/.../bundle.onnx] [--pictures DIR]
    python benchmarks/load.py --url http://localhost:3000 --route explain

One request in ten carries something that is no picture; it must be refused with 400, and nobody
else may notice. Every client is a thread with one kept connection that sends one picture after the
other. The clients' own work is part of the figures: they share the cores with the server.
"""

import argparse
import contextlib
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _serving import LOST, Answer, connect, exchange, form, parser_for, read_pictures, serving


def main() -> int:
    """Measures and prints; the exit code is 1 where a request was lost or answered wrongly."""
    arguments = parse()
    with target(arguments) as url:
        send(url, arguments, count=2 * arguments.clients)  # connections, caches, frequencies
        start = time.perf_counter()
        answers = send(url, arguments, arguments.requests)
        seconds = time.perf_counter() - start
    report(answers, seconds, arguments)
    expected = [expected_status(number) for number in range(len(answers))]
    return int([answer.status for answer in answers] != expected)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = parser_for(__doc__)
    parser.add_argument("--url", help="a server that runs already; default: one of our own")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--route", choices=["classify", "explain"], default="classify")
    return parser.parse_args()


def expected_status(number: int) -> int:
    """One request in ten is no picture."""
    return 400 if number % 10 == 0 else 200


@contextlib.contextmanager
def target(arguments: argparse.Namespace) -> Iterator[str]:
    """The server's address; one of our own is started and stopped."""
    if arguments.url:
        yield arguments.url
        return
    with serving(arguments.bundle) as server:
        yield server.url


def send(url: str, arguments: argparse.Namespace, count: int) -> list[Answer]:
    """Sends `count` requests from all clients; answers in the order of the requests."""
    pictures = [form(data) for data in read_pictures(arguments.pictures)]
    broken = form(b"this is no picture")
    mine = threading.local()

    def ask(number: int) -> Answer:
        if not hasattr(mine, "connection"):
            mine.connection = connect(url)
        is_good = expected_status(number) == 200
        body = pictures[number % len(pictures)] if is_good else broken
        return exchange(mine.connection, f"/{arguments.route}", body)

    with ThreadPoolExecutor(arguments.clients) as clients:
        return list(clients.map(ask, range(count)))


def report(answers: list[Answer], seconds: float, arguments: argparse.Namespace) -> None:
    """Prints the table."""
    statuses = Counter(answer.status for answer in answers)
    good = [1000 * answer.seconds for answer in answers if answer.status == 200]
    rows: list[tuple[str, str]] = [
        ("route", f"/{arguments.route}"),
        ("clients", f"{arguments.clients}"),
        ("requests", f"{len(answers)}"),
        *((f"answered {status}", f"{statuses[status]}") for status in sorted(statuses) if status),
        ("lost", f"{statuses[LOST]}"),
        ("requests a second", f"{len(answers) / seconds:.1f}"),
    ]
    if good:
        half, most = np.percentile(good, [50, 99])
        rows += [("p50 of pictures, ms", f"{half:.0f}"), ("p99 of pictures, ms", f"{most:.0f}")]
    for name, value in rows:
        print(f"{name:<22}{value:>10}")


if __name__ == "__main__":
    sys.exit(main())
