"""Mutated pictures and malformed requests against one server: what they get, and what they leave.

    python benchmarks/hostile.py [--count 10000] [--malformed 2000]

The exit code is 1 where an answer was a 5xx, the process that answers was replaced, or its memory
with that of its decoders has grown by more than 5 % since the first twentieth of the pictures, or
the first 200.
"""

import argparse
import io
import random
import socket
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from _serving import (
    FORM,
    LOST,
    PATIENCE,
    Server,
    form,
    parser_for,
    post,
    read_pictures,
    serving,
    table,
)
from PIL import Image

CLIENTS = 4
SIZE = (160, 120)
GROWTH = 1.05


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--count", type=int, default=10_000, help="mutated pictures")
    parser.add_argument("--malformed", type=int, default=2000, help="malformed requests")
    parser.add_argument("--seed", type=int, default=0)
    arguments = parser.parse_args()
    with serving(arguments.bundle) as server:
        return attack(server, arguments)


def attack(server: Server, arguments: argparse.Namespace) -> int:
    """Sends all of it; returns the exit code."""
    files = every_format(read_pictures(arguments.pictures)[:3])
    worker = server.worker().pid
    first = max(arguments.count // 20, 200)
    found = send_pictures(server, files, range(arguments.seed, arguments.seed + first))
    before = memory_at_work(server, files)
    rest = range(arguments.seed + first, arguments.seed + arguments.count)
    found += send_pictures(server, files, rest)
    malformed = send_malformed(server, files, arguments)
    after, is_the_same = memory_at_work(server, files), server.worker().pid == worker
    good = post(server.url, "/classify", form(files[0])).status
    report(found, malformed)
    table(("memory before, MiB", f"{before:.1f}"), ("memory after, MiB", f"{after:.1f}"))
    table(("the same process answers", is_the_same), ("a good picture afterwards", good))
    failed = sum(count for status, count in (found + malformed).items() if status >= 500)
    lost = found[LOST]  # a malformed request may be one that the server waits for, and hangs up on
    return int(bool(failed or lost) or not is_the_same or good != 200 or after > GROWTH * before)


def memory_at_work(server: Server, files: list[bytes]) -> float:
    """MiB of the worker and of a decoder, of which there is one more once something was slow.

    All have something behind them by then: one that was just replaced is smaller.
    """
    with ThreadPoolExecutor(CLIENTS) as clients:
        list(clients.map(lambda _: post(server.url, "/explain", form(files[0])), range(40)))
    worker = server.worker()
    answering = worker.memory_info().rss / 2**20
    return answering + (server.memory() - answering) / len(worker.children())


def report(found: Counter[int], malformed: Counter[int]) -> None:
    """Prints the counts by status."""
    for kind, counts in (("pictures", found), ("malformed", malformed)):
        table((kind, sum(counts.values())))
        table(*((f"  {status or 'closed'}", counts[status]) for status in sorted(counts)))


def every_format(pictures: list[bytes]) -> list[bytes]:
    """The pictures in every format that Pillow writes here, several frames where it can."""
    Image.init()
    found = []
    for data in pictures:
        image = Image.open(io.BytesIO(data)).convert("RGB").resize(SIZE)
        for kind in sorted(set(Image.SAVE) - {"EPS", "PDF", "WMF", "PALM"}):
            for mode in ("RGB", "RGBA", "P", "L", "1", "CMYK", "I;16", "F"):
                found += written(image, kind, mode)
    return found


def written(image: Image.Image, kind: str, mode: str) -> list[bytes]:
    """The file, if there is such a one."""
    buffer = io.BytesIO()
    try:
        converted = image.convert("I").convert(mode) if mode == "I;16" else image.convert(mode)
        converted.save(buffer, kind, save_all=kind in Image.SAVE_ALL)
    except Exception:  # noqa: BLE001  writers refuse a mode in many ways
        return []
    return [buffer.getvalue()]


def send_pictures(server: Server, files: list[bytes], seeds: range) -> Counter[int]:
    """One mutated picture for each seed; the statuses."""

    def ask(seed: int) -> int:
        rng = random.Random(seed)
        data = mutated(rng, rng.choice(files))
        route = rng.choice(["/classify", "/explain"])
        return post(server.url, route, form(data)).status

    with ThreadPoolExecutor(CLIENTS) as clients:
        return Counter(clients.map(ask, seeds))


def mutated(rng: random.Random, data: bytes) -> bytes:
    """Bytes changed, numbers made huge, parts left out, doubled, moved, or the end cut off."""
    found = bytearray(data)
    for _ in range(rng.randint(1, 5)):
        # Headers decide most: half of all damage goes into the first bytes.
        start = rng.randrange(max(1, min(len(found), rng.choice([64, len(found)]))))
        end = start + rng.choice([1, 1, 2, 4, 16, 200])
        match rng.randrange(7):
            case 0 | 1:
                found[start:end] = rng.randbytes(end - start)
            case 2:
                found[start : start + 4] = rng.choice([b"\xff" * 4, b"\x7f\xff\xff\xff", bytes(4)])
            case 3:
                del found[start:end]
            case 4:
                found[end:end] = found[start:end] * rng.choice([1, 50])
            case 5:
                del found[start + 1 :]
            case 6:
                found += rng.choice([b"PK\x03\x04", b"<script>", b"%PDF-1.7"]) + rng.randbytes(99)
    return bytes(found)


def send_malformed(
    server: Server, files: list[bytes], arguments: argparse.Namespace
) -> Counter[int]:
    """Requests whose bytes have been mutated, head and body; the statuses."""

    def ask(seed: int) -> int:
        rng = random.Random(seed)
        body = form(rng.choice(files)[:2000], style="raw")
        head = f"POST /explain HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
        head += f"Content-Length: {len(body)}\r\n\r\n"
        if rng.random() < 0.5:
            return send_raw(server, mutated(rng, head.encode()) + body)
        return send_raw(server, head.encode() + mutated(rng, body)[: len(body)])

    with ThreadPoolExecutor(CLIENTS * 4) as clients:
        seeds = range(arguments.seed, arguments.seed + arguments.malformed)
        return Counter(clients.map(ask, seeds))


def send_raw(server: Server, request: bytes) -> int:
    """The status of whatever comes first; 0 where the connection is closed without an answer."""
    with socket.create_connection(server.address, timeout=PATIENCE) as connection:
        try:
            connection.sendall(request)
            connection.shutdown(socket.SHUT_WR)
            answer = connection.recv(100)
        except ConnectionError:
            return LOST
    return int(answer.split(b" ", 2)[1]) if answer.startswith(b"HTTP/1.1 ") else LOST


if __name__ == "__main__":
    sys.exit(main())
