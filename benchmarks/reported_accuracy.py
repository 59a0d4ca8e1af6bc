"""Is the reported accuracy that of the exported file? And do folds stay as a folder grows?

Draws of some of a folder's pictures, each treated as a run treats a folder without parts: what its
sample decides about the framing, folds by content, heads out of fold, the exported head from all.
The truth is that head's accuracy on all other pictures. Features are read once for each framing.

    python benchmarks/reported_accuracy.py --shared ../shared [--data cats_dogs_light]
        [--draws 20] [--pictures 300] [--seed 0]
"""

import argparse
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

import numpy as np
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import decide_weights, parse_weights
from models.graph.network import Network
from models.preprocessing import Framing
from training.data.example import Example, ImageFolder
from training.data.folder import scan_folder
from training.data.folds import FOLDS
from training.data.parts import Parts, make_parts
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.evaluation import Evaluation, evaluate
from training.features.extractor import Extractor
from training.features.graphs import graph_of
from training.features.table import FeatureTable
from training.head.cross_validation import cross_validate
from training.head.fit import Task
from training.head.out_of_fold import CrossFitted, cross_fit
from training.selection.framing import FRAMINGS, preferred

#: What was asked, in points: the mean and the spread of reported less true, an interval's width.
MEAN, SPREAD, WIDTH, COVERED = 0.3, 1.0, 4.0, 17 / 20

#: Of a folder that grows: pictures at first, and later.
FIRST, LATER = 250, 300

Tables = Mapping[Framing, FeatureTable]


@dataclass(frozen=True)
class Draw:
    """What a run on some pictures reports, and what is true."""

    framing: Framing
    reported: Evaluation
    true: float
    on_sample: float
    on_others: float

    @property
    def error(self) -> float:
        """Reported less true, in points."""
        return 100 * (self.reported.accuracy - self.true)

    @property
    def width(self) -> float:
        """Of the interval, in points."""
        low, high = self.reported.accuracy_interval
        return 100 * (high - low)

    @property
    def covers(self) -> bool:
        """Whether the truth lies in the interval."""
        low, high = self.reported.accuracy_interval
        return low <= self.true <= high


def main() -> None:
    """Prints a line for each way of showing pictures, and what became of the folds."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True, help="where data/ with pictures is")
    parser.add_argument("--data", default="cats_dogs_light")
    parser.add_argument("--draws", type=int, default=20)
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--seed", type=int, default=0)
    chosen = parser.parse_args()
    folder, tables = read(chosen.shared / "data" / chosen.data)
    random = np.random.default_rng(chosen.seed)
    draws = [random.permutation(len(folder.examples)) for _ in range(chosen.draws)]
    console = Console(width=None if Console().is_terminal else 120)
    table = Table("framing", "reported - true", "spread", "width", "covers", "sample - others")
    for asked in ("by the sample", *FRAMINGS):
        found = [draw(folder, tables, np.sort(order[: chosen.pictures]), asked) for order in draws]
        table.add_row(asked, *told(found))
    console.print(table)
    console.print(
        f"asked: within ± {MEAN}, spread ≤ {SPREAD}, width ≤ {WIDTH}, covers ≥ {COVERED:.0%}"
    )
    grow(folder, tables[FRAMINGS[0]], draws, console)


def read(data: Path) -> tuple[ImageFolder, Tables]:
    """A folder without parts of all its pictures, and their features in every framing."""
    found = scan_folder(data)
    whole = tuple(Example(e.path, e.name, e.class_index, None) for e in found.examples)
    folder = ImageFolder(f"{data}", "a folder per class", found.classes, whole, read=found.read)
    name, weights = decide_weights(None, parse_weights("auto"))
    network, pictures = Network(load_backbone(name, weights)), Pictures(found.read)
    extractor = Extractor(network, graph_of(network), network.backbone.preprocessing)
    tables = {f: extractor.framed(f).read(whole, pictures) for f in FRAMINGS}
    return folder, tables


def draw(folder: ImageFolder, tables: Tables, rows: np.ndarray, asked: str) -> Draw:
    """A run on some rows, and how its head does on all others."""
    table = tables[FRAMINGS[0]]
    drawn = some(folder, table, rows)
    sample = {e.name for e in draw_sample(drawn, Pictures(folder.read)).examples}
    sampled = rows[[table.examples[row].name in sample for row in rows]]
    answers = {f: cross_validate(t.features[sampled], t.labels[sampled]) for f, t in tables.items()}
    framing = preferred({f: a for f, a in answers.items() if a}) if asked not in tables else asked
    shown = tables[framing]
    parts, fitted = fit(drawn, shown, rows)
    labels = shown.labels[rows]
    reported = evaluate(fitted.answers, labels, folder.classes, parts.groups, parts.judged_by)
    others = np.setdiff1d(np.arange(len(shown.labels)), rows)
    right = fitted.answers.argmax(1) == labels
    is_sampled = np.isin(rows, sampled)
    true = fitted.fitted.head.probabilities(shown.features[others]).argmax(1)
    return Draw(
        framing, reported, float((true == shown.labels[others]).mean()),
        100 * float(right[is_sampled].mean()), 100 * float(right[~is_sampled].mean()),
    )  # fmt: skip


def fit(drawn: ImageFolder, table: FeatureTable, rows: np.ndarray) -> tuple[Parts, CrossFitted]:
    """The parts of some rows, and the head."""
    parts = parts_of(drawn, table, rows)
    labels = table.labels[rows]
    return parts, cross_fit(Task(table.features, rows, labels, parts.folds, len(drawn.classes)))


def parts_of(
    drawn: ImageFolder,
    table: FeatureTable,
    rows: np.ndarray,
    known: Mapping[str, int] = MappingProxyType({}),
) -> Parts:
    """The parts of some rows, as a run makes them."""
    return make_parts(drawn, drawn.examples, [table.digests[row] for row in rows], known=known)


def told(found: list[Draw]) -> list[str]:
    """One line of the table."""
    errors = np.array([one.error for one in found])
    beside = np.array([one.on_sample - one.on_others for one in found])
    return [
        f"{errors.mean():+.2f} ± {errors.std(ddof=1) / len(errors) ** 0.5:.2f}",
        f"{errors.std(ddof=1):.2f}",
        f"{np.mean([one.width for one in found]):.2f} (at most {max(o.width for o in found):.2f})",
        f"{sum(one.covers for one in found)} of {len(found)}",
        f"{beside.mean():+.2f} ± {beside.std(ddof=1) / len(beside) ** 0.5:.2f}",
    ]


def grow(
    folder: ImageFolder, table: FeatureTable, draws: list[np.ndarray], console: Console
) -> None:
    """Counts pictures that are in another fold once more have come, without any memory and with."""
    moved, remembered, shares = 0, 0, []
    for order in draws:
        few, more = (np.sort(order[:count]) for count in (FIRST, LATER))
        folds = [parts_of(some(folder, table, rows), table, rows).folds for rows in (few, more)]
        known = {table.digests[row]: int(f) for row, f in zip(few, folds[0], strict=True)}
        again = parts_of(some(folder, table, more), table, more, known).folds
        kept = np.isin(more, few)
        moved += int((folds[1][kept] != folds[0]).sum())
        remembered += int((again[kept] != folds[0]).sum())
        shares += (np.bincount(folds[1], minlength=FOLDS) / LATER).tolist()
    console.print(
        f"{FIRST}, then {LATER} pictures, {len(draws)} draws: moved {moved} without memory of the "
        f"first, {remembered} with; a fold holds {min(shares):.1%} to {max(shares):.1%}"
    )


def some(folder: ImageFolder, table: FeatureTable, rows: np.ndarray) -> ImageFolder:
    """The folder as if it held some rows alone."""
    examples = tuple(table.examples[row] for row in rows)
    return ImageFolder(folder.place, folder.layout, folder.classes, examples, read=folder.read)


if __name__ == "__main__":
    main()
