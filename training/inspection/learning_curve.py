"""Would more pictures help? The accuracy at fewer pictures, and what that says of twice as many.

Heads are fitted on parts of the pictures and answer folds that they have not seen. Their errors
are taken to fall by a power of the number of pictures (Hestness 2017, arXiv:1712.00409), which is
carried on to twice as many. How sure that is follows from drawing the pictures again and again.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from training.data.parts import Rows
from training.evaluation import CONFIDENCE
from training.head.fit import Task
from training.head.out_of_fold import answers_to
from training.inspection.evidence import Evidence
from training.inspection.inspection import CurvePoint, LearningCurve

Right = npt.NDArray[np.bool_]

#: Parts of the pictures, and how often each is drawn: smaller ones differ more, and cost less.
_PARTS: Final = ((1 / 8, 3), (1 / 4, 2), (1 / 2, 1))

#: Heads on parts of more pictures than this take longer than they tell.
_MOST: Final = 2000

#: Fewer pictures of a class cannot be drawn from.
_FEWEST_OF_A_CLASS: Final = 16

_FURTHER: Final = 2
_DRAWS: Final = 500


def learning_curve(evidence: Evidence) -> LearningCurve | None:
    """The curve of a head on these pictures; None where there are too few to leave some out."""
    train = evidence.parts.train
    labels, groups = evidence.labels[train], evidence.groups[train]
    counts = [len(np.unique(groups[labels == label])) for label in np.unique(labels)]
    if min(counts) < _FEWEST_OF_A_CLASS or len(evidence.parts.folds) != len(train):
        return None
    task = Task(evidence.table.features, train, labels, evidence.parts.folds, len(evidence.classes))
    sizes, right = [], []
    random = np.random.default_rng(0)
    for part, repeats in _PARTS:
        share = min(part, _MOST / len(train))
        drawn = [_drawn(labels, groups, share, random) for _ in range(repeats)]
        right.append(np.mean([_right(task, evidence.strength, kept) for kept in drawn], axis=0))
        sizes.append(round(float(np.mean([kept.sum() for kept in drawn]))))
    right.append(evidence.answered[train] == labels)
    return _curve((*sizes, len(train)), np.array(right), groups)


def _drawn(labels: Rows, groups: Rows, part: float, random: np.random.Generator) -> Right:
    """A part of the groups of each class, bool (M,)."""
    kept: set[int] = set()
    for label in np.unique(labels):
        own = np.unique(groups[labels == label])
        kept.update(random.permutation(own)[: max(2, round(part * len(own)))].tolist())
    return np.isin(groups, list(kept))


def _right(task: Task, strength: float, kept: Right) -> Right:
    """Whether each picture is answered rightly, if heads learn from what is kept alone."""
    right = np.zeros(len(task.rows), dtype=bool)
    for fold in np.unique(task.folds):
        held, known = task.folds == fold, kept & (task.folds != fold)
        rows, labels, folds = task.rows[known], task.labels[known], task.folds[known]
        part = Task(task.features, rows, labels, folds, task.classes)
        answers = answers_to(part, strength, task.rows[held])
        right[held] = answers.argmax(axis=1) == task.labels[held]
    return right


def _curve(sizes: Sequence[int], right: npt.NDArray[np.float64], groups: Rows) -> LearningCurve:
    """What (S, M) right answers at S sizes say, if M pictures are drawn again by their groups."""
    _, places = np.unique(groups, return_inverse=True)
    random = np.random.default_rng(0)
    counted = random.multinomial(places.max() + 1, _even(places.max() + 1), _DRAWS)
    weights = counted[:, places].astype(np.float64)
    drawn = weights @ right.T / weights.sum(axis=1, keepdims=True)
    accuracy = right.mean(axis=1)
    further = _carried_on(sizes, accuracy[np.newaxis], right.shape[1])[0]
    drawn_further = _carried_on(sizes, drawn, right.shape[1])
    measured = [
        CurvePoint(size, float(found), _interval(drawn[:, place]))
        for place, (size, found) in enumerate(zip(sizes, accuracy, strict=True))
    ]
    gain = _interval(drawn_further - drawn[:, -1])
    promised = CurvePoint(_FURTHER * sizes[-1], float(further), _interval(drawn_further))
    return LearningCurve(tuple(measured), promised, gain)


def _even(count: int) -> npt.NDArray[np.float64]:
    return np.full(count, 1 / count)


def _carried_on(
    sizes: Sequence[int], accuracies: npt.NDArray[np.float64], pictures: int
) -> npt.NDArray[np.float64]:
    """The accuracy further on, of curves (D, S): float64 (D,); it never falls."""
    errors = np.log((1 - accuracies) + 0.5 / pictures)  # of no error there is no logarithm
    steps = np.log(np.array(sizes, dtype=np.float64))
    centred = steps - steps.mean()
    slopes = np.minimum(
        (errors - errors.mean(axis=1, keepdims=True)) @ centred / (centred**2).sum(), 0
    )
    # From today's error on: the slope alone is what fewer pictures taught.
    further: npt.NDArray[np.float64] = 1 - (1 - accuracies[:, -1]) * _FURTHER**slopes
    return further


def _interval(found: npt.NDArray[np.float64]) -> tuple[float, float]:
    low, high = np.percentile(found, [50 * (1 - CONFIDENCE), 50 * (1 + CONFIDENCE)])
    return float(low), float(high)
