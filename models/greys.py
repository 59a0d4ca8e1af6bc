"""Greys wider than 8 bits: which are black and white, and whether a picture's are the usual ones.

A file says how wide the container of its greys is, and not how much of that is used: twelve bits
in sixteen are nearly black where 65,535 is taken for white. So white is the top of the fewest bits
that hold what is there, over the training part where that has such pictures, else over the picture.
"""

import math
from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.choices import Levels

#: Of training pictures: the lowest grey of each lies between the first two of these four, its
#: highest between the last two.
Spread = tuple[float, float, float, float]

#: Levels are asked of so many pixels of a picture, in per cent of which they are the lowest and
#: the highest. Percentiles of all took seconds for 50 million.
_ASKED: Final = 250_000
_LOWEST, _HIGHEST = 0.1, 99.9

#: Pixels that are brought down to 8 bits at a time.
_STRIP: Final = 1_000_000

#: One picture in twenty may be unlike the others, on either side.
_ODD: Final = 0.05

#: A resampled white lies above white, and a resampled black below 0, by this part.
_OVERSHOOT: Final = 0.02

#: What fills less than this part of the range of its bits gets a range of its own: CT numbers that
#: were moved above zero, 12 bits around 32,768, would else be nearly one grey.
_NARROW: Final = 0.1

#: What lies in 0 to 1 and does not reach this far is in another unit.
_DARK: Final = 1 / 16

#: No grey lies beyond, and no range is narrower in parts of its ends, as float32 must hold it.
_MOST, _LEAST = 1e30, 1e-3

#: Levels that lie outside of what was usual by more than this part of it are remarked on.
_TOLERANCE: Final = 0.15


def is_wide(image: Image.Image) -> bool:
    """Whether a picture holds greys of more than 8 bits."""
    return image.mode == "F" or image.mode.startswith("I")


def levels_of(image: Image.Image) -> Levels:
    """The lowest and the highest grey of a picture; NaN and infinities are none.

    Those of 8 bits, and of colours, lie in 0 to 255.
    """
    if not is_wide(image):
        total = np.cumsum(image.convert("L").histogram())
        found = np.searchsorted(total, total[-1] * np.array([_LOWEST, _HIGHEST]) / 100)
        return float(found[0]), float(found[1])
    width, height = image.size
    step = max(1, math.isqrt(width * height // _ASKED))
    # Row by row: an array of all would take three times the picture's own memory for a moment.
    rows = (image.crop((0, top, width, top + 1)) for top in range(0, height, step))
    some = np.concatenate([np.asarray(row)[:, ::step] for row in rows])
    if image.mode == "F":
        some = some[np.isfinite(some)]
    if not some.size:
        return 0.0, 0.0
    low, high = np.percentile(some, (_LOWEST, _HIGHEST), method="nearest").clip(-_MOST, _MOST)
    return float(low), float(high)


def widened(levels: Levels, grey_range: Levels) -> Levels:
    """Levels of 8 bits, which are their full range, in the numbers of a wider one."""
    low, high = grey_range
    begin, end = (low + level / 255 * (high - low) for level in levels)
    return begin, end


def range_of(levels: Levels) -> Levels:
    """Which grey is black and which is white, where these levels are all that is known.

    Black is 0 and white the top of the fewest bits that hold them: 4,095 for 3,870, 1 for 0.9. What
    goes below 0, or fills little of that, is taken as it is, rounded outwards.
    """
    low, high = levels
    top = _top(high)
    if low >= -_OVERSHOOT * high and not 0 < high - low < _NARROW * top:
        return 0.0, top
    # Rounded, so that another sample of the same pictures finds the same.
    span = max(high - low, _LEAST * max(abs(low), abs(high)), 1 / _MOST)
    step = 2.0 ** (math.ceil(math.log2(span)) - 4)
    first = math.floor(low / step)
    return first * step, max(math.ceil(high / step), first + 1) * step


def _top(high: float) -> float:
    if high <= 0:
        return 1.0
    inner = high * (1 - _OVERSHOOT)
    if inner <= 1:  # a dark picture of 0 to 1, unless it is darker than any
        return 1.0 if inner > _DARK else max(2.0 ** math.ceil(math.log2(inner)), 1 / _MOST)
    return 2.0 ** math.ceil(math.log2(inner + 1)) - 1


def spread_of(levels: Sequence[Levels]) -> Spread:
    """Between which greys the levels of pictures lie, but for odd ones."""
    lows, highs = np.array(levels).T
    return *_but_for_odd(lows), *_but_for_odd(highs)


def _but_for_odd(some: npt.NDArray[np.float64]) -> Levels:
    least = np.quantile(some, _ODD, method="lower")
    return float(least), float(np.quantile(some, 1 - _ODD, method="higher"))


def are_usual(levels: Levels, spread: Spread) -> bool:
    """Whether a picture's levels are like those of the pictures that were learned from."""
    margin = _TOLERANCE * (spread[3] - spread[0])
    (low, high), (lowest, low_end, high_begin, highest) = levels, spread
    return (
        lowest - margin <= low <= low_end + margin
        and high_begin - margin <= high <= highest + margin
    )


def to_bytes(image: Image.Image, grey_range: Levels) -> npt.NDArray[np.uint8]:
    """Greys as uint8 (H, W): the range's ends become 0 and 255; what is no number is black."""
    width, height = image.size
    found = np.empty((height, width), np.uint8)
    # In strips: 50 million pixels at once took up to 200 MB more, and twice as long.
    rows = max(1, _STRIP // width)
    for top in range(0, height, rows):
        strip = image.crop((0, top, width, min(top + rows, height)))
        found[top : top + rows] = _strip_to_bytes(strip, grey_range)
    return found


def _strip_to_bytes(image: Image.Image, grey_range: Levels) -> npt.NDArray[np.float32]:
    """Greys in [0, 255], float32 (H, W), to be cut off to whole numbers."""
    low, high = grey_range
    grey = np.array(image, dtype=np.float32)
    if image.mode == "F":
        with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
            np.nan_to_num(grey, copy=False, nan=low, posinf=low, neginf=low)
    np.clip(grey, low, high, out=grey)
    grey -= np.float32(low)
    grey *= np.float32(255 / (high - low))
    grey += 0.5
    return grey


def shown(levels: Levels) -> str:
    """A range in words: `0 to 4,095`."""
    return f"{_number(levels[0])} to {_number(levels[1])}"


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 10 or value == round(value) else f"{value:.3g}"
