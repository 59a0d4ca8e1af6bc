"""From which probability on a class is decided, so that new pictures keep what was asked for.

By answers to pictures that had no part in what gave them, and on the safe side: the new picture
itself is counted as a failure, so that what is reached *on average over such folders* is what was
asked for or more. For recall that is the conformal quantile, as `training.head.calibration` takes
it (with groups: Lee, Barber and Willett, "Distribution-free inference with hierarchical data",
2023); for precision the "+ 1" of Barber and Candès ("Controlling the false discovery rate via
knockoffs", 2015). What was measured, and the rule that follows: docs/decisions/0033.
"""

import logging
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.bundle import OperatingPoint
from models.choices import AtLeast
from models.decision import decide
from models.errors import UsageError
from models.options import what_was_meant
from training.evaluation import CONFIDENCE, Interval, Probabilities, one_against_rest
from training.head.calibration import Labels, fewest_pictures

log = logging.getLogger(__name__)

Mask = npt.NDArray[np.bool_]

#: Classes that are named where none is like the one that was asked for.
_NAMED: Final = 10

#: What rounding may take from a whole number.
_SMALLEST: Final = 1e-9


@dataclass(frozen=True)
class Answered:
    """Answers, float32 (N, K), what is true, int64 (N,), and what belongs together, int64 (N,)."""

    probabilities: Probabilities
    labels: Labels
    groups: Labels


@dataclass(frozen=True)
class ChosenPoint:
    """An operating point, and what there is to tell of it beside.

    Attributes:
        point: as the bundle holds it.
        pictures: unseen ones of its class that it was chosen by; what belongs together is one.
        referred: the share of unseen pictures that a person must look at.
    """

    point: OperatingPoint
    pictures: int
    referred: float

    @property
    def sentence(self) -> str:
        """The same for people."""
        point = self.point
        asked = f"operating point for {point.measure} {100 * point.at_least:g}% at least"
        rule = (
            f"{asked}: these pictures show no probability of {point.label} from which on that is "
            "reached, so it is never decided"
            if point.threshold is None
            else f"{asked}: {point.label} is decided from a probability of {point.threshold:.3g} "
            f"on, {', '.join(self.shares)}"
        )
        return f"{rule}; {self.referred:.1%} of all pictures are referred to a person"

    @property
    def shares(self) -> tuple[str, str, str]:
        """Recall, precision and specificity in words, each with its interval."""
        point = self.point
        return (
            _in_words("recall (sensitivity)", point.recall, point.recall_interval),
            _in_words("precision", point.precision, point.precision_interval),
            _in_words("specificity", point.specificity, point.specificity_interval),
        )

    def as_json(self) -> dict[str, Any]:
        """What `summary.json` says of it."""
        told = self.point.model_dump(mode="json")
        return {**told, "pictures": self.pictures, "referred": self.referred}


def check_at_least(
    asked: AtLeast, classes: Sequence[str], labels: Labels, groups: Labels | None = None
) -> None:
    """Refuses what these pictures cannot show.

    Args:
        asked: for a class.
        classes: K names.
        labels: int64 (N,), of the pictures that will choose the point.
        groups: int64 (N,), which belong together and so are one; default: none.

    Raises:
        UsageError: there is no such class, or too few pictures of it.
    """
    if asked.label not in classes:
        meant = what_was_meant(asked.label, classes) or f"; there are {', '.join(classes[:_NAMED])}"
        raise UsageError(f"--at-least {asked}: there is no class {asked.label!r}{meant}")
    groups = np.arange(len(labels)) if groups is None else groups
    there = len(np.unique(groups[labels == classes.index(asked.label)]))
    if there < (needed := fewest_pictures(asked.share)):
        raise UsageError(
            f"--at-least {asked}: that takes {needed} pictures of {asked.label} to choose by, and "
            f"there are {there} (of what belongs together one counts); they allow "
            f"{there / (there + 1):.3f} at most"
        )


def choose_point(
    asked: AtLeast, classes: Sequence[str], unseen: Answered, judged: Answered
) -> OperatingPoint:
    """Chooses the point, and says how good it is.

    Args:
        asked: for a class.
        classes: K names.
        unseen: by which it is chosen; at the temperature that is exported.
        judged: by which it is judged; at the same.
    """
    place = classes.index(asked.label)
    choose = threshold_for_recall if asked.measure == "recall" else threshold_for_precision
    is_true = unseen.labels == place
    threshold = choose(unseen.probabilities[:, place], is_true, unseen.groups, asked.share)
    scores = judged.probabilities[:, place]
    is_decided = scores >= (np.inf if threshold is None else threshold)
    own, rest = one_against_rest(judged.labels == place, is_decided, judged.groups)
    return OperatingPoint(
        label=asked.label,
        measure=asked.measure,
        at_least=asked.share,
        threshold=threshold,
        recall=own.recall,
        recall_interval=own.recall_interval,
        precision=own.precision,
        precision_interval=own.precision_interval,
        specificity=rest.recall,
        specificity_interval=rest.recall_interval,
    )


def threshold_for_recall(
    scores: Probabilities, is_true: Mask, groups: Labels, at_least: float
) -> float | None:
    """The highest threshold that so large a part of the class's pictures reaches.

    Args:
        scores: float32 (N,), probabilities of the class.
        is_true: bool (N,), whether a picture is of it.
        groups: int64 (N,), which pictures belong together; each group weighs as one picture.
        at_least: the part, in (0, 1).

    Returns:
        None where there are too few of the class.
    """
    order = np.argsort(scores[is_true], kind="stable")
    ranked, weights = scores[is_true][order], _weights(groups[is_true])[order]
    missed = np.cumsum(weights) - weights + 1
    allowed = (1 - at_least) * (weights.sum() + 1) + _SMALLEST
    kept = ranked[missed <= allowed]
    return float(kept[-1]) if len(kept) else None


def threshold_for_precision(
    scores: Probabilities, is_true: Mask, groups: Labels, at_least: float
) -> float | None:
    """The lowest threshold from which on so large a part is of the class.

    Args:
        scores: as for recall, and so are the others.
        is_true: bool (N,).
        groups: int64 (N,).
        at_least: the part, in (0, 1).

    Returns:
        None where there is no such threshold.
    """
    order = np.argsort(-scores, kind="stable")
    ranked, weights = scores[order], _weights(groups)[order]
    taken, wrong = np.cumsum(weights) + 1, np.cumsum(weights * ~is_true[order]) + 1
    # Of equal scores all are taken, or none.
    is_last = np.diff(ranked, append=-1) != 0
    kept = ranked[is_last & (wrong <= (1 - at_least) * taken + _SMALLEST)]
    return float(kept[-1]) if len(kept) else None


def share_referred(
    point: OperatingPoint,
    classes: Sequence[str],
    probabilities: Probabilities,
    sets: Mask,
    is_familiar: Mask,
) -> float:
    """The share of pictures that a person must look at.

    Args:
        point: of a class.
        classes: K names.
        probabilities: float32 (N, K).
        sets: bool (N, K), the classes that each could be of.
        is_familiar: bool (N,).
    """
    found = [
        decide(
            point,
            float(row[classes.index(point.label)]),
            is_familiar=bool(known),
            prediction_set=[classes[place] for place in np.flatnonzero(possible).tolist()],
        ).refer
        for row, possible, known in zip(probabilities, sets, is_familiar, strict=True)
    ]
    return float(np.mean(found))


def say_what_was_chosen(found: ChosenPoint) -> None:
    """Says it in the log, and what the number of pictures allows."""
    point, level = found.point, logging.INFO
    if point.threshold is None:
        level = logging.WARNING
    log.log(level, "%s", found.sentence)
    log.info(
        "operating point: %d pictures of %s, by which it was chosen, could show %s of %.1f%% at "
        "most",
        found.pictures, point.label, point.measure, 100 * found.pictures / (found.pictures + 1),
    )  # fmt: skip


def _weights(groups: Labels) -> npt.NDArray[np.float64]:
    """What each picture counts, so that each group counts as one: float64 (N,)."""
    _, place, counts = np.unique(groups, return_inverse=True, return_counts=True)
    found: npt.NDArray[np.float64] = 1 / counts[place]
    return found


def _in_words(name: str, share: float | None, interval: Interval | None) -> str:
    if share is None or interval is None:
        return f"{name} unknown"
    low, high = interval
    return f"{name} {share:.1%} ({CONFIDENCE:.0%} interval {low:.1%} to {high:.1%})"
