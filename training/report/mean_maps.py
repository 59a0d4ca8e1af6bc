"""Where the network looks for each class: the mean of many heatmaps shows what one map hides."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.cores import granted_cores
from models.heatmap import heatmap_picture
from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures, readable_pixels
from training.report.album import data_uri
from training.report.record import Judged

#: Pictures in a mean, those of all classes, and classes: more of them would take long to read.
_IN_A_MEAN: Final = 24
_IN_ALL: Final = 120
_CLASSES: Final = 12

_FEWEST: Final = 5

#: Pixels of the longer side of a drawn map.
_SIDE: Final = 128


@dataclass(frozen=True)
class MeanMap:
    """Where the network looks for a class, on average.

    Attributes:
        label: of the class.
        count: of pictures in the mean.
        picture: of the map alone, as a data URI; nothing of a user's picture is in it.
    """

    label: str
    count: int
    picture: str


def mean_maps(judged: Judged, pictures: Pictures, session: Session) -> tuple[MeanMap, ...]:
    """The mean map of each class, over pictures that were rightly answered with it.

    None where there are so many classes that nobody compares them.
    """
    if len(judged.classes) > _CLASSES:
        return ()
    each = min(_IN_A_MEAN, _IN_ALL // len(judged.classes))
    right = judged.answers == judged.labels
    chosen = [
        _spread(judged.examples, np.flatnonzero(right & (judged.labels == index)), each)
        for index in range(len(judged.classes))
    ]
    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="maps") as pool:
        found = pool.map(lambda i: _mean(chosen[i], i, pictures, session), range(len(chosen)))
        return tuple(
            MeanMap(label, count, _drawn(mean, session))
            for label, (mean, count) in zip(judged.classes, found, strict=True)
            if count >= _FEWEST
        )


def _spread(examples: Sequence[Example], places: npt.NDArray[np.int64], most: int) -> list[Example]:
    """So many at most, in even steps."""
    steps = np.linspace(0, len(places) - 1, min(most, len(places))).round().astype(np.int64)
    return [examples[place] for place in places[steps]]


def _mean(
    examples: Sequence[Example], class_index: int, pictures: Pictures, session: Session
) -> tuple[npt.NDArray[np.float32], int]:
    """The mean map, float32 (h, w), and over how many pictures."""
    _, pixels = readable_pixels(pictures, examples, session.metadata.preprocessing)
    if not len(pixels):
        return np.zeros((1, 1), np.float32), 0
    asked = np.full(len(pixels), class_index, dtype=np.int64)
    maps = [answer.heatmap for answer in session.predict(pixels, asked)]
    return np.mean(maps, axis=0, dtype=np.float32), len(maps)


def _drawn(mean: npt.NDArray[np.float32], session: Session) -> str:
    shown = session.metadata.preprocessing
    scale = _SIDE / max(shown.width, shown.height)
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    heat = mean / max(float(mean.max()), 1e-9)
    # What it was shown, and nothing around it.
    return data_uri(heatmap_picture(Image.new("RGB", size), heat, replace(shown, framing="squash")))
