"""What /explain?method=occlusion costs, and what others feel of it.

ResNet-18 with random weights, served as a user serves it. First one client alone: an explanation
by occlusion beside the passes through the network that its 50 pictures take. Then clients that ask
/classify at once, or one after the other with a pause, and their 99th percentile with a client
beside them who asks for one such explanation after the other: A B A B.

    python benchmarks/occlusion.py [--backbone resnet18] [--clients 1 4 8] [--rounds 3]
"""

import contextlib
import statistics
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from _measure import asking, measure
from _serving import (
    Server,
    form,
    parser_for,
    post,
    random_bundles,
    read_pictures,
    serving,
    table,
)

from models.bundle import read_bundle
from models.session import Session

ROUTE = "/explain?method=occlusion&style=raw"


def main() -> None:
    """Measures and prints."""
    parser = parser_for(__doc__, bundle="ResNet-18 with random weights")
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 4, 8])
    parser.add_argument("--requests", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    bodies = [form(picture) for picture in read_pictures(chosen.pictures)]
    with tempfile.TemporaryDirectory() as place:
        bundle = chosen.bundle or random_bundles(chosen.backbone, Path(place))[0]
        passed = one_pass(bundle)
        with serving(bundle) as server:
            took = statistics.median(
                post(server.url, ROUTE, body).seconds for body in bodies[: 2 + chosen.rounds]
            )
            table(
                ("a pass through the network", f"{1000 * passed:.1f} ms"),
                ("an explanation by occlusion", f"{1000 * took:.0f} ms"),
                ("of passes", f"{took / passed:.1f}"),
            )
            for clients in chosen.clients:
                tell(server, bodies, clients, (chosen.requests, chosen.rounds))


def one_pass(bundle: Path) -> float:
    """Seconds, the median of thirty, with the threads that the service has."""
    session = Session(read_bundle(bundle), "cpu")
    shape = session.metadata.preprocessing
    picture = np.zeros((1, shape.height, shape.width, 3), np.uint8)
    times = []
    for _ in range(30):
        begun = time.perf_counter()
        session.predict(picture)
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def tell(server: Server, bodies: list[bytes], clients: int, how_often: tuple[int, int]) -> None:
    """Prints the percentiles of /classify without and with occlusion beside it."""
    requests, rounds = how_often
    alone, beside, explained = [], [], []
    for _ in range(rounds):
        alone.append(measure(asking(server.url, bodies), clients, requests))
        with explaining(server, bodies[0]) as done:
            beside.append(measure(asking(server.url, bodies), clients, requests))
        explained.append(len([status for status in done if status == 200]))
        explained.append(-len([status for status in done if status != 200]))
    ratios = [b.most / a.most for a, b in zip(alone, beside, strict=True)]
    table(
        (f"{clients} clients: p99 alone", " ".join(f"{a.most:.0f}" for a in alone) + " ms"),
        ("  beside occlusion", " ".join(f"{b.most:.0f}" for b in beside) + " ms"),
        ("  times", " ".join(f"{ratio:.2f}" for ratio in ratios)),
        (
            "  medians, times",
            " ".join(f"{b.half / a.half:.2f}" for a, b in zip(alone, beside, strict=True)),
        ),
        ("  explained meanwhile (-: refused)", " ".join(map(str, explained))),
    )


@contextlib.contextmanager
def explaining(server: Server, body: bytes) -> Iterator[list[int]]:
    """A client that asks for one explanation after the other; gives their statuses."""
    statuses: list[int] = []
    enough = threading.Event()

    def ask() -> None:
        while not enough.is_set():
            statuses.append(post(server.url, ROUTE, body).status)

    thread = threading.Thread(target=ask)
    thread.start()
    try:
        yield statuses
    finally:
        enough.set()
        thread.join()


if __name__ == "__main__":
    main()
