"""One client's pictures beside another's: broken ones in shared batches, and such as take seconds.

    python benchmarks/bad_neighbours.py [--batches 500] [--slow-seconds 40]

For each batch seven clients send a good picture and one sends a broken one, at the same time. How
many pictures really shared a run of the network is not seen from outside; a single one of them that
failed or changed its answer would be.

Then, for each kind of small file that takes long, one client sends eight of it in a request, and
one request after the other; another client asks with a small picture, and must be answered within
five seconds in the median. The exit code is 1 where something of all this did not hold.
"""

import io
import json
import random
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

from _serving import Answer, Server, form, parser_for, post, read_pictures, serving, table
from PIL import Image

GOOD = 7

#: Other batch sizes round otherwise.
TOLERANCE = 1e-4

#: Of what takes long: pixels a side, pictures in a request, and seconds that others may wait.
SIDE, TOGETHER, PATIENT = 7000, 8, 5


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--batches", type=int, default=500)
    parser.add_argument("--slow-seconds", type=float, default=40, help="for each kind of slow file")
    arguments = parser.parse_args()
    pictures = read_pictures(arguments.pictures)
    with serving(arguments.bundle) as server:
        failed = share_batches(server, pictures, arguments.batches)
        for kind, make in SLOW.items():
            waited = beside_slow_ones(server, pictures[0], make(), arguments.slow_seconds)
            failed |= report_waiting(kind, waited)
    return int(failed)


def share_batches(server: Server, pictures: list[bytes], batches: int) -> bool:
    """Sends batches with a broken picture each; whether it harmed another."""
    with ThreadPoolExecutor(GOOD + 1) as clients:
        alone = [probabilities(post(server.url, "/classify", form(data))) for data in pictures]
        start = threading.Barrier(GOOD + 1)

        def ask(data: bytes) -> Answer:
            start.wait()
            return post(server.url, "/classify", form(data))

        worst, lost, refused = 0.0, 0, 0
        for number in range(batches):
            chosen = [(number * GOOD + i) % len(pictures) for i in range(GOOD)]
            bad = broken(random.Random(number), pictures[chosen[0]])
            *good, neighbour = clients.map(ask, [*(pictures[i] for i in chosen), bad])
            refused += neighbour.status == 400
            lost += sum(answer.status != 200 for answer in good)
            for i, answer in zip(chosen, good, strict=True):
                if answer.status == 200:
                    worst = max(worst, difference(alone[i], probabilities(answer)))
    table(("batches", batches), ("bad pictures refused", refused))
    table(("good pictures not answered", lost), ("largest difference", f"{worst:.1e}"))
    return lost > 0 or refused != batches or worst > TOLERANCE


def beside_slow_ones(
    server: Server, picture: bytes, slow: bytes, seconds: float
) -> tuple[list[Answer], list[Answer]]:
    """Answers to a small picture again and again, and to the client whose pictures take long."""
    end = time.monotonic() + seconds
    ask = [form(picture), form(*[slow] * TOGETHER)]

    def ask_until_the_end(body: bytes) -> list[Answer]:
        answers = []
        while time.monotonic() < end:
            answers.append(post(server.url, "/classify", body))
            time.sleep(0.1)
        return answers

    with ThreadPoolExecutor(2) as clients:
        small, large = clients.map(ask_until_the_end, ask)
    return small, large


def report_waiting(kind: str, answers: tuple[list[Answer], list[Answer]]) -> bool:
    """Prints what both clients got; whether the one with the small picture waited too long."""
    small, large = answers
    seconds = [answer.seconds for answer in small]
    median = statistics.median(seconds)
    print(f"beside {kind}:")
    for who, got in (("small", small), ("slow", large)):
        counted = Counter(answer.status for answer in got)
        table((f"  {who}: statuses", " ".join(f"{n}x{s}" for s, n in sorted(counted.items()))))
    table(("  small: median, s", f"{median:.2f}"), ("  small: longest, s", f"{max(seconds):.2f}"))
    return median > PATIENT or {answer.status for answer in small} != {200}


def many_scans() -> bytes:
    """A progressive JPEG one of whose scans stands there 2,500 times: 300 kB, eight seconds."""
    buffer = io.BytesIO()
    Image.new("L", (SIDE, SIDE)).save(buffer, "JPEG", progressive=True)
    data = buffer.getvalue()
    # The second scan is the first of those that say nothing about a plain picture.
    start = data.index(b"\xff\xda", data.index(b"\xff\xda") + 2)
    end = data.index(b"\xff", start + 2)
    return data[:end] + data[start:end] * 2500 + data[end:]


def wide_greys() -> bytes:
    """A PNG of 49 million greys in 16 bits: 95 kB, and seconds to bring down to eight."""
    buffer = io.BytesIO()
    Image.new("I;16", (SIDE, SIDE)).save(buffer, "PNG")
    return buffer.getvalue()


SLOW: dict[str, Callable[[], bytes]] = {
    "JPEGs of 2,500 scans": many_scans,
    "PNGs of wide greys": wide_greys,
}


def probabilities(answer: Answer) -> list[float]:
    """Of all classes."""
    found: dict[str, float] = json.loads(answer.body)["predictions"][0]["probabilities"]
    return list(found.values())


def difference(one: list[float], other: list[float]) -> float:
    """The largest of any class."""
    return max(abs(a - b) for a, b in zip(one, other, strict=True))


def broken(rng: random.Random, data: bytes) -> bytes:
    """A picture that certainly cannot be read: cut off, overwritten, or none at all."""
    buffer = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(buffer, "PNG")
    png = buffer.getvalue()
    return rng.choice(
        [png[: len(png) // 2], png[:100] + bytes(len(png)), b"no picture", b"\xff" * 99]
    )


if __name__ == "__main__":
    sys.exit(main())
