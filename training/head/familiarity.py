"""What pictures of a task have in common, so that one unlike them is recognised as a stranger.

The directions of their features gather around a few dozen centres; a picture is as familiar as it
is near to one. No centre gives a single picture away: each is the mean of `FEWEST` at least. Why
this, and not the nearest picture or Mahalanobis: docs/decisions/0030.
"""

import warnings
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.cluster import KMeans
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from models.calibration import SHORTEST, similarity

Features = npt.NDArray[np.float32]
Centres = npt.NDArray[np.float16]
Rows = npt.NDArray[np.int64]

#: Centres at most, and pictures that one stands for at least.
CENTRES: Final = 64
FEWEST: Final = 5

#: The part of the task's own pictures that is taken for strangers: the price of finding those.
FALSE_ALARMS: Final = 0.05

#: The familiarity of a picture of the task that is neither near nor far: half of them have more.
_USUAL: Final = 0.9

#: Of more pictures so many are looked at, evenly: centres move little, and time grows no more.
_SAMPLE: Final = 4000

#: Rows that are looked at at once.
_BLOCK: Final = 1024

#: Cosines do not differ by less.
_SMALLEST_SPREAD: Final = 1e-4


def fit_centres(features: Features, rows: Rows, groups: Rows) -> Centres:
    """The directions that some pictures lie around.

    Args:
        features: float32 (N, C).
        rows: int64 (M,), of those pictures.
        groups: int64 (N,), which pictures are one thing, as copies are: they count once.

    Returns:
        Float16 (1 to `CENTRES`, C), each of length 1.
    """
    first = rows[np.unique(groups[rows], return_index=True)[1]]
    chosen = first[np.linspace(0, len(first) - 1, min(_SAMPLE, len(first))).astype(np.int64)]
    directions = _directions(features[chosen])
    start: int | Features = max(1, min(CENTRES, len(chosen) // FEWEST))
    # One thread: sums in another order would be another bundle for the same seed.
    with threadpool_limits(1):
        while True:
            means, counts = _means(directions, start)
            if len(means) == 1 or counts.min() >= FEWEST:
                return _directions(means).astype(np.float16)
            start = means[counts >= FEWEST] if counts.max() >= FEWEST else 1


def similarities_out_of_fold(features: Features, rows: Rows, groups: Rows, folds: Rows) -> Features:
    """How near each of some pictures is to centres that were found without its fold.

    Args:
        features: float32 (N, C).
        rows: int64 (M,), of those pictures.
        groups: int64 (N,).
        folds: int64 (M,).

    Returns:
        Float32 (M,), cosines.
    """
    found = np.empty(len(rows), np.float32)
    for fold in np.unique(folds):
        held = folds == fold
        kept = rows[~held] if not held.all() else rows
        found[held] = similarities(features, rows[held], fit_centres(features, kept, groups))
    return found


def similarities(features: Features, rows: Rows, centres: Centres) -> Features:
    """How near some pictures, int64 (M,), are to centres: float32 (M,), cosines."""
    blocks = [
        similarity(features[rows[block]], centres) for block in gen_batches(len(rows), _BLOCK)
    ]
    return np.concatenate(blocks)


def scaling_of(similarities: Features) -> npt.NDArray[np.float32]:
    """Slope and offset of `Calibration.scaling`: one in twenty is below the threshold.

    Args:
        similarities: float32 (N,), of pictures of the task that had no part in the centres.
    """
    ranked = np.sort(similarities.astype(np.float64))
    line = ranked[max(int(FALSE_ALARMS * (len(ranked) + 1)), 1) - 1]
    spread = max(np.median(ranked) - line, _SMALLEST_SPREAD)
    slope = np.log(_USUAL / (1 - _USUAL)) / spread
    return np.array([slope, -slope * line], np.float32)


def _means(directions: Features, start: int | Features) -> tuple[Features, npt.NDArray[np.int64]]:
    """k-means from so many centres, or from these: means (M, C), and how many are of each."""
    count = start if isinstance(start, int) else len(start)
    how = "k-means++" if isinstance(start, int) else start
    with warnings.catch_warnings():
        # Of pictures that are all alike there are fewer: what stands for none is dropped above.
        warnings.simplefilter("ignore", ConvergenceWarning)
        fitted = KMeans(count, init=how, n_init=1, random_state=0).fit(directions)
    return fitted.cluster_centers_, np.bincount(fitted.labels_, minlength=count)


def _directions(features: Features) -> Features:
    found: Features = features / np.maximum(
        np.linalg.norm(features, axis=1, keepdims=True), SHORTEST
    )
    return found
