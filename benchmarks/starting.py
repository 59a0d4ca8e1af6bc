"""How long until `train-transfer --help` has answered, and until the service is ready?

The service stands against BentoML's own server of a service that does nothing: whole starts, in
turn, from the command until /readyz answers 200. Each starts once before, so that Python has kept
what it compiled, as it has where the service started before or pip installed it.

    python benchmarks/starting.py [--bundle runs/.../bundle.onnx] [--rounds 5]
"""

import argparse
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from functools import partial
from pathlib import Path

from _in_turn import ratios
from _measure import machine
from _serving import PORT, Server, launched, own_store, program, random_bundles, started
from rich.console import Console
from rich.table import Table

from models import store

EMPTY_SERVICE = """
import bentoml

@bentoml.service
class Empty:
    @bentoml.api
    def nothing(self) -> str:
        return ""
"""

Start = Callable[[], AbstractContextManager[Server]]


def main() -> None:
    """Measures and prints."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, help="default: resnet18 with random weights")
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    found: dict[str, list[float]] = {"--help": [], "empty service": [], "service": []}
    with tempfile.TemporaryDirectory(prefix="bentoml-") as folder, own_store(Path(folder)):
        bundle = chosen.bundle or random_bundles("resnet18", Path(folder))[0]
        store.put(bundle.read_bytes(), "measured")
        starts: dict[str, Start] = {
            "empty service": empty_service(Path(folder)),
            "service": partial(started, Path(folder)),
        }
        os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
        os.environ["PYTHONPYCACHEPREFIX"] = str(Path(folder) / "compiled")
        for start in starts.values():
            until_ready(start)
        for _ in range(chosen.rounds):
            found["--help"].append(helped())
            for name, start in starts.items():
                found[name].append(until_ready(start))
    added = [a - b for a, b in zip(found["service"], found["empty service"], strict=True)]
    table = Table("", "s", "min to max", "asked", title="from the command to the answer")
    table.add_row("train-transfer --help", *shown(found["--help"]), "0.6 or less")
    table.add_row("BentoML with an empty service", *shown(found["empty service"]), "")
    table.add_row("our service", *shown(found["service"]), "")
    table.add_row("more than empty", *shown(added), "2 or less")
    Console(width=None if Console().is_terminal else 110).print(table)
    times_as_long = statistics.median(ratios(found["service"], found["empty service"]))
    print(f"our service takes {times_as_long:.2f} times as long as an empty one")
    print(machine("bentoml", "onnxruntime", "onnxruntime-gpu"))


def helped() -> float:
    """Seconds of `train-transfer --help`."""
    begun = time.perf_counter()
    subprocess.run([program("train-transfer"), "--help"], check=True, stdout=subprocess.DEVNULL)
    return time.perf_counter() - begun


def empty_service(folder: Path) -> Start:
    """How to start BentoML's server of nothing."""
    place = folder / "empty"
    place.mkdir()
    (place / "empty_service.py").write_text(EMPTY_SERVICE)
    command = [program("bentoml"), "serve", "--host", "127.0.0.1", "--port", PORT]
    command.append("empty_service:Empty")
    return partial(launched, command, place / "output.txt", {}, place)


def until_ready(start: Start) -> float:
    """Seconds from the command until it answers that it is ready."""
    begun = time.perf_counter()
    with start():
        return time.perf_counter() - begun


def shown(values: list[float]) -> tuple[str, str]:
    """The median, and the spread."""
    return f"{statistics.median(values):.2f}", f"{min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
