"""What does serving cost, against the same decoding and graph called directly in one process?

    python benchmarks/serving_cost.py [--bundle runs/.../bundle.onnx] [--pictures DIR]

A: the service, as a user starts it, asked over HTTP by clients that share its cores.
B: the same JPEGs given to as many threads of one process: no HTTP, no forms, no second process.
There are two simple ways to do that; both are measured, and the faster one is B:
- every thread decodes; who finds the network free answers all that wait, with all cores;
- as many threads at a time as there are cores, each decodes and runs a network of one thread.
In turn, A B A B. The clients' own work is part of A: it stands in the last column.
"""

import argparse
import io
import tempfile
import threading
import time
from collections import defaultdict, deque
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _measure import Figures, asking, described, machine, measure, median
from _serving import Answer, form, own_store, parser_for, random_bundles, read_pictures, started
from PIL import Image
from rich.console import Console
from rich.table import Table

from models import store
from models.bundle import Bundle, read_bundle
from models.cores import granted_cores
from models.preprocessing import Pixels, read_pixels
from models.session import Prediction, Session

#: kB of a JPEG, and its width and height, as cameras and web pages have them.
SIZES = {27: (640, 480), 300: (1280, 960)}
COUNT = 20

#: Pixels of the picture for each pixel of noise: JPEGs of both sizes then have a usual quality.
GRAIN = 12

#: As the service's own.
MAX_BATCH = 16

ENOUGH = 0.9

Point = tuple[int, int]


def main() -> None:
    """Measures and prints."""
    arguments = parse()
    with tempfile.TemporaryDirectory(prefix="bentoml-") as folder, own_store(Path(folder)):
        path = arguments.bundle or random_bundles("resnet18", Path(folder))[0]
        store.put(path.read_bytes(), "measured")
        files = {size: pictures_of(size, arguments.pictures) for size in arguments.kilobytes}
        rounds = list(run(arguments, Path(folder), read_bundle(path), files))
        show(arguments, read_bundle(path), rounds)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = parser_for(__doc__, bundle="resnet18 with random weights")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--requests", type=int, default=200, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[1, 8, 32])
    parser.add_argument("--kilobytes", type=int, nargs="+", choices=SIZES, default=list(SIZES))
    return parser.parse_args()


def pictures_of(kilobytes: int, folder: Path | None) -> list[bytes]:
    """JPEGs of about that size, of a folder's pictures or of noise."""
    size = SIZES[kilobytes]
    if folder:
        opened = [Image.open(io.BytesIO(data)) for data in read_pictures(folder)[:COUNT]]
        images = [image.convert("RGB").resize(size) for image in opened]
    else:
        rng = np.random.default_rng(0)
        shape = (COUNT, size[1] // GRAIN, size[0] // GRAIN, 3)
        noise = rng.integers(0, 256, shape, dtype=np.uint8)
        images = [Image.fromarray(small).resize(size) for small in noise]
    return [jpeg_of(image, kilobytes) for image in images]


def jpeg_of(image: Image.Image, kilobytes: int) -> bytes:
    """Of all qualities the one whose file is nearest."""
    low, high = 1, 95
    while low < high:
        middle = (low + high) // 2
        if len(encoded(image, middle)) < 1000 * kilobytes:
            low = middle + 1
        else:
            high = middle
    return encoded(image, low)


def encoded(image: Image.Image, quality: int) -> bytes:
    """A picture as the bytes of a JPEG file."""
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=quality)
    return buffer.getvalue()


@dataclass(eq=False)
class Waiting:
    """A decoded picture, uint8 (H, W, 3), and its answer when it is there."""

    pixels: Pixels
    prediction: Prediction | None = None


class SharedBatches:
    """Every thread decodes; who finds the network free answers all that wait."""

    def __init__(self, bundle: Bundle) -> None:
        self._preprocessing = bundle.metadata.preprocessing
        self._session = Session(bundle, "cpu", granted_cores())
        self._free = threading.Lock()
        self._queue: deque[Waiting] = deque()

    def __call__(self, data: bytes) -> Prediction:
        """Answers one picture."""
        mine = Waiting(read_pixels(data, self._preprocessing))
        self._queue.append(mine)
        while mine.prediction is None:
            with self._free:
                if mine.prediction is None:
                    self._answer_a_batch()
        return mine.prediction

    def _answer_a_batch(self) -> None:
        batch = [self._queue.popleft() for _ in range(min(MAX_BATCH, len(self._queue)))]
        answers = self._session.predict(np.stack([waiting.pixels for waiting in batch]))
        for waiting, prediction in zip(batch, answers, strict=True):
            waiting.prediction = prediction


class OneEachCore:
    """As many threads at a time as there are cores; each decodes and runs the network alone."""

    def __init__(self, bundle: Bundle) -> None:
        self._preprocessing = bundle.metadata.preprocessing
        self._session = Session(bundle, "cpu", 1)
        self._cores = threading.Semaphore(granted_cores())

    def __call__(self, data: bytes) -> Prediction:
        """Answers one picture."""
        with self._cores:
            return self._session.predict(read_pixels(data, self._preprocessing)[None])[0]


def asking_directly(
    way: Callable[[bytes], Prediction], files: list[bytes]
) -> Callable[..., Answer]:
    """What a client does where there is no server."""

    def ask(number: int) -> Answer:
        start = time.perf_counter()
        way(files[number % len(files)])
        return Answer(200, time.perf_counter() - start)

    return ask


def run(
    arguments: argparse.Namespace, home: Path, bundle: Bundle, files: dict[int, list[bytes]]
) -> Iterator[tuple[str, Point, Figures]]:
    """Yields who was measured, at which size and number of clients, and the figures."""
    points = [(size, clients) for size in files for clients in arguments.clients]
    ways = {"shared batches": SharedBatches(bundle), "one each core": OneEachCore(bundle)}
    for _ in range(arguments.rounds):
        with started(home) as server:
            for size, clients in points:
                ask = asking(server.url, [form(data) for data in files[size]])
                yield "service", (size, clients), measure(ask, clients, arguments.requests)
        for name, way in ways.items():
            for size, clients in points:
                ask = asking_directly(way, files[size])
                yield name, (size, clients), measure(ask, clients, arguments.requests)


def show(
    arguments: argparse.Namespace, bundle: Bundle, rounds: list[tuple[str, Point, Figures]]
) -> None:
    """Prints medians and, round by round, the ratio's spread."""
    found: dict[Point, dict[str, list[Figures]]] = defaultdict(lambda: defaultdict(list))
    for name, point, figures in rounds:
        found[point][name].append(figures)
    columns = ["JPEG, kB", "clients", "", "pictures/s", "p50, ms", "p99, ms", "A / B", "A's client"]
    table = Table(*columns, title=f"What serving costs: {title(arguments, bundle)}")
    for (size, clients), by_name in found.items():
        ours = by_name.pop("service")
        best = max(by_name, key=lambda name: median(by_name[name]).rate)
        rival = by_name[best]
        ratios = [a.rate / b.rate for a, b in zip(ours, rival, strict=True)]
        ratio = median(ours).rate / median(rival).rate
        spread = f"{ratio:.2f} ({min(ratios):.2f} to {max(ratios):.2f})"
        client = f"{median(ours).client:.1f} ms"
        table.add_row(str(size), str(clients), "A service", *cells(median(ours)), spread, client)
        table.add_row("", "", f"B {best}", *cells(median(rival)), end_section=True)
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    console.print(f"asked: A / B of {ENOUGH:.2f} or more", *failures(rounds), sep="; ")
    console.print(machine("bentoml", "uvicorn", "onnxruntime-gpu", "onnxruntime", "pillow"))


def title(arguments: argparse.Namespace, bundle: Bundle) -> str:
    """What was measured."""
    what = described(bundle.metadata, arguments.pictures)
    return f"{what}, {arguments.rounds} rounds of {arguments.requests} requests"


def cells(figures: Figures) -> list[str]:
    """The three figures of a row."""
    return [f"{figures.rate:.1f}", f"{figures.half:.0f}", f"{figures.most:.0f}"]


def failures(rounds: list[tuple[str, Point, Figures]]) -> list[str]:
    """A sentence where something was not answered."""
    failed = sum(figures.failed for _, _, figures in rounds)
    return [f"{failed:.0f} requests were not answered with 200"] if failed else []


if __name__ == "__main__":
    main()
