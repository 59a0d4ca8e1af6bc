"""The service against LitServe, BentoML's own adaptive batching, and plain FastAPI.

    python benchmarks/rival_servers.py [--bundle runs/.../bundle.onnx] [--int8 .../bundle.onnx]

Each is written as its own documentation shows it (benchmarks/rivals/), and gets the same graph, the
same preprocessing, the same options of ONNX Runtime, and the same requests: one picture each, as a
multipart form. Each rival runs twice: as one process with all cores, and as a process a core with
one thread each, as its documentation has it for CPUs; who claims to be ahead must be ahead of both.
Every server stands alone on a free port; all take their turn, A B C D A B C D. Clients share the
cores with them. A rival that is not installed is left out.
"""

import argparse
import json
import sys
import tempfile
from collections import defaultdict
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import partial
from pathlib import Path

import numpy as np
from _measure import Figures, asking, described, machine, measure, median, version_of
from _serving import (
    PORT,
    Answer,
    Server,
    form,
    launched,
    own_store,
    parser_for,
    post,
    program,
    random_bundles,
    read_pictures,
    started,
)
from rich.console import Console
from rich.table import Table

from models import store
from models.bundle import Bundle, read_bundle
from models.cores import granted_cores
from models.preprocessing import read_pixels
from models.session import Session

RIVALS = Path(__file__).parent / "rivals"
OURS, OURS_IN_INT8 = "service", "service, int8"
WORKERS = "WORKERS"
PACKAGES = (
    "bentoml", "litserve", "fastapi", "starlette", "uvicorn", "uvloop", "httptools",
    "onnxruntime-gpu", "onnxruntime", "pillow",
)  # fmt: skip

#: How far a probability may lie from what the network says: batches and threads round otherwise.
TOLERANCE = {"fp32": 1e-3, "fp16": 1e-2, "int8": 5e-2}

#: What the best rival is measured against: of its throughput, in int8.
ASKED_OF_INT8 = 2.5

Start = Callable[[], AbstractContextManager[Server]]
Rounds = dict[tuple[str, int], list[Figures]]


@dataclass(frozen=True)
class Rival:
    """A server of others.

    Attributes:
        name: for the table.
        package: what must be installed.
        command: how its documentation starts it; PORT and WORKERS are filled in.
        ready: the path that it answers with 200 when it can work.
    """

    name: str
    package: str
    command: tuple[str, ...]
    ready: str


UVICORN = (sys.executable, "-m", "uvicorn", "--port", PORT, "--workers", WORKERS)
BENTOML = (program("bentoml"), "serve", "--host", "127.0.0.1", "--port", PORT)
KNOWN = (
    Rival("LitServe", "litserve", (sys.executable, "litserve_server.py", PORT), "/health"),
    Rival("BentoML", "bentoml", (*BENTOML, "bento_batching:Classifier"), "/readyz"),
    Rival("FastAPI", "fastapi", (*UVICORN, "fastapi_server:app"), "/health"),
)


def main() -> None:
    """Measures and prints."""
    arguments = parse()
    pictures = read_pictures(arguments.pictures)
    rounds: Rounds = defaultdict(list)
    with tempfile.TemporaryDirectory(prefix="bentoml-") as folder, own_store(Path(folder)):
        bundles = bundles_of(arguments, Path(folder))
        contestants = {
            **{name: ours(Path(folder), bundle) for name, bundle in bundles.items()},
            **rivals(Path(folder), bundles[OURS]),
        }
        for _ in range(arguments.rounds):
            for name, start in contestants.items():
                with start() as server:
                    check(name, server, bundles.get(name, bundles[OURS]), pictures[0])
                    ask = asking(server.url, [form(data) for data in pictures])
                    for clients in arguments.clients:
                        rounds[name, clients].append(measure(ask, clients, arguments.requests))
        show(arguments, bundles[OURS], rounds)


def parse() -> argparse.Namespace:
    """Reads the command line."""
    parser = parser_for(__doc__, bundle="resnet18 with random weights, and the same in int8")
    parser.add_argument("--int8", type=Path, help="another row: the service with this bundle")
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--requests", type=int, default=400, help="of each measurement")
    parser.add_argument("--clients", type=int, nargs="+", default=[8, 32])
    return parser.parse_args()


def bundles_of(arguments: argparse.Namespace, folder: Path) -> dict[str, Bundle]:
    """What the service runs, by the name in the table."""
    paths = [arguments.bundle, arguments.int8]
    if arguments.bundle is None:
        paths = random_bundles("resnet18", folder)
    elif arguments.int8 is None:
        print("no --int8: the service is measured in the bundle's own precision only")
    named = zip((OURS, OURS_IN_INT8), paths, strict=True)
    return {name: read_bundle(path) for name, path in named if path}


def ours(home: Path, bundle: Bundle) -> Start:
    """How to start the service with one bundle, from this program's store."""
    return partial(started, home, model=store.put(bundle.data, "measured").tag)


def rivals(folder: Path, bundle: Bundle) -> dict[str, Start]:
    """How to start those that are installed, as one process and as a process a core."""
    path = folder / "rivals" / "bundle.onnx"
    path.parent.mkdir()
    path.write_bytes(bundle.data)
    found: dict[str, Start] = {}
    for rival in KNOWN:
        if version_of(rival.package) is None:
            print(f"{rival.name} is left out: {rival.package} is not installed")
            continue
        for workers in sorted({1, granted_cores()}):
            processes = "1 process" if workers == 1 else f"{workers} processes"
            found[f"{rival.name}, {processes}"] = partial(start_rival, rival, path, workers)
    return found


def start_rival(rival: Rival, bundle: Path, workers: int) -> AbstractContextManager[Server]:
    """Starts a rival; what it stores, it stores beside the bundle."""
    command = [str(workers) if word == WORKERS else word for word in rival.command]
    environment = {
        "BENTOML_HOME": str(bundle.parent),
        "RIVAL_BUNDLE": str(bundle),
        "RIVAL_WORKERS": str(workers),
    }
    return launched(command, bundle.parent / "output.txt", environment, RIVALS, rival.ready)


def check(name: str, server: Server, bundle: Bundle, picture: bytes) -> None:
    """A server that answers something else is not measured."""
    answer = post(server.url, "/classify", form(picture))
    if answer.status != 200:
        raise SystemExit(f"{name} answers {answer.status}:\n{server.output.read_text()[-2000:]}")
    found = probabilities_of(answer, bundle.metadata.classes)
    pixels = read_pixels(picture, bundle.metadata.preprocessing)
    expected = Session(bundle, "cpu").predict(pixels[None])[0].probabilities
    difference = np.abs(found - expected).max()
    if not difference <= TOLERANCE[bundle.metadata.precision]:
        raise SystemExit(f"{name} answers with other probabilities: {found}, not {expected}")


def probabilities_of(answer: Answer, classes: tuple[str, ...]) -> np.ndarray:
    """Those of the first picture, whichever way they were answered."""
    found = json.loads(answer.body)
    if isinstance(found, dict):
        found = found.get("predictions", [found])
    return np.array([found[0]["probabilities"][name] for name in classes])


def show(arguments: argparse.Namespace, bundle: Bundle, rounds: Rounds) -> None:
    """Prints medians, and how the service compares with each."""
    figures = {key: median(value) for key, value in rounds.items()}
    columns = ["clients", "", "pictures/s", "p50, ms", "p99, ms", "not 200", "service / it"]
    table = Table(*columns, "its p99 / service's", title=title(arguments, bundle))
    for clients in arguments.clients:
        first = figures[OURS, clients]
        for name in [name for name, count in figures if count == clients]:
            one = figures[name, clients]
            shown = [f"{one.rate:.1f}", f"{one.half:.0f}", f"{one.most:.0f}", f"{one.failed:.0f}"]
            ratios = [f"{first.rate / one.rate:.2f}", f"{one.most / first.most:.2f}"]
            table.add_row(str(clients), name, *shown, *ratios, style="bold" * (name == OURS))
        table.add_section()
    console = Console(width=None if Console().is_terminal else 120)
    console.print(table)
    for clients in arguments.clients:
        console.print(
            verdict({name: f for (name, c), f in figures.items() if c == clients}, clients)
        )
    console.print(machine(*PACKAGES), highlight=False)


def title(arguments: argparse.Namespace, bundle: Bundle) -> str:
    """What was measured."""
    what = described(bundle.metadata, arguments.pictures)
    return f"{what}: medians of {arguments.rounds} rounds of {arguments.requests} requests"


def verdict(figures: dict[str, Figures], clients: int) -> str:
    """The service against the best rival in each figure."""
    others = [one for name, one in figures.items() if name not in (OURS, OURS_IN_INT8)]
    if not others:
        return f"{clients} clients: no rival was measured"
    best = max(one.rate for one in others)
    rate = figures[OURS].rate / best
    most = figures[OURS].most / min(one.most for one in others)
    said = f"{clients} clients: {rate:.2f} × the best rate (asked: above 1), "
    said += f"{most:.2f} × the best p99 (asked: below 1)"
    if OURS_IN_INT8 in figures:
        said += f"; int8 {figures[OURS_IN_INT8].rate / best:.2f} × (asked: {ASKED_OF_INT8})"
    return said


if __name__ == "__main__":
    main()
