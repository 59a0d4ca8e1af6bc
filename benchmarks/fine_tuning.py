"""Does fine-tuning pay, against the frozen network it began from? Several seeds, one folder.

What is exported is chosen on validation pictures; here both are judged on the held-out part, which
chooses nothing. With `--by-source`, a folder per class whose file names end with the picture that
they were cut from (`screw_000_image1_201_png.jpg` → `image1_201_png`) is laid out as train/ and
test/ first, so that no source stands on both sides.

    python benchmarks/fine_tuning.py --data DIR --backbone NAME --weights FILE [--by-source]
        [--seeds 0 1 2] [--options ...]
"""

import argparse
import re
import tempfile
from collections import defaultdict
from pathlib import Path
from statistics import mean

import numpy as np
from _runs import add_data, percent, pictures, train_transfer
from rich.console import Console
from rich.table import Table

#: The part of the sources that is held out.
HELD_OUT = 0.3


def main() -> None:
    """Trains once for each seed and prints the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", default="auto")
    parser.add_argument("--by-source", action="store_true")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1, 2])
    parser.add_argument("--options", nargs=argparse.REMAINDER, default=[])
    chosen = parser.parse_args()
    network = ["--backbone", chosen.backbone, "--weights", chosen.weights, "--finetune"]
    table = Table("seed", "held out", "frozen", "fine-tuned", "exported", "which", "wall time")
    rows: list[tuple[float, float, float]] = []
    for seed in chosen.seeds:
        with pictures(chosen.data) as given, tempfile.TemporaryDirectory() as place:
            data = lay_out_by_source(given, Path(place), seed) if chosen.by_source else given
            options = ["--data", data, "--seed", str(seed), *network, *chosen.options]
            found = train_transfer(*options)
        judged = found["fine_tuning"]["held_out_accuracy"]
        rows.append((judged["frozen"], judged["fine_tuned"], found["accuracy"]))
        table.add_row(
            str(seed),
            str(found["held_out"]),
            *map(percent, rows[-1]),
            found["recipe"],
            f"{found['seconds']:.0f} s",
        )
    table.add_row("mean", "", *(percent(mean(column)) for column in zip(*rows, strict=True)))
    Console().print(table)


def lay_out_by_source(data: Path, place: Path, seed: int) -> Path:
    """Links the pictures of a folder per class into train/ and test/, whole sources at a time."""
    of_source: dict[str, list[Path]] = defaultdict(list)
    for path in sorted(data.glob("*/*")):
        of_source[source_of(path.name)].append(path)
    sources = sorted(of_source)
    order = np.random.default_rng(seed).permutation(len(sources))
    held_out = {sources[i] for i in order[: round(HELD_OUT * len(sources))]}
    for source, paths in of_source.items():
        for path in paths:
            part = "test" if source in held_out else "train"
            link = place / data.name / part / path.parent.name / path.name
            link.parent.mkdir(parents=True, exist_ok=True)
            link.symlink_to(path.resolve())
    return place / data.name


def source_of(name: str) -> str:
    """`screw_000_image1_201_png.jpg` → `image1_201_png`."""
    found = re.search(r"_\d+_(.+)\.\w+$", name)
    return found[1] if found else name


if __name__ == "__main__":
    main()
