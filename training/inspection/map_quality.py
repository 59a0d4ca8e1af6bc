"""Grades heatmaps by what hiding their brightest places does to answers, against other orders.

Deletion and insertion (RISE, Petsiuk et al., BMVC 2018): places are blurred, or shown in a blurred
picture, in the order of the map as it is drawn; a better order moves the answer sooner. Held
against any order, the middle first, and the map of a head of random weights (Adebayo et al.,
"Sanity Checks for Saliency Maps", NeurIPS 2018). The rank test (SaCo, Wu et al., CVPR 2024) hides
quarters of the picture one by one: what the map ranks higher must cost more.

Probabilities of sure answers hardly move: log-odds of the answer are compared. They are read at a
quarter alone, which tells as much of the whole curve as eleven steps, and serves the rank test too
(docs/decisions/0034). A picture costs 11 passes through the network, and one for each map; a few
cost 49 more, for the map by occlusion.
"""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageFilter
from scipy.stats import spearmanr
from scipy.stats import t as student

from models.cores import granted_cores
from models.heatmap import Heatmap, MapGeometry, enlarge
from models.map_quality import Interval, MapQuality, Margin
from models.occlusion import hidden, map_of
from models.preprocessing import Pixels, Preprocessing
from models.signature import PREDICTED_CLASS, Ask, Floats

#: Pictures that are graded, how many are where these leave a doubt open, and how many of them have
#: their maps held against those by occlusion.
GRADED: Final = 24
GRADED_IN_DOUBT: Final = 72
OCCLUDED: Final = 4

#: Of the longer side; 12 pixels of 224.
_BLUR: Final = 12 / 224

#: The part of the picture that is hidden, or shown alone.
_PART: Final = 0.25

#: Shows the order of places that a map calls equal, and is less than a step of its 256 greys.
TIE: Final = 0.5

#: Rows and columns of places in random order.
_CELLS: Final = 7

#: No answer is surer, to compare with: in float32 nothing is.
_SUREST: Final = 1e-7

_Order = npt.NDArray[np.float64]


#: What a network says of pictures uint8 (N, H, W, 3): probabilities (N, K).
_Say = Callable[[Pixels], Floats]


@dataclass(frozen=True)
class Questions:
    """What a network is asked, whose head has not learned from the pictures.

    Attributes:
        explain: answers and maps of whole pictures.
        explain_by_chance: the same by random weights in its last layer.
        say: answers alone, to pictures with parts of them hidden; several threads ask.
    """

    explain: Ask
    explain_by_chance: Ask
    say: _Say


@dataclass(frozen=True)
class _Graded:
    """What one picture told: how well each order did, and the ranks that the map gave.

    Attributes:
        found: by the order's name deletion and insertion, (2,), larger is better.
        rank: of the rank test, in [-1, 1].
    """

    found: dict[str, npt.NDArray[np.float64]]
    rank: float


@dataclass(frozen=True)
class _Explained:
    """A picture that is graded, and what was said of all of it.

    Attributes:
        picture: uint8 (H, W, 3).
        answer: probabilities (K,).
        heatmap: of the answered class, (h, w).
        by_chance: the same by random weights.
        ties: its places in random order.
    """

    picture: Pixels
    answer: Floats
    heatmap: Heatmap
    by_chance: Heatmap
    ties: _Order

    @property
    def index(self) -> int:
        """The answered class."""
        return int(self.answer.argmax())


def grade_maps(
    network: Questions, pictures: Pixels, preprocessing: Preprocessing, geometry: MapGeometry
) -> MapQuality | None:
    """Grades the maps of the answered classes; None of fewer than two pictures.

    Args:
        network: answers.
        pictures: uint8 (N, H, W, 3); those after the first `GRADED` are for where these leave a
            doubt open.
        preprocessing: what they were made with.
        geometry: where the maps' cells look.
    """
    if len(pictures) < 2:
        return None
    random = np.random.default_rng(0)

    def grade(one: _Explained) -> _Graded:
        return _graded(network.say, one, _orders(one, preprocessing, geometry))

    # A picture a thread: what is made of it takes a fifth as long as asking about that.
    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="grading") as pool:
        first = _explained(network, pictures[:GRADED], random)
        few = [first[row] for row in _few(len(first))]
        compared = [pool.submit(_agreement, network.say, one) for one in few]
        graded = list(pool.map(grade, first))
        alike = [found for each in compared if (found := each.result()) is not None]
        agreement = float(np.mean(alike)) if alike else None
        quality = _quality(graded, agreement)
        if quality.is_open and len(pictures) > GRADED:
            more = _explained(network, pictures[GRADED:], random)
            quality = _quality([*graded, *pool.map(grade, more)], agreement)
    return quality


def parts_without_map(pictures: Pixels) -> Iterator[Pixels]:
    """What `grade_maps` is going to hide of pictures whatever their maps show, a few at a time."""
    pictures, random = pictures[:GRADED], np.random.default_rng(0)
    for row in _few(len(pictures)):
        yield np.stack(list(hidden(pictures[row])))
    for picture in pictures:
        orders = any_order(picture, random), middle_first(picture)
        masks = [ranks_of(order) < _PART for order in orders]
        blurred = blur(picture)
        yield np.stack([*_put(blurred, picture, masks), *_put(picture, blurred, masks)])


def _few(count: int) -> npt.NDArray[np.int64]:
    """Which pictures of so many are held against their maps by occlusion."""
    return np.unique(np.linspace(0, count - 1, min(count, OCCLUDED)).round().astype(np.int64))


def _explained(
    network: Questions, pictures: Pixels, random: np.random.Generator
) -> list[_Explained]:
    whole, maps = network.explain(pictures, np.full(len(pictures), PREDICTED_CLASS))
    _, by_chance = network.explain_by_chance(pictures, whole.argmax(1))
    ties = [any_order(picture, random) for picture in pictures]
    return list(map(_Explained, pictures, whole, maps, by_chance, ties))


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
    one: _Explained, preprocessing: Preprocessing, geometry: MapGeometry
) -> dict[str, _Order]:
    """The orders of a picture's places that are held against each other."""
    size = preprocessing.width, preprocessing.height
    both = (enlarge(each, size, preprocessing, geometry) for each in (one.heatmap, one.by_chance))
    drawn = [np.asarray(each) + TIE * one.ties for each in both]
    middle = middle_first(one.picture)
    return {"map": drawn[0], "random head": drawn[1], "random": one.ties, "centre": middle}


def _graded(say: _Say, one: _Explained, orders: dict[str, _Order]) -> _Graded:
    """Asks about all that one picture is made into."""
    blurred, picture = blur(one.picture), one.picture
    ranks = {name: ranks_of(order) for name, order in orders.items()}
    masks = [each < _PART for each in ranks.values()]
    quarter = np.floor(4 * ranks["map"])
    parts = [quarter == place for place in (1, 2, 3)]  # the first one is hidden by deletion, too
    made = [*_put(blurred, picture, [*masks, *parts]), *_put(picture, blurred, masks)]
    told = log_odds(say(np.stack(made)), one.index)
    deleted, costs, inserted = np.split(told, [len(masks), len(masks) + len(parts)])
    both = np.stack([-deleted, inserted], axis=1)
    found = dict(zip(orders, both, strict=True))
    first = deleted[list(orders).index("map")]
    cost = log_odds(one.answer[None], one.index) - np.array([first, *costs])
    bright = [float(orders["map"][quarter == place].mean()) for place in range(4)]
    return _Graded(found, _in_order(np.array(bright), cost))


def _put(one: Pixels, other: Pixels, masks: Sequence[npt.NDArray[np.bool_]]) -> list[Pixels]:
    """The second picture with what lies under each mask from the first one."""
    return [np.where(mask[..., None], one, other) for mask in masks]


def _in_order(bright: _Order, cost: _Order) -> float:
    """SaCo: of all pairs of parts, by how much they differ in brightness, those in right order."""
    first, second = np.triu_indices(len(bright), 1)
    weight = bright[first] - bright[second]
    right = np.where(cost[first] >= cost[second], weight, -weight)
    return float(right.sum() / np.abs(weight).sum())


def _agreement(say: _Say, one: _Explained) -> float | None:
    """The rank correlation of a map and that by occlusion; None where one of them is empty."""
    covered = say(np.stack(list(hidden(one.picture))))
    other, peak = map_of(one.answer, covered, one.index)
    if not peak or not np.ptp(one.heatmap):
        return None
    large = _as_large(one.heatmap, other.shape)
    return float(spearmanr(large, other, axis=None).statistic)


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
