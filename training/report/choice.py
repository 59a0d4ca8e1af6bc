"""Which pictures a report shows: the surest mistakes, a cross-section, neighbours."""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt

from training.evaluation import Probabilities
from training.features.table import Features

Rows = npt.NDArray[np.int64]

#: Queries whose similarities to all pictures are in memory at once: 26 MB at 100,000 pictures.
_AT_ONCE: Final = 64


def surest_mistakes(probabilities: Probabilities, labels: Rows, most: int) -> list[int]:
    """Rows of wrong answers, float32 (N, K), to pictures of these classes, the surest first."""
    wrong = np.flatnonzero(probabilities.argmax(axis=1) != labels)
    order = np.argsort(-probabilities[wrong].max(axis=1), kind="stable")
    return [int(row) for row in wrong[order][:most]]


def cross_section(
    probabilities: Probabilities, labels: Rows, class_index: int, most: int
) -> list[int]:
    """Rows of pictures of a class, from the hardest to the easiest in even steps."""
    mine = np.flatnonzero(labels == class_index)
    ordered = mine[np.argsort(probabilities[mine, class_index], kind="stable")]
    steps = np.linspace(0, len(mine) - 1, min(most, len(mine))).round().astype(np.int64)
    return [int(row) for row in ordered[steps]]


def nearest(features: Features, queries: Sequence[int], sides: Rows, most: int) -> list[list[int]]:
    """Of each query the rows that are most like it, the nearest first.

    Args:
        features: float32 (N, C), compared by their angle.
        queries: M rows of them.
        sides: int64 (N,): which rows were learned from, or judged, together. A row of the query's
            own side taught the network nothing when the query was answered, and is not shown.
        most: of each query.
    """
    lengths = np.linalg.norm(features, axis=1) + np.finfo(np.float32).tiny
    found: list[list[int]] = []
    for start in range(0, len(queries), _AT_ONCE):
        rows = np.array(queries[start : start + _AT_ONCE], dtype=np.int64)
        alike = (features[rows] / lengths[rows, None]) @ features.T / lengths
        alike[sides[rows][:, None] == sides] = -np.inf
        order = np.argsort(-alike, axis=1, kind="stable")[:, :most]
        found += [
            [int(row) for row in best if np.isfinite(one[row])]
            for best, one in zip(order, alike, strict=True)
        ]
    return found


def similarity(features: Features, first: int, second: int) -> float:
    """The cosine of the angle between two rows."""
    one, other = features[first], features[second]
    length = float(np.linalg.norm(one) * np.linalg.norm(other))
    return float(one @ other) / length if length else 0.0
