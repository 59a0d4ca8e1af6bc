"""How long is a run with labels put right, against a second run before there was such a thing?

Of some pictures a few get the label of another class. Whole processes, each program with a cache of
its own that knows all pictures from a first run, then in turn:
- before: the program of an earlier commit once more, with another seed: features are known;
- right: this program, with its own `labels.csv`, in which those few are put right.

    git worktree add /tmp/before 79decb2
    python benchmarks/putting_right.py --before /tmp/before [--data DIR] [--pictures 500]
"""

import argparse
import csv
import json
import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _runs import add_data, pictures
from rich.console import Console

from training.data.folder import scan_folder

HERE = Path(__file__).resolve().parents[1]


def main() -> None:
    """Runs both in turn and prints medians, the ratio, and what was told of the difference."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--before", type=Path, default=HERE, help="a checkout; default: this one")
    parser.add_argument("--pictures", type=int, default=500)
    parser.add_argument("--swapped", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with pictures(chosen.data) as given, tempfile.TemporaryDirectory() as place:
        data = Path(place, "data")
        true = swapped(given.resolve(), data, chosen.pictures, chosen.swapped)
        Path(place, "before").mkdir()
        train(chosen.before.resolve(), data, Path(place, "before"))
        first = train(HERE, data, Path(place, "right"))
        table = put_right(first["folder"] / "labels.csv", true)
        found: dict[str, list[float]] = {"before": [], "right": []}
        for seed in range(1, chosen.rounds + 1):
            again = train(chosen.before.resolve(), data, Path(place, "before"), "--seed", f"{seed}")
            found["before"].append(again["seconds"])
            last = train(HERE, data, Path(place, "right"), "--labels", str(table))
            found["right"].append(last["seconds"])
    show(found)
    Console().print(last["summary"]["difference"]["sentence"])


def swapped(given: Path, data: Path, count: int, few: int) -> dict[str, str]:
    """A folder per class with so many pictures, a few in another's; by name, what they are."""
    lot = random.Random(0)
    folder = scan_folder(given)
    drawn = lot.sample(folder.examples, min(count, len(folder.examples)))
    wrong = set(lot.sample(range(len(drawn)), few))
    true = {}
    for number, example in enumerate(drawn):
        shift = 1 if number in wrong else 0
        label = folder.classes[(example.class_index + shift) % len(folder.classes)]
        name = f"{label}/{number:04}{example.path.suffix}"
        (data / label).mkdir(parents=True, exist_ok=True)
        (data / name).write_bytes(folder.read(example.path))
        true[name] = folder.classes[example.class_index]
    return true


def train(program: Path, data: Path, place: Path, *options: str) -> dict:
    """A whole run of a program's own command: its seconds, its folder and its summary."""
    own = {"BENTOML_HOME": str(place), "TRAIN_TRANSFER_CACHE": str(place / "caches")}
    command = [
        sys.executable, "-m", "training.cli", "--data", str(data), "--out", str(place / "runs"),
    ]  # fmt: skip
    environment = {**os.environ, **own, "PYTHONPATH": str(program), "HF_HUB_OFFLINE": "1"}
    begun = time.perf_counter()
    subprocess.run(
        [*command, *options], check=True, capture_output=True, cwd=program, env=environment
    )
    seconds = time.perf_counter() - begun
    newest = max(place.glob("runs/*/*/summary.json"), key=lambda path: path.stat().st_mtime)
    summary = json.loads(newest.read_text("utf-8"))
    return {"seconds": seconds, "folder": newest.parent, "summary": summary}


def put_right(table: Path, true: dict[str, str]) -> Path:
    """The table with the labels that pictures truly have."""
    shutil.copy(table, table.with_suffix(".first"))
    with table.open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    with table.open("w", encoding="utf-8", newline="") as file:
        writer = csv.writer(file, delimiter=";")  # as a spreadsheet may save it
        writer.writerow(("file", "label"))
        writer.writerows((row["file"], true[row["file"]]) for row in rows)
    return table


def show(found: dict[str, list[float]]) -> None:
    """Prints medians and the ratios round by round."""
    ratios = [right / before for before, right in zip(*found.values(), strict=True)]
    for name, seconds in found.items():
        spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
        Console().print(f"{name}: {statistics.median(seconds):.2f} s ({spread})")
    spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
    Console().print(f"right / before: {statistics.median(ratios):.2f} ({spread}); asked: <= 1.2")


if __name__ == "__main__":
    main()
