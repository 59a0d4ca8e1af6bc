"""Finds pictures that are like no others of the folder, by the frozen network's features.

How far a picture is from the ten that are most like it, and not its own twins, is held against the
rest of the folder: beyond Tukey's fence (three quarters of all, and half as much again as lies
between the quarters). So nothing is called strange because a folder is varied.
"""

from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.utils import gen_batches

from training.features.table import Features
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: With one neighbour, ten strange pictures that are alike hide each other.
_NEIGHBOURS: Final = 10

#: Neighbours are looked for among so many pictures at most, evenly over the folder.
_BANK: Final = 4096

_BLOCK: Final = 1024

#: Fewer pictures do not say what is usual.
_FEWEST: Final = 20

_FENCE: Final = 1.5

#: Where pictures are all alike, the quarters lie close together: a stranger is at least this many
#: times as far from the others as is usual.
_NOTABLE: Final = 1.5

#: Cosines differ by less through rounding: what is usual is no less, where pictures are all alike.
_ROUNDING: Final = 1e-6


def find_outliers(evidence: Evidence) -> list[Finding]:
    """The pictures that are like no others, the strangest first."""
    if len(evidence.labels) < _FEWEST:
        return []
    distances = distances_to_others(evidence.table.features, evidence.groups)
    low, middle, high = np.percentile(distances, [25, 50, 75])
    middle = max(middle, _ROUNDING)
    fence = max(high + _FENCE * (high - low), _NOTABLE * middle)
    found = np.flatnonzero(distances > fence)
    return [_finding(evidence, int(row), distances[row], middle, fence) for row in found]


def distances_to_others(
    features: Features, groups: npt.NDArray[np.int64]
) -> npt.NDArray[np.float32]:
    """How far each picture is from those most like it that are not of its group.

    Args:
        features: float32 (N, C).
        groups: int64 (N,).

    Returns:
        Float32 (N,), means of one less the cosine; 0 where all are of one group.
    """
    directions = features / np.maximum(np.linalg.norm(features, axis=1, keepdims=True), 1e-12)
    bank = np.unique(np.linspace(0, len(features) - 1, _BANK).astype(np.int64))
    few = min(_NEIGHBOURS, len(bank))
    found = np.zeros(len(features), np.float32)
    for block in gen_batches(len(features), _BLOCK):
        away = 1 - directions[block] @ directions[bank].T
        away[groups[block, np.newaxis] == groups[bank]] = np.nan
        nearest = np.partition(away, few - 1, axis=1)[:, :few]  # NaNs come last
        known = np.maximum(np.isfinite(nearest).sum(axis=1), 1)
        found[block] = np.nansum(nearest, axis=1) / known
    return found


def _finding(evidence: Evidence, row: int, distance: float, usual: float, fence: float) -> Finding:
    (name,) = evidence.names(np.array([row]))
    sentence = (
        f"{name} is like no other picture of the folder: from those most like it it is "
        f"{distance / usual:.1f} times as far as is usual; does it belong here?"
    )
    # A half at the fence, towards one far beyond.
    score = 1 - (fence - usual) / (2 * (distance - usual))
    return Finding("outlier", (name,), float(score), sentence)
