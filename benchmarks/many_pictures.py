"""How fast are many pictures answered, and what do a kill and their number do to that?

`speed`: pictures a second of `classify-images`' own loop, against bare ONNX Runtime that decodes
the same in threads, a PyTorch DataLoader loop, and Ray Data's recipe (with the same file, and as it
comes, in fp32) where the Python of an environment with Ray is given, in turn. Of the command
itself: its `first` part, `memory` over few and over many pictures, `kills` at random moments,
`hostile` files, `same` answers as the service.

    python benchmarks/many_pictures.py [PART …] [--network int8] [--ray PYTHON] [--pictures 2000]
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from itertools import islice
from pathlib import Path

import numpy as np
from _in_turn import ratios, times
from _many_held import first, hostile, kills, memory, repeated, same
from _measure import machine
from _runs import pictures

from models.bulk import answer_files
from models.bundle import read_bundle
from models.cores import granted_cores
from models.places import Listing
from models.preprocessing import read_pixels
from models.providers import open_graph
from models.session import Session
from models.signature import PREDICTED_CLASS, answers_of

HERE = Path(__file__).parent
NETWORKS = {"fp32": "resnet18", "int8": "tf_efficientnet_lite0"}
BATCH = 16


def main() -> None:
    """Runs what was asked for, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument(
        "parts", nargs="*", metavar="PART", help=f"{', '.join(PARTS)}; default: all"
    )
    parser.add_argument("--data", type=Path, help="a folder; default: drawn screws and nuts")
    parser.add_argument("--bundles", type=Path, help="where networks are kept for the next call")
    parser.add_argument("--network", choices=NETWORKS, help="for `speed`; default: one by one")
    parser.add_argument("--ray", type=Path, help="a Python that has Ray, for `speed`")
    parser.add_argument("--bare", action="store_true", help="`speed` without the slower rivals")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--many", type=int, default=20_000, help="for `memory`, beside 1,000")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--hostile", type=int, default=10_000, help="files")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    if unknown := {*chosen.parts} - {*PARTS}:
        parser.error(f"no such part: {', '.join(unknown)}")
    print(machine("onnxruntime-gpu", "onnxruntime", "pillow", "torch"))
    with pictures(chosen.data) as data, tempfile.TemporaryDirectory() as place:
        some = repeated(data, Path(place, "some"), chosen.pictures)
        chosen.bundles = chosen.bundles or Path(place)
        for part in chosen.parts or PARTS:
            PARTS[part](some, Path(place), chosen)


def speed(some: Path, _: Path, chosen: argparse.Namespace) -> None:
    """Both networks against their rivals."""
    for precision in [chosen.network] if chosen.network else NETWORKS:
        bundle = bundle_of(precision, chosen.bundles)
        compare(bundle, some, NETWORKS[precision], chosen)


def bundle_of(precision: str, bundles: Path) -> Path:
    """A bundle with random weights, made once."""
    folder = bundles / NETWORKS[precision]
    if not folder.exists():
        folder.mkdir(parents=True)
        program = HERE / "_random_bundle.py"
        subprocess.run([sys.executable, program, NETWORKS[precision], folder], check=True)
    return folder / f"{precision}.onnx"


def held(some: Path, work: Path, chosen: argparse.Namespace, part: str) -> None:
    """One part of `_many_held`, by the small network."""
    bundle = bundle_of("int8", chosen.bundles)
    match part:
        case "memory":
            memory(bundle, some, work, chosen.many)
        case "kills":
            kills(bundle, some, work, chosen.kills)
        case "hostile":
            hostile(bundle, work, chosen.hostile)
        case "same":
            same(bundle, some, work)
        case "first":
            first(bundle, some, work)


PARTS: dict[str, Callable[[Path, Path, argparse.Namespace], None]] = {
    "speed": speed,
    **{part: partial(held, part=part) for part in ("first", "memory", "kills", "hostile", "same")},
}


def compare(bundle: Path, folder: Path, backbone: str, chosen: argparse.Namespace) -> None:
    """Seconds over a folder, in turn."""
    python: Path | None = chosen.ray
    session = Session(read_bundle(bundle), "cpu")
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: timed(
            lambda: sum(1 for _ in answer_files(session, Listing([str(folder)])))
        ),
        "bare": lambda: timed(lambda: bare(bundle, session, folder)),
    }
    if not chosen.bare:
        loop = [sys.executable, HERE / "_dataloader.py", backbone, folder]
        contenders["DataLoader"] = partial(printed, loop)
    # Its documentation's network is in fp32; the same file as ours says what the engine costs.
    for file in dict.fromkeys((bundle, bundle.with_name("fp32.onnx"))) if python else ():
        recipe = [str(python), HERE / "_ray_recipe.py", file, folder, str(granted_cores())]
        contenders[f"Ray Data in {file.stem}"] = partial(printed, recipe)
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(chosen.rounds):
        for name, call in contenders.items():
            found[name].append(call())
    count = len(list(folder.iterdir()))
    rate = count / statistics.median(found["ours"])
    against = ", ".join(
        f"{times(ratios(found[rival], found['ours']))} x {rival}" for rival in [*found][1:]
    )
    print(
        f"{backbone}, {bundle.stem}, {count} pictures: {rate:.1f} a second, {against}", flush=True
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def printed(command: Sequence[str | Path]) -> float:
    """The seconds that a program prints."""
    return float(subprocess.check_output(command))


def bare(bundle: Path, session: Session, folder: Path) -> int:
    """ONNX Runtime, fed by threads that decode ahead of it, without any bound."""
    network = open_graph(bundle.read_bytes(), "cpu", granted_cores())
    preprocessing = session.metadata.preprocessing

    def read(path: Path) -> np.ndarray:
        return read_pixels(path.read_bytes(), preprocessing)

    with ThreadPoolExecutor(granted_cores()) as threads:
        decoded: Iterator[np.ndarray] = threads.map(read, sorted(folder.iterdir()))
        done = 0
        while batch := list(islice(decoded, BATCH)):
            answers_of(network, np.stack(batch), np.full(len(batch), PREDICTED_CLASS))
            done += len(batch)
    return done


if __name__ == "__main__":
    main()
