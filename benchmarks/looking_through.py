"""What of a run's time do inspection and report take?

There is no run without them. So whole runs in processes of their own, each with an empty cache, are
timed inside: what they spend on a part is taken from the whole, and the whole is set against the
rest. Grading the heatmaps and drawing for TensorBoard are told beside it. What the report's
libraries take to be imported counts as part of it.

    python benchmarks/looking_through.py --data ../shared/data/cats_dogs_light [--rounds 3]
        [-- --backbone resnet18 --weights none]
"""

import argparse
import functools
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from _runs import add_data, pictures
from rich.console import Console
from rich.table import Table

#: The functions that a run calls: the part of whose time theirs is, in which module they are used.
PARTS = {
    "training.run.learning.find_twins": "inspection",
    "training.run.results.inspect": "inspection",
    "training.run.results.mean_maps": "inspection",
    "training.run.results.write_labels": "inspection",
    "training.run.results._write_report": "report",
    "training.run.results.write_card": "report",
    "training.run.results.log_to_tensorboard": "TensorBoard",
    "training.run.results.grade": "grading",
}
ASKED = ("inspection", "report")
IMPORTED = "import jinja2, matplotlib.figure"

Clock = Callable[[], float]
Spent = dict[str, dict[str, float]]


def main() -> None:
    """Runs some rounds and prints what the parts took, in seconds by the clock and of the CPU."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--inside", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("options", nargs="*", help="more options of train-transfer, after --")
    chosen = parser.parse_args()
    if chosen.inside:
        print(json.dumps(run_inside(["--data", str(chosen.data), *chosen.options])))
        return
    with pictures(chosen.data) as data:
        rounds = [in_its_own_process(data, chosen.options) for _ in range(chosen.rounds)]
    table = Table("", "wall, s", "CPU, s", title=f"{data.name}, median of {chosen.rounds}")
    for part in rounds[0]:
        table.add_row(part, *(f"{median([one[part][c] for one in rounds]):.2f}" for c in CLOCKS))
    for clock in CLOCKS:
        ratios = [ratio(one, clock) for one in rounds]
        table.caption = f"{table.caption or 'with / without:'} {clock} {median(ratios):.3f}"
    Console(width=None if Console().is_terminal else 100).print(table)
    print("asked: <= 1.25")


CLOCKS: dict[str, Clock] = {"wall": time.perf_counter, "CPU": time.process_time}


def median(values: list[float]) -> float:
    """The middle one; of an even number the later of both."""
    return sorted(values)[len(values) // 2]


def ratio(spent: Spent, clock: str) -> float:
    """The whole run against the run without what was asked about."""
    whole = spent["whole run"][clock]
    return whole / (whole - sum(spent[part][clock] for part in (*ASKED, "imports of the report")))


def in_its_own_process(data: Path, options: list[str]) -> Spent:
    """A run whose caches are empty."""
    with tempfile.TemporaryDirectory() as place:
        own = {"BENTOML_HOME": f"{place}/bentoml", "TRAIN_TRANSFER_CACHE": f"{place}/cache"}
        command = [sys.executable, __file__, "--inside", "--data", data, "--rounds", "1"]
        more = ["--", *options, "--out", f"{place}/runs"]
        told = subprocess.run(
            [*command, *more], check=True, text=True, stdout=subprocess.PIPE,
            env={**os.environ, **own}, stderr=subprocess.DEVNULL,
        ).stdout  # fmt: skip
    found: Spent = json.loads(told.splitlines()[-1])
    return found


def run_inside(arguments: list[str]) -> Spent:
    """A run in this process, and what it spent on what."""
    begun = {name: clock() for name, clock in CLOCKS.items()}
    spent: Spent = {part: dict.fromkeys(CLOCKS, 0.0) for part in dict.fromkeys(PARTS.values())}
    spent["imports of the report"] = clocked(exec, IMPORTED)[1]
    # Late: what these import is part of the run.
    from training import cli  # noqa: PLC0415
    from training.run import learning, results  # noqa: PLC0415

    modules = {"learning": learning, "results": results}
    for place, part in PARTS.items():
        _, _, module, name = place.split(".")
        inner = getattr(modules[module], name)
        setattr(modules[module], name, counted(inner, spent[part]))
    code = cli.main(arguments)
    spent["whole run"] = {name: clock() - begun[name] for name, clock in CLOCKS.items()}
    if code:
        sys.exit(code)
    return spent


def counted(function: Callable[..., Any], spent: dict[str, float]) -> Callable[..., Any]:
    """The same function; what it takes is added up."""

    @functools.wraps(function)
    def call(*told: Any, **named: Any) -> Any:
        found, took = clocked(function, *told, **named)
        for clock, seconds in took.items():
            spent[clock] += seconds
        return found

    return call


def clocked(function: Callable[..., Any], *told: Any, **named: Any) -> tuple[Any, dict[str, float]]:
    """What a function says, and what it took."""
    begun = {name: clock() for name, clock in CLOCKS.items()}
    found = function(*told, **named)
    return found, {name: clock() - begun[name] for name, clock in CLOCKS.items()}


if __name__ == "__main__":
    main()
