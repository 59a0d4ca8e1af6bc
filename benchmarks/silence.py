"""How long is a run silent, and what does it do meanwhile?

    python benchmarks/silence.py [--data DIR] [--options "--backbone resnet18 --weights none"]

Runs the command as a pipe sees it, with nothing known from before, once for each way of running,
and prints the longest time between two lines with the line that stood before it. The exit code is
1 where one was longer than three seconds; on a machine with other work on it, it may be.
"""

import argparse
import os
import shlex
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from _runs import add_data, pictures
from rich.console import Console
from rich.table import Table

MOST_S = 3.0

WAYS = {
    "as it comes": "",
    "fine-tuned": "--finetune --epochs 2",
    "ResNet-18, random": "--backbone resnet18 --weights none",
    "ResNet-18, int8": "--backbone resnet18 --weights none --precision int8",
    "from scratch": "--backbone baseline --epochs 2",
}


def main() -> int:
    """Runs each way and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--options", help="of the one run that is to be measured")
    chosen = parser.parse_args()
    ways = {chosen.options: chosen.options} if chosen.options else WAYS
    table = Table("run", "seconds", "lines", "longest silence, s", "after the line")
    longest = 0.0
    with pictures(chosen.data) as data:
        for name, options in ways.items():
            said = lines_of(["--data", str(data), *shlex.split(options)])
            silence, before = max(
                (later[0] - sooner[0], sooner[1]) for sooner, later in pairwise(said)
            )
            longest = max(longest, silence)
            total = f"{said[-1][0] - said[0][0]:.0f}"
            table.add_row(name, total, f"{len(said)}", f"{silence:.1f}", before)
    Console().print(table)
    return int(longest > MOST_S)


def lines_of(options: Sequence[str]) -> list[tuple[float, str]]:
    """What a run says, each line with the second at which it came; its start and its end too."""
    with tempfile.TemporaryDirectory() as place:
        own = {"BENTOML_HOME": str(Path(place, "bentoml")), "TRAIN_TRANSFER_CACHE": place}
        command = [sys.executable, "-m", "training.cli", *options, "--out", f"{place}/runs"]
        found = [(time.monotonic(), "(start)")]
        with subprocess.Popen(
            command, env={**os.environ, **own}, text=True,
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
        ) as running:  # fmt: skip
            assert running.stdout
            found += [(time.monotonic(), line.rstrip()) for line in running.stdout]
        if running.returncode:
            raise SystemExit("\n".join(line for _, line in found))
        return [*found, (time.monotonic(), "(end)")]


if __name__ == "__main__":
    sys.exit(main())
