"""Many clients at once against the service: how many are answered, how fast, and who is lost.

    python benchmarks/load.py --bundle runs/.../bundle.onnx [--pictures DIR]
    python benchmarks/load.py --url http://localhost:3000 --route explain

One request in ten carries something that is no picture; it must be refused with 400, and nobody
else may notice. Every client is a thread with one kept connection that sends one picture after the
other. The clients' own work is part of the figures: they share the cores with the server.
"""

import argparse
import contextlib
import http.client
import io
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import urlsplit

import numpy as np
from PIL import Image

from models import store

ROOT = Path(__file__).parents[1]
BOUNDARY = "a-boundary-that-no-picture-holds"
LOST = 0


@dataclass(frozen=True)
class Answer:
    """Status of an answer (0: none came) and the seconds until all of it was there."""

    status: int
    seconds: float


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
    parser = argparse.ArgumentParser(description=(__doc__ or "").split("\n", 1)[0])
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--bundle", type=Path, help="start a server of our own with this bundle")
    where.add_argument("--url", help="a server that runs already")
    parser.add_argument("--requests", type=int, default=2000)
    parser.add_argument("--clients", type=int, default=32)
    parser.add_argument("--route", choices=["classify", "explain"], default="classify")
    parser.add_argument("--pictures", type=Path, help="a folder; default: drawn noise, 640 x 480")
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
    with tempfile.TemporaryDirectory(prefix="bentoml-") as home:
        os.environ["BENTOML_HOME"] = home
        store.put(arguments.bundle.read_bytes(), "measured")
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = str(listener.getsockname()[1])
        command = [shutil.which("bentoml", path=Path(sys.executable).parent) or "bentoml", "serve"]
        command += ["--host", "127.0.0.1", "--port", port]
        with (Path(home) / "output.txt").open("w") as output:
            process = subprocess.Popen(command, cwd=ROOT, stdout=output, stderr=output)
            try:
                wait_until_ready(f"http://127.0.0.1:{port}", process)
                yield f"http://127.0.0.1:{port}"
            finally:
                process.terminate()
                process.wait()


def wait_until_ready(url: str, process: "subprocess.Popen[bytes]") -> None:
    """Asks until the server says so."""
    while process.poll() is None:
        connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        with contextlib.suppress(OSError):
            connection.request("GET", "/readyz")
            if connection.getresponse().status == 200:
                return
        threading.Event().wait(0.1)
    raise SystemExit("the server did not start")


def send(url: str, arguments: argparse.Namespace, count: int) -> list[Answer]:
    """Sends `count` requests from all clients; answers in the order of the requests."""
    pictures = [form(data) for data in read_pictures(arguments.pictures)]
    broken = form(b"this is no picture")
    mine = threading.local()

    def ask(number: int) -> Answer:
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=120)
        is_good = expected_status(number) == 200
        body = pictures[number % len(pictures)] if is_good else broken
        return exchange(mine.connection, f"/{arguments.route}", body)

    with ThreadPoolExecutor(arguments.clients) as clients:
        return list(clients.map(ask, range(count)))


def exchange(connection: http.client.HTTPConnection, path: str, body: bytes) -> Answer:
    """One request and its whole answer."""
    headers = {"Content-Type": f"multipart/form-data; boundary={BOUNDARY}"}
    start = time.perf_counter()
    try:
        connection.request("POST", path, body, headers)
        response = connection.getresponse()
        response.read()
    except (OSError, http.client.HTTPException):
        connection.close()
        return Answer(LOST, time.perf_counter() - start)
    return Answer(response.status, time.perf_counter() - start)


def form(data: bytes) -> bytes:
    """A picture as the only file of a multipart form."""
    head = f'--{BOUNDARY}\r\nContent-Disposition: form-data; name="image"; filename="a"\r\n\r\n'
    return head.encode() + data + f"\r\n--{BOUNDARY}--\r\n".encode()


def read_pictures(folder: Path | None) -> list[bytes]:
    """Up to 100 files of a folder, else blurred noise as JPEG."""
    if folder:
        files = sorted(path for path in folder.rglob("*") if path.is_file())
        return [path.read_bytes() for path in files[:: max(1, len(files) // 100)]]
    rng = np.random.default_rng(0)
    return [noise(rng) for _ in range(20)]


def noise(rng: np.random.Generator) -> bytes:
    """A 640 x 480 JPEG of some 30 kB."""
    small = Image.fromarray(rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    small.resize((640, 480)).save(buffer, "JPEG", quality=75)
    return buffer.getvalue()


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
