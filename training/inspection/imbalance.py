"""Finds classes of very unequal size, and an accuracy that always the same answer would reach."""

from collections.abc import Sequence
from typing import Final

import numpy as np

from training.data.names import listed
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: A class is small where the largest has so many times its pictures.
_TIMES: Final = 3


def find_imbalance(evidence: Evidence) -> list[Finding]:
    """What the sizes of the classes do to learning, and to what the accuracy is worth."""
    return [*_no_better_than_one_answer(evidence), *_small_classes(evidence)]


def _no_better_than_one_answer(evidence: Evidence) -> list[Finding]:
    told = evidence.evaluation
    low, high = told.accuracy_interval
    if low > told.commonest_accuracy:
        return []
    worse = "is worse than" if high < told.commonest_accuracy else "may be no better than"
    sentence = (
        f"the network {worse} always answering {told.commonest}: that is right for "
        f"{told.commonest_accuracy:.1%} of {told.count} pictures, the network for "
        f"{told.accuracy:.1%} ({low:.1%} to {high:.1%})"
    )
    return [Finding("imbalance", (), 1.0, sentence)]


def _small_classes(evidence: Evidence) -> list[Finding]:
    counts = np.bincount(evidence.labels, minlength=len(evidence.classes))
    largest, smallest = int(counts.argmax()), int(counts.min())
    small = np.flatnonzero(_TIMES * counts <= counts[largest])
    if not len(small):
        return []
    named = listed(_sizes(evidence.classes, counts, small))
    sentence = (
        f"{evidence.classes[largest]} has {counts[largest]} pictures, a third of that or less "
        f"have {named}: the accuracy is mostly that of large classes; look at each class's own"
    )
    return [Finding("imbalance", (), float(1 - smallest / counts[largest]), sentence)]


def _sizes(classes: Sequence[str], counts: np.ndarray, rows: np.ndarray) -> list[str]:
    """Some classes with their sizes, the smallest first."""
    order = rows[np.argsort(counts[rows], kind="stable")]
    return [f"{classes[row]} ({counts[row]})" for row in order]
