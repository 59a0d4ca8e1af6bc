"""Which pictures show the same: copies, and what was recompressed, resized, cropped or mirrored.

A pair is proposed where features or small views are nearest, and believed where the pictures agree
once one is laid on the other (`training.inspection.alignment`). Products of matrices take the time
of N squared: some 10 s at 20,000 pictures on two cores. Memory grows with N alone.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from scipy.linalg import eigh

from training.features.table import FeatureTable
from training.inspection.alignment import ALIKE, Floats, Rows, compare, small_views

How = Literal["copy", "alike", "mirrored"]

#: Of how many of its nearest a picture may be a twin, and from which cosine on: in features, which
#: cropping changes, and in small views, which say that it was not cropped.
_IN_FEATURES, _IN_VIEWS = (3, 0.4), (2, 0.8)

#: Features are asked in so many directions, found on so many pictures: all of them take longer
#: than reading the pictures where there are many.
_DIRECTIONS, _SAMPLE = 256, 4096

#: Similarities that are held at a time.
_HELD: Final = 16_000_000


@dataclass(frozen=True)
class Twin:
    """Two pictures that show the same.

    Attributes:
        first: a row of the table.
        second: a later one.
        similarity: in [0, 1].
        how: `copy` byte for byte; `alike`; `mirrored`.
    """

    first: int
    second: int
    similarity: float
    how: How


def find_twins(table: FeatureTable) -> tuple[Twin, ...]:
    """All pairs that were found, by rows; of files that are copies each with the first of them.

    Of many that are alike not all pairs are found, but a chain that joins them.
    """
    first: dict[str, int] = {}
    copies = []
    for row, digest in enumerate(table.digests):
        if (other := first.setdefault(digest, row)) != row:
            copies.append(Twin(other, row, 1.0, "copy"))
    shown = [row for row in first.values() if not table.properties[row].shows_nothing]
    alike = _alike(table, np.array(shown, dtype=np.int64))
    return tuple(sorted([*copies, *alike], key=lambda twin: (twin.first, twin.second)))


def _alike(table: FeatureTable, rows: Rows) -> list[Twin]:
    if len(rows) < 2:
        return []
    thumbnails = np.stack([table.properties[row].thumbnail for row in rows])
    pairs = _proposed(table.features[rows], thumbnails)
    found = compare(thumbnails, pairs)
    return [
        Twin(
            int(rows[pairs[i, 0]]),
            int(rows[pairs[i, 1]]),
            min(float(found.similarity[i]), 1.0),
            "mirrored" if found.mirrored[i] else "alike",
        )
        for i in np.flatnonzero(found.similarity >= ALIKE)
    ]


def _proposed(features: Floats, thumbnails: npt.NDArray[np.uint8]) -> Rows:
    """Pairs that are worth comparing, int64 (P, 2)."""
    views, mirrored = small_views(thumbnails), small_views(thumbnails[:, :, ::-1])
    directions = _directions(features)
    found = np.concatenate([
        _nearest(directions, directions, *_IN_FEATURES),
        _nearest(views, views, *_IN_VIEWS),
        _nearest(mirrored, views, *_IN_VIEWS),
    ])  # fmt: skip
    return np.unique(np.sort(found, axis=1), axis=0)


def _directions(features: Floats) -> Floats:
    """Where features point from their middle, in the directions in which they differ most."""
    sample = features[:: max(1, len(features) // _SAMPLE)]
    middle = sample.mean(0)
    found = (features - middle) @ _main_directions((sample - middle).astype(np.float64))
    lengths = np.linalg.norm(found, axis=1, keepdims=True)
    return np.asarray(found / np.maximum(lengths, 1e-6), np.float32)


def _main_directions(spread: npt.NDArray[np.float64]) -> Floats:
    """The directions in which (S, C) differ most, by the smaller of both squares: (C, 256)."""
    if len(spread) < spread.shape[1]:
        found = spread.T @ _main_axes(spread @ spread.T)
        found /= np.maximum(np.linalg.norm(found, axis=0), 1e-6)
    else:
        found = _main_axes(spread.T @ spread)
    return np.asarray(found, np.float32)


def _main_axes(square: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    last = len(square) - 1
    found = eigh(square, subset_by_index=(max(0, last + 1 - _DIRECTIONS), last))
    return np.asarray(found[1], np.float64)


def _nearest(asked: Floats, among: Floats, count: int, least: float) -> Rows:
    """Of each its nearest but itself, (P, 2), by vectors of length 1 whose cosine is not less."""
    found = []
    step = max(1, _HELD // len(among))
    for start in range(0, len(asked), step):
        near = asked[start : start + step] @ among.T
        here = np.arange(len(near))
        near[here, start + here] = -np.inf
        for _ in range(count):
            best = near.argmax(1)
            close = near[here, best] >= least
            found.append(np.stack([start + here, best], axis=1)[close])
            near[here, best] = -np.inf
    return np.concatenate(found)
