"""What does int8 cost in accuracy, and was it accepted where it should be?

Whole runs of `train-transfer` in fp32, in int8, and as `auto` decides, for the same seeds; the
exported files are judged on the whole held-out part.

    python benchmarks/precision.py --data DIR --backbone NAME --weights FILE [--seeds 0 1 2]
"""

import argparse
from statistics import mean
from typing import Any

from _runs import add_data, percent, pictures, train_transfer
from rich.console import Console
from rich.table import Table

PRECISIONS = ("fp32", "int8", "auto")

#: Points that int8 may lose in the mean.
ALLOWED = 0.5


def main() -> None:
    """Trains three times for each seed and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    network = ["--backbone", chosen.backbone, "--weights", chosen.weights]
    table = Table("seed", *PRECISIONS, "auto took", "framing: fp32, int8", "speed")
    rows = []
    with pictures(chosen.data) as data:
        for seed in chosen.seeds:
            options = ["--data", data, "--seed", str(seed), *network]
            runs = [train_transfer(*options, "--precision", one) for one in PRECISIONS]
            rows.append([run["accuracy"] for run in runs])
            table.add_row(str(seed), *map(percent, rows[-1]), *told(runs))
        table.title = f"{chosen.backbone}, {data.name}"
    means = [mean(column) for column in zip(*rows, strict=True)]
    table.add_row("mean", *map(percent, means))
    Console(width=None if Console().is_terminal else 120).print(table)
    print(f"int8 loses {100 * (means[0] - means[1]):.2f} points; {ALLOWED} are allowed")


def told(runs: list[dict[str, Any]]) -> tuple[str, str, str]:
    """What `auto` decided, how each was framed, and the speed that `auto` measured."""
    decided = runs[-1]["precision"]
    earned = decided["earned"]
    return (
        decided["precision"],
        ", ".join(run["framing"]["framing"] for run in runs[:2]),
        f"{earned['speedup']:.2f} x" if earned else "not asked",
    )


if __name__ == "__main__":
    main()
