"""How alike two pictures are once one is laid upon the other: cropped, mirrored, brighter, smaller.

Their thumbnails in greys are compared. Small views say first in which of 23 parts of one picture
the other may lie; from there on scale and place are refined along both axes as Lucas and Kanade
(1981) align pictures. Two pictures are alike where they agree nearly everywhere that shows
something: those of one studio agree in their grounds and borders, and not where the object is.
"""

import functools
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.ndimage import gaussian_filter1d
from threadpoolctl import threadpool_limits

from models.cores import granted_cores
from training.data.properties import SIDE, Greys

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

#: Sides of a small view, pixels: of compared parts, and of all where the nearest are found.
_VIEW, _NEAR = 12, 16

#: What is fainter is not stretched to full strength.
_FAINT: Final = np.float32(1e-3)

#: Parts of a picture, as width, height, left and top in sides of the whole: all of it, nine and
#: eight tenths at nine places, and what is left where one side loses a tenth.
_PARTS: Final = np.array(
    [
        (1, 1, 0, 0),
        *(
            (side, side, x * (1 - side), y * (1 - side))
            for side in (0.9, 0.8)
            for x in (0, 0.5, 1)
            for y in (0, 0.5, 1)
        ),
        (0.9, 1, 0, 0),
        (0.9, 1, 0.1, 0),
        (1, 0.9, 0, 0),
        (1, 0.9, 0, 0.1),
    ],
    np.float32,
)

#: Which part lies where each of these does in the mirror.
_MIRRORED: Final = [
    int(np.abs(_PARTS - (width, height, 1 - width - left, top)).sum(1).argmin())
    for width, height, left, top in _PARTS.tolist()
]

#: Pixels: what is coarser is no detail, of thumbnails, of those at half the size, and of views.
_FINE, _MIDDLE, _ROUGH = 2.0, 4.0, 5.0

#: Pairs whose small views agree less are not aligned, nor by details where these agree less.
_LEAST_VIEWS, _LEAST_DETAILS = 0.65, 0.35

#: Nor are those aligned to the end that are this unlike at half the size.
_LEAST_HALFWAY: Final = 0.2

#: The least correlation of two pictures, and the least part that both show.
_LEAST_WHOLE, _LEAST_SHARED = 0.8, 0.5

#: From this on two pictures are one, shown twice: docs/decisions/0027 has what separates there.
ALIKE: Final = 0.7

#: Where less than this part of a block's usual detail is, or less than so many grey levels of it,
#: there is nothing to agree on. Of those that count, this part may disagree.
_LEAST_DETAIL, _NOISE, _MAY_DISAGREE = 0.3, 2.0, 0.05

_BLOCKS: Final = 8

#: How strongly a step is damped, of the sum of what all four numbers of a placing weigh; and how
#: that changes after a step that helped, and after one that was taken back.
_DAMPING: Final = 0.0025
_DAMPED: Final = (0.3, 10.0)

#: Pairs that are compared at a time; a thread takes some 20 MB for them.
_CHUNK: Final = 128


@dataclass(frozen=True)
class Likeness:
    """How alike P pairs are.

    Attributes:
        similarity: float32 (P,), at most 1: the agreement of details that nearly all places reach.
        mirrored: bool (P,), whether it is the mirror image of one that the other is like.
    """

    similarity: Floats
    mirrored: npt.NDArray[np.bool_]


def compare(thumbnails: Greys, pairs: Rows) -> Likeness:
    """Compares pairs of pictures.

    Args:
        thumbnails: uint8 (N, 64, 64).
        pairs: int64 (P, 2), rows of them.
    """
    chunks = [pairs[start : start + _CHUNK] for start in range(0, len(pairs), _CHUNK)]
    # Small matrices: threads of the library below would wait for each other.
    with threadpool_limits(1), ThreadPoolExecutor(granted_cores()) as pool:
        found = list(pool.map(lambda chunk: _compared(*thumbnails[chunk.T]), chunks))
    both = np.concatenate([np.empty((2, 0), np.float32), *found], axis=1)
    return Likeness(both.max(0), both[1] > both[0])


def small_views(thumbnails: Greys) -> Floats:
    """All of each picture, small: float32 (N, 256), of mean 0 and length 1."""
    size = SIDE // _NEAR
    views = thumbnails.reshape(-1, _NEAR, size, _NEAR, size).mean((2, 4), dtype=np.float32)
    return _normalised(views.reshape(len(views), _NEAR**2))


def _compared(first: Greys, second: Greys) -> Floats:
    """As they are, and the first one mirrored: (2, P)."""
    one, other = first.astype(np.float32), second.astype(np.float32)
    views, of_other = _views(one), _views(other)
    found = np.full((2, len(one)), -1, np.float32)
    found[0] = _alike(one, other, *_first_placing(views, of_other))
    rest = np.flatnonzero(found[0] < ALIKE)
    mirrored = views[rest][:, _MIRRORED].reshape(-1, len(_PARTS), _VIEW, _VIEW)[..., ::-1]
    placing = _first_placing(mirrored.reshape(-1, *views.shape[1:]), of_other[rest])
    found[1, rest] = _alike(one[rest, :, ::-1], other[rest], *placing)
    return found


def _alike(first: Floats, second: Floats, views: Floats, placing: Floats) -> Floats:
    """How alike pictures (P, 64, 64) are: (P,), at most 1.

    Args:
        first: some pictures.
        second: those that each may be like.
        views: what their small views agree by, (P,).
        placing: and where the first then lies in the second, (P, 4).
    """
    found = np.full(len(first), -1, np.float32)
    likely = np.flatnonzero(views >= _LEAST_VIEWS)
    one, other = first[likely], second[likely]
    # What was not cropped agrees as it lies, however little there is to align it by. At half the
    # size that holds for pictures of 50 pixels, too, whose finer details are those of compression.
    as_it_lies = np.tile(_PARTS[:1], (len(likely), 1))
    found[likely] = _agreement(_halved(one), _halved(other), as_it_lies)
    details = (_views(_details(greys, _ROUGH)) for greys in (one, other))
    agreed, of_details = _first_placing(*details)
    hopeful = agreed >= _LEAST_DETAILS
    for start, by_details in ((placing[likely], False), (of_details, True)):
        rest = np.flatnonzero((hopeful | (not by_details)) & (found[likely] < ALIKE))
        refined = _aligned(one[rest], other[rest], start[rest], by_details=by_details)
        found[likely[rest]] = np.maximum(found[likely[rest]], refined)
    return found


def _first_placing(views: Floats, other: Floats) -> tuple[Floats, Floats]:
    """The best correlation of small views, (P,), and where the first picture then lies: (P, 4).

    A placing is scale and shift along both axes: how wide and how high the first picture is, and
    where its left and top are, in sides of the second.
    """
    inside = np.einsum("pd,pwd->pw", views[:, 0], other)
    around = np.einsum("pd,pwd->pw", other[:, 0], views)
    both = np.concatenate([inside, around], axis=1)
    return both.max(1), np.concatenate([_PARTS, _inverse(_PARTS)])[both.argmax(1)]


def _inverse(placing: Floats) -> Floats:
    """Where the second picture lies in the first one, (P, 4)."""
    width, height, left, top = placing.T
    return np.stack([1 / width, 1 / height, -left / width, -top / height], axis=1)


def _views(greys: Floats) -> Floats:
    """Of parts of pictures (P, 64, 64), each of mean 0 and length 1: (P, 23, 144)."""
    rows, columns = _weights(), _weights().transpose(0, 2, 1)
    widths, heights = _kinds()
    halfway = rows @ greys[:, None]  # every kind of rows once, whichever columns it goes with
    views = (halfway[:, heights] @ columns[widths]).reshape(len(greys), len(_PARTS), _VIEW**2)
    return _normalised(np.asarray(views, np.float32))


def _normalised(views: Floats) -> Floats:
    """Of mean 0 and length 1 along the last axis."""
    views = views - views.mean(-1, keepdims=True)
    found: Floats = views / np.maximum(np.linalg.norm(views, axis=-1, keepdims=True), _FAINT)
    return found


@functools.cache
def _extents() -> list[tuple[float, float]]:
    """Size and begin of all different extents along one axis."""
    return sorted({(a, b) for w, h, x, y in _PARTS.tolist() for a, b in ((w, x), (h, y))})


@functools.cache
def _kinds() -> tuple[list[int], list[int]]:
    """Which extents each part has along width and height."""
    kinds = {extent: row for row, extent in enumerate(_extents())}
    parts = _PARTS.tolist()
    return [kinds[w, x] for w, _, x, _ in parts], [kinds[h, y] for _, h, _, y in parts]


@functools.cache
def _weights() -> Floats:
    """What each pixel of a thumbnail adds to each of a view, by extent: (extents, 12, 64)."""
    sizes, begins = np.array(_extents()).T[:, :, None]
    edges = (begins + sizes * np.linspace(0, 1, _VIEW + 1)) * SIDE
    pixels = np.arange(SIDE)
    covered = np.minimum(edges[:, 1:, None], pixels + 1) - np.maximum(edges[:, :-1, None], pixels)
    covered = covered.clip(0)
    return np.asarray(covered / covered.sum(-1, keepdims=True), np.float32)


def _aligned(first: Floats, second: Floats, placing: Floats, *, by_details: bool) -> Floats:
    """How alike they are once the placing is refined: (P,)."""
    # The one that shows less is laid on the other: details at its edges then are of the same part.
    larger = placing[:, :2].prod(1) > 1
    exchanged = larger[:, None, None]
    first, second = np.where(exchanged, second, first), np.where(exchanged, first, second)
    placing = np.where(larger[:, None], _inverse(placing), placing)
    half, half_second = _halved(first), _halved(second)
    if not by_details:
        placing = _refined(half, half_second, placing, steps=6)
    placing = _refined(half, half_second, placing, _MIDDLE)
    found = _agreement(half, half_second, placing)
    rest = np.flatnonzero(found >= _LEAST_HALFWAY)
    placing = _refined(first[rest], second[rest], placing[rest], _FINE)
    found[rest] = _agreement(first[rest], second[rest], placing)
    found[np.setdiff1d(np.arange(len(first)), rest)] = -1
    return found


def _refined(
    first: Floats, second: Floats, placing: Floats, width: float = 0.0, steps: int = 4
) -> Floats:
    """A better placing, (P, 4), by details finer than so many pixels, or by all where that is 0.

    What has few details is easily carried away: a step after which pictures agree less is taken
    back, and the next one is damped more (Levenberg and Marquardt).
    """
    details = _details(first, width) if width else first
    slope, damping = _slope(details, second, placing, width), np.full(len(first), _DAMPING)
    for _ in range(steps):
        tried = _moved(placing, slope, damping)
        there = _slope(details, second, tried, width)
        is_better = there.agreed > slope.agreed
        placing = np.where(is_better[:, None], tried, placing)
        slope = slope.where(is_better, there)
        damping *= np.where(is_better, *_DAMPED)
    return placing


@dataclass(frozen=True)
class _Slope:
    """How well P pairs agree as they are placed, and where they agree more.

    Attributes:
        agreed: correlation, (P,).
        square: products of what a placing's numbers change, (P, 4, 4).
        towards: what they change of what differs, (P, 4).
    """

    agreed: Floats
    square: Floats
    towards: Floats

    def where(self, is_other: npt.NDArray[np.bool_], other: "_Slope") -> "_Slope":
        """The other's of some pairs."""
        return _Slope(
            np.where(is_other, other.agreed, self.agreed),
            np.where(is_other[:, None, None], other.square, self.square),
            np.where(is_other[:, None], other.towards, self.towards),
        )


def _moved(placing: Floats, slope: _Slope, damping: npt.NDArray[np.float64]) -> Floats:
    """After one step of Gauss and Newton towards the placing where both agree."""
    # Damped, since what has few details says little of its place.
    damped = damping * np.trace(slope.square, axis1=1, axis2=2) + 1e-6
    square = slope.square + damped[:, None, None] * np.eye(4)
    step = np.linalg.solve(square, slope.towards[..., None])[..., 0].clip(-0.1, 0.1)
    placing = np.asarray(placing + step, np.float32)
    placing[:, :2] = placing[:, :2].clip(0.6, 1 / 0.6)
    return placing


def _slope(first: Floats, second: Floats, placing: Floats, width: float) -> _Slope:
    side = first.shape[1]
    shown, shared = _placed(second, placing)
    mine = _standardised(first, shared)
    theirs = _standardised(_details(shown, width) if width else shown, shared)
    inner = np.zeros_like(shared)
    inner[:, 1:-1, 1:-1] = shared[:, 1:-1, 1:-1] * shared[:, :-2, :-2] * shared[:, 2:, 2:]
    right, down = np.zeros_like(theirs), np.zeros_like(theirs)
    right[:, :, 1:-1] = (theirs[:, :, 2:] - theirs[:, :, :-2]) / 2
    down[:, 1:-1] = (theirs[:, 2:] - theirs[:, :-2]) / 2
    right *= inner * (side / placing[:, 0, None, None])
    down *= inner * (side / placing[:, 1, None, None])
    at = _places(side)
    slopes = np.stack([right * at, down * at[:, None], right, down], axis=1)
    slopes = slopes.reshape(len(first), 4, side * side)
    error = ((mine - theirs) * inner).reshape(len(first), side * side, 1)
    return _Slope(
        (mine * theirs).sum((1, 2)), slopes @ slopes.transpose(0, 2, 1), (slopes @ error)[..., 0]
    )


def _agreement(first: Floats, second: Floats, placing: Floats) -> Floats:
    """What the details of nearly all blocks agree by, (P,); -1 where all of it is unlike."""
    shown, shared = _placed(second, placing)
    alike = (_standardised(first, shared) * _standardised(shown, shared)).sum((1, 2))
    # Thumbnails blend a pixel with its neighbours: along the border of a cropped picture the other
    # one shows what was cut off, be it the edge of a table.
    both = _of_details(first, shown, shared), _of_details(*map(_rimless, (first, shown, shared)))
    is_possible = (alike >= _LEAST_WHOLE) & (shared.mean((1, 2)) >= _LEAST_SHARED)
    return np.where(is_possible, np.maximum(*both), -1)


def _rimless(greys: Floats) -> Floats:
    """Pictures whose outermost pixels show what lies next to them."""
    return np.pad(greys[:, 1:-1, 1:-1], ((0, 0), (1, 1), (1, 1)), mode="edge")


def _of_details(first: Floats, shown: Floats, shared: Floats) -> Floats:
    """What nearly all blocks agree by, (P,)."""
    mine, theirs = (_details(greys, _FINE) * shared for greys in (first, shown))
    own, other, both = (_blocks(a * b) for a, b in ((mine, mine), (theirs, theirs), (mine, theirs)))
    # Brightness and contrast may differ: details are compared at one strength.
    gain = np.sqrt(own.sum(1, keepdims=True) / np.maximum(other.sum(1, keepdims=True), 1e-3))
    strength = (own + gain**2 * other) / 2
    pixels, side = _blocks(shared), first.shape[1]
    usual = strength.sum(1, keepdims=True) / np.maximum(pixels.sum(1, keepdims=True), 1)
    loud = np.maximum(own, other) >= _NOISE**2 * pixels
    counts = (
        loud
        & (strength >= _LEAST_DETAIL * usual * pixels)
        & (pixels > 0.5 * (side // _BLOCKS) ** 2)
    )
    return _low_quantile(gain * both / np.maximum(strength, 1e-3), counts)


def _low_quantile(values: Floats, counts: npt.NDArray[np.bool_]) -> Floats:
    """What all but a few of those that count reach, (P,); -1 where none does."""
    ranked = np.sort(np.where(counts, values, np.inf), axis=1)
    place = (_MAY_DISAGREE * counts.sum(1)).astype(np.int64)
    found = np.take_along_axis(ranked, place[:, None], axis=1)[:, 0]
    return np.where(counts.any(1), found, -1).astype(np.float32)


def _blocks(greys: Floats) -> Floats:
    """Sums over 8 x 8 blocks: (P, 64)."""
    size = greys.shape[1] // _BLOCKS
    sums: Floats = greys.reshape(len(greys), _BLOCKS, size, _BLOCKS, size).sum((2, 4))
    return sums.reshape(len(greys), _BLOCKS**2)


def _halved(greys: Floats) -> Floats:
    found: Floats = greys.reshape(len(greys), SIDE // 2, 2, SIDE // 2, 2).mean((2, 4))
    return found


def _details(greys: Floats, width: float) -> Floats:
    """Pictures less what is coarser than so many pixels."""
    blur = _blur(greys.shape[1], width)
    return np.asarray(greys - blur @ greys @ blur.T, np.float32)


@functools.cache
def _blur(side: int, width: float) -> Floats:
    blur = gaussian_filter1d(np.eye(side), width, axis=0, mode="nearest")
    return np.asarray(blur, np.float32)


def _standardised(greys: Floats, shared: Floats) -> Floats:
    """Of mean 0 and length 1 where pictures are shared, and 0 elsewhere."""
    count = np.maximum(shared.sum((1, 2), keepdims=True), 1)
    found = (greys - (greys * shared).sum((1, 2), keepdims=True) / count) * shared
    length = np.sqrt((found**2).sum((1, 2), keepdims=True))
    standardised: Floats = found / np.maximum(length, _FAINT)
    return standardised


def _placed(greys: Floats, placing: Floats) -> tuple[Floats, Floats]:
    """What of pictures (P, S, S) lies under each pixel of others, and 1 where something does."""
    side = greys.shape[1]
    (width, height, left, top), at = placing.T[:, :, None], _places(side)
    columns, rows = (left + width * at) * side - 0.5, (top + height * at) * side - 0.5
    found = _taken(_taken(greys, rows[:, :, None], 1), columns[:, None], 2)
    within = (((p > -0.6) & (p < side - 0.4)).astype(np.float32) for p in (rows, columns))
    under_rows, under_columns = within
    return found, under_rows[:, :, None] * under_columns[:, None]


def _taken(greys: Floats, places: Floats, axis: int) -> Floats:
    """Values between the pixels along one axis, (P, S, S)."""
    last = greys.shape[axis] - 1
    places = places.clip(0, last)
    low = np.minimum(places.astype(np.int64), last - 1)
    below, above = (np.take_along_axis(greys, low + more, axis) for more in (0, 1))
    found: Floats = below + (places - low).astype(np.float32) * (above - below)
    return found


def _places(side: int) -> Floats:
    """The middles of pixels along one side, in sides."""
    return np.asarray((np.arange(side) + 0.5) / side, np.float32)
