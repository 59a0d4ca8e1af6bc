"""Is what was asked for at an operating point reached on pictures that had no part in choosing it?

Features of the default network in int8, read once; everything after that is what a run does with
them. Each photographed set is divided in two at random, twins together, twenty times: on one half a
head is fitted, its temperature and the operating point are chosen by answers out of fold; the other
half judges. Told are, of each measure, share and class: the mean over the draws, and in how many of
them what was asked for lies within the interval of what was reached, or below it.

    python benchmarks/operating_point.py [--shared ../shared] [--draws 20]
"""

import argparse
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from unknown_pictures import SETS, extractor

from models.bundle import OperatingPoint
from models.choices import AtLeast, Measure
from models.errors import UsageError
from training.data.folder import scan_folder
from training.data.folds import deal_folds
from training.data.groups import join_groups
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import draw_sample
from training.features.extractor import Extractor
from training.head.calibration import at_temperature, temperature_of
from training.head.fit import Task
from training.head.operating_point import Answered, check_at_least, choose_point
from training.head.out_of_fold import answers_like, cross_fit
from training.inspection.twins import find_twins

Rows = npt.NDArray[np.int64]

MEASURES: tuple[Measure, ...] = ("recall", "precision")
SHARES = (0.9, 0.95, 0.98)


@dataclass(frozen=True)
class Known:
    """A set: features float32 (N, C), labels and groups int64 (N,), N digests, K classes."""

    features: npt.NDArray[np.float32]
    labels: Rows
    groups: Rows
    digests: tuple[str, ...]
    classes: tuple[str, ...]


def main() -> None:
    """Prints a table for each set."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--draws", type=int, default=20)
    given = parser.parse_args()
    whole = extractor()
    for name in SETS:
        tell(name, read(whole, given.shared / "data" / name), given.draws)


def read(whole: Extractor, data: Path) -> Known:
    """All pictures of a set, as the network sees them in int8."""
    folder, pictures = scan_folder(data, []), Pictures()
    sample = draw_sample(folder, pictures)
    pixels = readable_pixels(pictures, sample.examples, whole.preprocessing)[1]
    table = whole.in_int8(pixels).read(folder.examples, pictures)
    pairs = [(twin.first, twin.second) for twin in find_twins(table)]
    groups = join_groups(table.digests, pairs, [e.group for e in table.examples])
    return Known(table.features, table.labels, groups, tuple(table.digests), folder.classes)


def tell(name: str, known: Known, draws: int) -> None:
    """What was reached, of all that was asked for."""
    found: dict[AtLeast, list[OperatingPoint]] = {}
    for seed in range(draws):
        for asked, point in points(known, np.random.default_rng(seed)):
            found.setdefault(asked, []).append(point)
    table = Table("asked", "draws", "reached, mean", "least", "within its interval or above",
                  "other, mean", "specificity, mean", title=f"{name}: {draws} halves")  # fmt: skip
    for asked, all_points in found.items():
        reached = [p for p in all_points if p.threshold is not None]
        own = [getattr(p, asked.measure) for p in reached]
        other = [p.precision if asked.measure == "recall" else p.recall for p in reached]
        highest = [getattr(p, f"{asked.measure}_interval")[1] for p in reached]
        within = sum(asked.share <= high for high in highest)
        told = (np.mean(own), min(own), np.mean(other), np.mean([p.specificity for p in reached]))
        mean, least, beside, rest = (f"{share:.1%}" for share in told)
        table.add_row(f"{asked}", f"{len(reached)} of {len(all_points)}", mean, least,
                      f"{within}", beside, rest)  # fmt: skip
    Console(width=120).print(table)


def points(known: Known, rng: np.random.Generator) -> Iterator[tuple[AtLeast, OperatingPoint]]:
    """Of one division in two: all that can be asked for, and what comes of it."""
    mixed = rng.permutation(np.unique(known.groups))
    is_chosen = np.isin(known.groups, mixed[: len(mixed) // 2])
    chosen, judging = np.flatnonzero(is_chosen), np.flatnonzero(~is_chosen)
    labels, groups = known.labels[chosen], known.groups[chosen]
    folds = deal_folds(labels, groups, [known.digests[row] for row in chosen], {})
    task = Task(known.features, chosen, labels, folds, len(known.classes))
    fitted = cross_fit(task)
    alike = answers_like(task, fitted)
    temperature = temperature_of(alike, labels)
    answers = fitted.fitted.head.probabilities(known.features[judging])
    unseen = Answered(at_temperature(alike, temperature), labels, groups)
    judged = Answered(
        at_temperature(answers, temperature), known.labels[judging], known.groups[judging]
    )
    for measure in MEASURES:
        for share in SHARES:
            for name in known.classes:
                asked = AtLeast(measure, name, share)
                try:
                    check_at_least(asked, known.classes, labels, groups)
                except UsageError:
                    continue  # too few pictures of it in this half
                yield asked, choose_point(asked, known.classes, unseen, judged)


if __name__ == "__main__":
    main()
