"""Is the reported accuracy that of the exported file? And do folds stay as a folder grows?

Draws of some of a folder's pictures, each treated as a run treats a folder without parts: what its
sample decides about the framing, folds by content, heads out of fold, the exported head from all.
The truth is that head's accuracy on all other pictures. Features are read once for each framing.

    python benchmarks/reported_accuracy.py --shared ../shared [--data cats_dogs_light]
        [--draws 20] [--pictures 300] [--seed 0]
"""

import argparse
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType

import numpy as np
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import decide_weights, parse_weights
from models.graph.network import Network
from models.preprocessing import Framing
from training.data.example import ImageFolder
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
from training.head.out_of_fold import cross_fit
from training.inspection.twins import Twin, find_twins
from training.selection.framing import FRAMINGS, preferred

#: What was asked, in points: the mean and the spread of reported less true, an interval's width.
MEAN, SPREAD, WIDTH, COVERED = 0.3, 1.0, 4.0, 17 / 20

#: Of a folder that grows: pictures at first, and later.
FIRST, LATER = 250, 300


@dataclass(frozen=True)
class Pool:
    """All pictures of a folder, as if it had no parts; their features in every framing; twins."""

    folder: ImageFolder
    tables: Mapping[Framing, FeatureTable]
    twins: Sequence[Twin]

    @property
    def table(self) -> FeatureTable:
        """Of one framing: where features do not matter."""
        return self.tables[FRAMINGS[0]]

    def some(self, rows: np.ndarray) -> ImageFolder:
        """The folder as if it held some rows alone."""
        return replace(self.folder, examples=tuple(self.table.examples[row] for row in rows))

    def parts(self, rows: np.ndarray, known: Mapping[str, int] = MappingProxyType({})) -> Parts:
        """The parts of some rows, as a run makes them."""
        place = {row: number for number, row in enumerate(rows.tolist())}
        both = [t for t in self.twins if t.first in place and t.second in place]
        twins = [(place[t.first], place[t.second]) for t in both]
        digests = [self.table.digests[row] for row in rows]
        drawn = self.some(rows)
        return make_parts(drawn, drawn.examples, digests, twins, known)


@dataclass(frozen=True)
class Draw:
    """What a run on some pictures reports, and what is true."""

    reported: Evaluation
    true: float
    sample_less_others: float

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
    pool = read(chosen.shared / "data" / chosen.data)
    random = np.random.default_rng(chosen.seed)
    draws = [random.permutation(len(pool.folder.examples)) for _ in range(chosen.draws)]
    console = Console(width=None if Console().is_terminal else 120)
    table = Table("framing", "reported - true", "spread", "width", "covers", "sample - others")
    for asked in ("by the sample", *FRAMINGS):
        found = [draw(pool, np.sort(order[: chosen.pictures]), asked) for order in draws]
        table.add_row(asked, *told(found))
    console.print(table)
    console.print(
        f"asked: within ± {MEAN}, spread ≤ {SPREAD}, width ≤ {WIDTH}, covers ≥ {COVERED:.0%}"
    )
    console.print(grown(pool, draws))


def read(data: Path) -> Pool:
    """Reads every picture in every framing."""
    found = scan_folder(data)
    whole = tuple(replace(example, part=None) for example in found.examples)
    folder = replace(found, layout="a folder per class", examples=whole)
    name, weights = decide_weights(None, parse_weights("auto"))
    network, pictures = Network(load_backbone(name, weights)), Pictures(found.read)
    extractor = Extractor(network, graph_of(network), network.facts.preprocessing)
    tables = {f: extractor.framed(f).read(whole, pictures) for f in FRAMINGS}
    return Pool(folder, tables, find_twins(tables[FRAMINGS[0]]))


def draw(pool: Pool, rows: np.ndarray, asked: str) -> Draw:
    """A run on some rows, and how its head does on all others."""
    drawn = pool.some(rows)
    sample = {e.name for e in draw_sample(drawn, Pictures(drawn.read)).examples}
    is_sampled = np.array([example.name in sample for example in drawn.examples])
    framing = asked if asked in pool.tables else by_sample(pool, rows[is_sampled])
    table, parts, classes = pool.tables[framing], pool.parts(rows), drawn.classes
    labels = table.labels[rows]
    fitted = cross_fit(Task(table.features, rows, labels, parts.folds, len(classes)))
    right = fitted.answers.argmax(1) == labels
    others = np.setdiff1d(np.arange(len(table.labels)), rows)
    true = fitted.fitted.head.probabilities(table.features[others]).argmax(1)
    return Draw(
        evaluate(fitted.answers, labels, classes, parts.groups, parts.judged_by),
        float((true == table.labels[others]).mean()),
        100 * float(right[is_sampled].mean() - right[~is_sampled].mean()),
    )


def by_sample(pool: Pool, sampled: np.ndarray) -> Framing:
    """The framing that a run would choose."""
    tables = pool.tables.items()
    answers = {f: cross_validate(t.features[sampled], t.labels[sampled]) for f, t in tables}
    return preferred({framing: answer for framing, answer in answers.items() if answer})


def told(found: list[Draw]) -> list[str]:
    """One line of the table."""
    errors = np.array([one.error for one in found])
    beside = np.array([one.sample_less_others for one in found])
    return [
        f"{errors.mean():+.2f} ± {errors.std(ddof=1) / len(errors) ** 0.5:.2f}",
        f"{errors.std(ddof=1):.2f}",
        f"{np.mean([one.width for one in found]):.2f} (at most {max(o.width for o in found):.2f})",
        f"{sum(one.covers for one in found)} of {len(found)}",
        f"{beside.mean():+.2f} ± {beside.std(ddof=1) / len(beside) ** 0.5:.2f}",
    ]


def grown(pool: Pool, draws: list[np.ndarray]) -> str:
    """Who is in another fold once more have come, without memory of the first run and with it."""
    moved, remembered, joined, shares = 0, 0, 0, []
    for order in draws:
        few, more = (np.sort(order[:count]) for count in (FIRST, LATER))
        first, later = pool.parts(few), pool.parts(more)
        digests = [pool.table.digests[row] for row in few]
        known = dict(zip(digests, first.folds.tolist(), strict=True))
        kept = np.isin(more, few)
        is_joined = joined_by_new(first.groups, later.groups[kept])
        joined += int(is_joined.sum())
        moved += int((later.folds[kept] != first.folds)[~is_joined].sum())
        again = pool.parts(more, known)
        remembered += int((again.folds[kept] != first.folds)[~is_joined].sum())
        shares += (np.bincount(later.folds, minlength=FOLDS) / LATER).tolist()
    return (
        f"{FIRST}, then {LATER} pictures, {len(draws)} draws: {joined} were joined by new ones; "
        f"of the rest {moved} moved without memory of the first run, {remembered} with; "
        f"a fold holds {min(shares):.1%} to {max(shares):.1%}"
    )


def joined_by_new(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Which pictures are in a group now that several groups have become, bool (N,)."""
    pairs = np.unique(np.stack([before, after], axis=1), axis=0)
    several = np.unique(pairs[:, 1], return_counts=True)
    return np.isin(after, several[0][several[1] > 1])


if __name__ == "__main__":
    main()
