"""What does int8 cost in accuracy, and was it accepted where it should be?

Whole runs of `train-transfer` in fp32, in int8, and as `auto` decides, for the same seeds; the
exported files are judged on the whole held-out part.

    python benchmarks/precision.py --data DIR [DIR ...] --backbone NAME --weights FILE
        [--seeds 0 1 2]
"""

import argparse
from pathlib import Path
from statistics import mean

from rich.console import Console
from rich.table import Table
from runs import percent, train_transfer

PRECISIONS = ("fp32", "int8", "auto")

#: Points that int8 may lose in the mean.
ALLOWED = 0.5


def main() -> None:
    """Trains three times for each seed and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--data", type=Path, nargs="+", required=True)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    chosen = parser.parse_args()
    network = ["--backbone", chosen.backbone, "--weights", chosen.weights]
    table = Table("pictures", "seed", *PRECISIONS, "auto took", "framing: fp32, int8", "speed")
    for data in chosen.data:
        rows = []
        for seed in chosen.seeds:
            options = ["--data", data, "--seed", str(seed), *network]
            runs = [train_transfer(*options, "--precision", one) for one in PRECISIONS]
            rows.append([run["accuracy"] for run in runs])
            earned = runs[-1]["precision"]["earned"]
            table.add_row(
                data.name,
                str(seed),
                *map(percent, rows[-1]),
                runs[-1]["precision"]["precision"],
                ", ".join(run["framing"]["framing"] for run in runs[:2]),
                f"{earned['speedup']:.2f} ×" if earned else "",
            )
        means = [mean(column) for column in zip(*rows, strict=True)]
        lost = 100 * (means[0] - means[1])
        verdict = f"int8 loses {lost:.2f} points (allowed: {ALLOWED})"
        table.add_row(data.name, "mean", *map(percent, means), verdict, end_section=True)
    Console(width=None if Console().is_terminal else 120).print(table)


if __name__ == "__main__":
    main()
