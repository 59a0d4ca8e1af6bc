"""Where hiding a part of a picture costs a class most: an explanation for any network.

Zeiler & Fergus, "Visualizing and Understanding Convolutional Networks", ECCV 2014: a grey square
moves over the picture, and the map is the probability that is lost where it stands. 49 squares and
the picture itself are all that the network is asked about, whatever its size. Each is two steps
wide, so that neighbours overlap, and of the picture's mean colour; blurring (as in RISE, Petsiuk et
al., BMVC 2018) leaves shapes to be seen, smaller squares leave the object: docs/decisions/0034.
"""

from collections.abc import Iterator
from typing import Final

import numpy as np
import numpy.typing as npt

from models.heatmap import Heatmap, MapGeometry
from models.preprocessing import Pixels

#: Squares along each side, and how many steps from one to the next each is wide.
CELLS: Final = 7
_WIDTH: Final = 2

#: How often a network is asked for one map: with every square, and without.
PASSES: Final = CELLS**2 + 1

#: What the odds must change by at least; less is what rounding left over.
_RESOLUTION: Final = 1e-3


def hidden(pixels: Pixels) -> Iterator[Pixels]:
    """The picture, uint8 (H, W, 3), with a square hidden, row by row: 49 times."""
    height, width = pixels.shape[:2]
    grey = pixels.mean((0, 1)).round().astype(np.uint8)
    for row in range(CELLS):
        for column in range(CELLS):
            found = pixels.copy()
            found[_reach(row, height), _reach(column, width)] = grey
            yield found


def _reach(cell: int, length: int) -> slice:
    """The pixels of a side that a square hides, cut at the picture's edge."""
    first, last = (cell + (1 - _WIDTH) / 2, cell + (1 + _WIDTH) / 2)
    return slice(max(0, round(first * length / CELLS)), round(last * length / CELLS))


def map_of(
    whole: npt.NDArray[np.float32], covered: npt.NDArray[np.float32], class_index: int
) -> tuple[Heatmap, float]:
    """The map of a class, float32 (7, 7) in [0, 1], and its maximum before it was divided by it.

    That is how much of the class's probability is lost where hiding costs most. Both are zero where
    it costs nothing anywhere.

    Args:
        whole: (K,), what the network says of the picture.
        covered: (49, K), what it says with each square hidden.
        class_index: of the class.
    """
    before, others = _odds(whole, class_index)
    after, others_after = _odds(covered, class_index)
    # Near 1 the other classes are the more exact ones; their sum may pass 1 by rounding.
    lost = (before - after if before < others else others_after - others).clip(0, 1)
    peak = float(lost.max())
    if not peak > _RESOLUTION * min(float(before), float(others)):
        return np.zeros((CELLS, CELLS), np.float32), 0.0
    return (lost / peak).reshape(CELLS, CELLS).astype(np.float32), peak


def _odds(
    probabilities: npt.NDArray[np.float32], class_index: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """The probability of a class, and that of all others: (…, K) → (…,) twice."""
    exact = probabilities.astype(np.float64)
    return exact[..., class_index], np.delete(exact, class_index, axis=-1).sum(-1)


def geometry(width: int, height: int) -> MapGeometry:
    """Where the squares lie in an input of a size."""
    across, down = width / CELLS, height / CELLS
    return MapGeometry(across / 2, down / 2, across, down)
