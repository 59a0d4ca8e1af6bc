"""Grades heatmaps by what hiding their brightest places does to answers, against other orders.

Deletion and insertion (RISE, Petsiuk et al., BMVC 2018): places are blurred, or shown in a blurred
picture, in the order of the map as it is drawn; a better order moves the answer sooner. Held
against any order, the middle first, and the map of a head of random weights (Adebayo et al.,
"Sanity Checks for Saliency Maps", NeurIPS 2018). The rank test (SaCo, Wu et al., CVPR 2024) hides
quarters of the picture one by one: what the map ranks higher must cost more.

Probabilities of sure answers hardly move: log-odds of the answer are compared. They are read at a
quarter and at a half alone; with both ends that tells as much of the whole curve as eleven steps
(docs/decisions/0034). A picture costs 19 passes through the network, and one for each map; a few
cost 50 more, for the map by occlusion.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy.stats import spearmanr
from scipy.stats import t as student

from models.heatmap import Heatmap, MapGeometry, enlarge
from models.map_quality import Interval, MapQuality, Margin
from models.occlusion import PASSES, hidden, map_of
from models.preprocessing import Pixels, Preprocessing
from models.signature import Ask, Floats

#: Pictures that are graded, how many are where these leave a doubt open, and how many of them have
#: their maps held against those by occlusion.
GRADED: Final = 24
GRADED_IN_DOUBT: Final = 72
OCCLUDED: Final = 4

#: Of the longer side; 12 pixels of 224.
_BLUR: Final = 12 / 224

#: Shares of the picture that are hidden or shown; and what each counts in the mean over all shares.
_SHARES: Final = (0.25, 0.5)
_WEIGHTS: Final = (0.25, 0.375)

#: Shows the order of places that a map calls equal, and is less than a step of its 256 greys.
TIE: Final = 0.5

#: Rows and columns of places in random order.
_CELLS: Final = 7

#: No answer is surer, to compare with: in float32 nothing is.
_SUREST: Final = 1e-7

_Order = npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Graded:
    """What one picture told: how well each order did, and the ranks that the map gave.

    Attributes:
        found: by the order's name deletion and insertion, (2,), larger is better.
        rank: of the rank test, in [-1, 1].
    """

    found: dict[str, npt.NDArray[np.float64]]
    rank: float


def grade_maps(
    ask: Ask,
    ask_random_head: Ask,
    pictures: Pixels,
    preprocessing: Preprocessing,
    geometry: MapGeometry,
) -> MapQuality | None:
    """Grades the maps of the answered classes; None of fewer than two pictures.

    Args:
        ask: the network, with a head that has not learned from these pictures.
        ask_random_head: the same with random weights in its last layer.
        pictures: uint8 (N, H, W, 3); those after the first `GRADED` are for where these leave a
            doubt open.
        preprocessing: what they were made with.
        geometry: where the maps' cells look.
    """
    if len(pictures) < 2:
        return None
    random = np.random.default_rng(0)
    few = np.linspace(0, min(len(pictures), GRADED) - 1, OCCLUDED).round().astype(int)
    agreement = _agreement(ask, pictures[np.unique(few)])

    def more(some: Pixels) -> list[_Graded]:
        whole, maps = ask(some, np.full(len(some), -1))
        classes = whole.argmax(1)
        _, by_chance = ask_random_head(some, classes)
        orders = _orders(some, maps, by_chance, preprocessing, geometry, random)
        each = zip(some, whole, classes, orders, strict=True)
        return [_graded(ask, one, said, int(index), order) for one, said, index, order in each]

    graded = more(pictures[:GRADED])
    found = _quality(graded, agreement)
    if found.is_open and len(pictures) > GRADED:
        found = _quality(graded + more(pictures[GRADED:]), agreement)
    return found


def _quality(graded: list[_Graded], agreement: float | None) -> MapQuality:
    ranks = np.array([one.rank for one in graded])
    return MapQuality(
        len(graded),
        _margin(graded, "random"),
        _margin(graded, "centre"),
        _margin(graded, "random head"),
        float(ranks.mean()),
        _within_one(interval_of(ranks)),
        agreement,
    )


def _orders(
    pictures: Pixels,
    maps: Floats,
    maps_of_chance: Floats,
    preprocessing: Preprocessing,
    geometry: MapGeometry,
    random: np.random.Generator,
) -> Iterator[dict[str, _Order]]:
    """The orders of each picture's places that are held against each other."""
    size = preprocessing.width, preprocessing.height
    for picture, *both in zip(pictures, maps, maps_of_chance, strict=True):
        ties = any_order(picture, random)
        drawn = [np.asarray(enlarge(one, size, preprocessing, geometry)) for one in both]
        yield {
            "map": drawn[0] + TIE * ties,
            "random head": drawn[1] + TIE * ties,
            "random": ties,
            "centre": middle_first(picture),
        }


def _graded(
    ask: Ask, picture: Pixels, whole: Floats, index: int, orders: dict[str, _Order]
) -> _Graded:
    """Asks about all that one picture is made into, at once."""
    blurred = blur(picture)
    masks = [ranks < share for ranks in map(ranks_of, orders.values()) for share in _SHARES]
    quarter = np.floor(4 * ranks_of(orders["map"]))
    parts = [quarter == place for place in (1, 2, 3)]  # the first one is hidden by deletion, too
    made = [np.where(mask[..., None], blurred, picture) for mask in (*masks, *parts)]
    made += [np.where(mask[..., None], picture, blurred) for mask in masks]
    told = log_odds(ask(np.stack(made), np.full(len(made), index))[0], index)
    deleted, costs, inserted = np.split(told, [len(masks), len(masks) + len(parts)])
    found = {
        name: np.array([-np.dot(_WEIGHTS, deletion), np.dot(_WEIGHTS, insertion)])
        for name, deletion, insertion in zip(
            orders, deleted.reshape(-1, 2), inserted.reshape(-1, 2), strict=True
        )
    }
    first = deleted[len(_SHARES) * list(orders).index("map")]
    cost = log_odds(whole[None], index) - np.array([first, *costs])
    bright = [float(orders["map"][quarter == place].mean()) for place in range(4)]
    return _Graded(found, _in_order(np.array(bright), cost))


def _in_order(bright: _Order, cost: _Order) -> float:
    """SaCo: of all pairs of parts, by how much they differ in brightness, those in right order."""
    first, second = np.triu_indices(len(bright), 1)
    weight = bright[first] - bright[second]
    right = np.where(cost[first] >= cost[second], weight, -weight)
    return float(right.sum() / np.abs(weight).sum())


def _agreement(ask: Ask, pictures: Pixels) -> float | None:
    """The mean rank correlation of maps and those by occlusion, where both have something in them.

    None where no picture has.
    """
    found = []
    for picture, whole, heatmap in zip(
        pictures, *ask(pictures, np.full(len(pictures), -1)), strict=True
    ):
        index = int(whole.argmax())
        covered, _ = ask(np.stack(list(hidden(picture))), np.full(PASSES - 1, index))
        other, peak = map_of(whole, covered, index)
        if peak and np.ptp(heatmap):
            large = _as_large(heatmap, other.shape)
            found.append(float(spearmanr(large, other, axis=None).statistic))
    return float(np.mean(found)) if found else None


def _as_large(heatmap: Heatmap, shape: tuple[int, ...]) -> Heatmap:
    """A map with as many cells as another one, (h, w)."""
    size = shape[1], shape[0]
    return np.asarray(Image.fromarray(heatmap).resize(size, Image.Resampling.BILINEAR))


def _margin(graded: list[_Graded], name: str) -> Margin:
    """By how much the map did better than an order of this name, picture by picture."""
    gains = np.array([one.found["map"] - one.found[name] for one in graded])
    deletion, insertion = gains.mean(0).tolist()
    return Margin(deletion, insertion, deletion + insertion, interval_of(gains.sum(1)))


def interval_of(values: npt.NDArray[np.floating]) -> Interval:
    """Of their mean, at 95 %, by Student's t."""
    error = values.std(ddof=1) / len(values) ** 0.5
    reach = float(student.ppf(0.975, len(values) - 1) * error)
    return float(values.mean()) - reach, float(values.mean()) + reach


def _within_one(interval: Interval) -> Interval:
    """Of what cannot lie outside of -1 to 1."""
    return max(-1.0, interval[0]), min(1.0, interval[1])


def log_odds(probabilities: Floats, index: int) -> npt.NDArray[np.float64]:
    """Of a class against all others: (N, K) → (N,)."""
    exact = probabilities.astype(np.float64)
    others = np.delete(exact, index, axis=1).sum(1)
    found: npt.NDArray[np.float64] = np.log(exact[:, index].clip(_SUREST) / others.clip(_SUREST))
    return found


def ranks_of(order: _Order) -> _Order:
    """The place of each pixel in an order, brightest first, in parts of all: (H, W) → [0, 1)."""
    places = np.empty(order.size)
    places[np.argsort(-order, axis=None, kind="stable")] = np.arange(order.size) / order.size
    return places.reshape(order.shape)


def any_order(picture: Pixels, random: np.random.Generator) -> _Order:
    """Cells in random order, in [0, 1)."""
    height, width = picture.shape[:2]
    cells = random.permutation(_CELLS**2).reshape(_CELLS, _CELLS) / _CELLS**2
    rows, columns = (np.arange(length) * _CELLS // length for length in (height, width))
    order: _Order = cells[np.ix_(rows, columns)]
    return order


def middle_first(picture: Pixels) -> _Order:
    """As a Gaussian in the middle puts them, whatever its width."""
    down, across = (np.linspace(-1, 1, length) ** 2 for length in picture.shape[:2])
    order: _Order = -(down[:, None] + across)
    return order


def blur(picture: Pixels) -> Pixels:
    """The picture, uint8 (H, W, 3), by 12 of 224 pixels."""
    radius = _BLUR * max(picture.shape[:2])
    return np.asarray(Image.fromarray(picture).filter(ImageFilter.GaussianBlur(radius)))
