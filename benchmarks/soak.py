"""Mixed traffic for a long time: is memory flat?

    python benchmarks/soak.py [--minutes 30]

Clients classify, explain in all styles, send several pictures, broken ones, and hang up in the
middle. Memory is that of the worker with its decoders, taken every 1/60 of the time. The exit code
is 1 where its median over the last quarter is more than 5 % above the one over the second tenth, or
an answer was neither 200 nor the refusal that was due.
"""

import random
import socket
import sys
import threading
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _serving import FORM, Server, form, parser_for, post, read_pictures, serving, table

CLIENTS = 6
SAMPLES = 60
GROWTH = 1.05
HUNG_UP = -1

KINDS = ("classify", "overlay", "heatmap", "raw", "several", "broken", "hang up")


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--minutes", type=float, default=30)
    arguments = parser.parse_args()
    pictures = read_pictures(arguments.pictures)
    over = threading.Event()
    with serving(arguments.bundle) as server, ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, server, pictures, seed, over) for seed in range(CLIENTS)]
        try:
            memory = sample(server, 60 * arguments.minutes)
        finally:
            over.set()
        found: Counter[tuple[str, int]] = Counter()
        for one in asking:
            found += one.result()
    table(*((f"{kind}: {status}", n) for (kind, status), n in sorted(found.items())))
    early = float(np.median(memory[SAMPLES // 10 : SAMPLES // 5]))
    late = float(np.median(memory[-SAMPLES // 4 :]))
    table(("memory at first, MiB", f"{early:.1f}"), ("memory at last, MiB", f"{late:.1f}"))
    wrong = [key for key in found if key[1] != due(key[0])]
    return int(late > GROWTH * early or bool(wrong))


def sample(server: Server, seconds: float) -> list[float]:
    """Memory over time, MiB; printed as it goes."""
    memory = []
    start = time.perf_counter()
    for number in range(SAMPLES):
        time.sleep(max(0, start + (number + 1) * seconds / SAMPLES - time.perf_counter()))
        memory.append(server.memory())
        if number % 5 == 0:
            print(f"{time.perf_counter() - start:8.0f} s {memory[-1]:10.1f} MiB", flush=True)
    return memory


def due(kind: str) -> int:
    """The status that a kind of request must get."""
    return {"broken": 400, "hang up": HUNG_UP}.get(kind, 200)


def ask(
    server: Server, pictures: list[bytes], seed: int, over: threading.Event
) -> Counter[tuple[str, int]]:
    """One client: request after request of a random kind."""
    rng = random.Random(seed)
    found: Counter[tuple[str, int]] = Counter()
    while not over.is_set():
        kind = rng.choice(KINDS)
        found[kind, one_request(server, rng, kind, rng.choice(pictures))] += 1
    return found


def one_request(server: Server, rng: random.Random, kind: str, data: bytes) -> int:
    """The status of one request of a kind."""
    match kind:
        case "classify":
            return post(server.url, "/classify", form(data)).status
        case "several":
            return post(server.url, "/classify", form(*[data] * rng.randint(2, 6))).status
        case "broken":
            return post(server.url, "/classify", form(data[: len(data) // 9])).status
        case "hang up":
            return hang_up(server, rng, form(data))
        case _:
            return post(server.url, "/explain", form(data, style=kind)).status


def hang_up(server: Server, rng: random.Random, body: bytes) -> int:
    """Sends all or a part of a request, and does not wait for the answer."""
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    with socket.create_connection(server.address) as connection:
        connection.sendall(head.encode() + body[: rng.choice([len(body), len(body) // 2])])
    return HUNG_UP


if __name__ == "__main__":
    sys.exit(main())
