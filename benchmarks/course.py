"""The course's hands-on 5 (cats against dogs), and what its author reached.

Three runs on the same folder: the course's small network from scratch, a pretrained one frozen, and
the same fine-tuned. Accuracy on the held-out part with its interval, parameters that were trained,
and wall time; beside it the author's own logs, for his ResNet-18 on his GPU.

    python benchmarks/course.py --data DIR [--backbone resnet18] [--weights auto] [--seed 0]
"""

import argparse
from typing import Any

from _runs import add_data, pictures, train_transfer, with_interval
from rich.console import Console
from rich.table import Table

#: The author's logs: accuracy on the validation pictures, and seconds on his GPU.
AUTHOR = {
    "from scratch": "72.5 %, 165 s (small network, 55 epochs)",
    "frozen": "98.3 %, 68 s (ResNet-18, 30 epochs)",
    "fine-tuned": "–",
}


def main() -> None:
    """Trains three times and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--seed", default="0")
    chosen = parser.parse_args()
    pretrained = ["--backbone", chosen.backbone, "--weights", chosen.weights]
    with pictures(chosen.data) as data:
        common = ["--data", data, "--seed", chosen.seed]
        found = {
            "from scratch": train_transfer(*common, "--backbone", "baseline"),
            "frozen": train_transfer(*common, *pretrained),
            "fine-tuned": train_transfer(*common, *pretrained, "--finetune"),
        }
    table = Table("recipe", "network", "exported", "accuracy", "trained parameters", "wall time")
    table.add_column("the author's")
    for recipe, summary in found.items():
        table.add_row(recipe, *row(summary), AUTHOR[recipe])
    Console().print(table)


def row(summary: dict[str, Any]) -> tuple[str, ...]:
    """One line of the table."""
    return (
        f"{summary['backbone']} ({summary['weights']})",
        summary["recipe"],
        with_interval(summary),
        f"{summary['trained_parameters']:,}",
        f"{summary['seconds']:.0f} s",
    )


if __name__ == "__main__":
    main()
