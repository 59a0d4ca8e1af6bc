"""Pictures small enough to travel inside a page, and never more than a bound of bytes.

Each file is opened once, decoded at reduced size, and shown to the exported network for its
heatmap. What cannot be read any more costs a place without a picture. Nothing but pixels goes in:
a camera's remarks (where, when, who) stay in the file.
"""

import base64
import io
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from PIL import Image

from models.bundle import BundleMetadata
from models.cores import granted_cores
from models.errors import ImageError
from models.heatmap import Heatmap, heatmap_layer, heatmap_picture
from models.preprocessing import Pixels
from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures

log = logging.getLogger(__name__)

#: Pixels of the longer side: of a picture, of one beside it, of the heat above it, which has but
#: a few cells and is enlarged smoothly by the browser.
_LARGE: Final = 208
_SMALL: Final = 72
_HEAT: Final = 64

_QUALITY: Final = 60
_AT_ONCE: Final = 16

#: Bytes of all pictures in a page, as they stand there.
MOST_BYTES: Final = 4_200_000


@dataclass(frozen=True)
class Wanted:
    """A picture that a page asks for.

    Attributes:
        example: whose it is.
        is_large: whether it is looked at by itself, or beside another.
        heat_of: the class whose heatmap lies above it; None for none.
    """

    example: Example
    is_large: bool
    heat_of: int | None = None


@dataclass(frozen=True)
class Shot:
    """A picture as it stands in the page: data URIs, empty where there is none."""

    photo: str = ""
    heat: str = ""
    width: int = 4
    height: int = 3


class Album:
    """All pictures of a page. The first that are asked for are those that fit."""

    def __init__(
        self,
        wanted: Sequence[Wanted],
        pictures: Pictures,
        session: Session,
        most_bytes: int = MOST_BYTES,
    ) -> None:
        self._pictures, self._session = pictures, session
        self._left = most_bytes
        self._shots: dict[Wanted, Shot] = {}
        self._gone: dict[str, str] = {}
        ways: dict[Example, list[Wanted]] = {}
        for one in dict.fromkeys(wanted):
            ways.setdefault(one.example, []).append(one)
        several = list(ways.values())
        with ThreadPoolExecutor(granted_cores(), thread_name_prefix="report") as pool:
            for start in range(0, len(several), _AT_ONCE):
                if self._left > 0:
                    self._add(several[start : start + _AT_ONCE], pool)
        for name in list(self._gone)[:1]:
            log.warning(
                "%d pictures are not shown in the report, since they cannot be read any more "
                "(%s: %s)",
                len(self._gone), name, self._gone[name],
            )  # fmt: skip

    @property
    def count(self) -> int:
        """How many pictures there are."""
        return sum(bool(shot.photo) for shot in self._shots.values())

    def shot(self, wanted: Wanted) -> Shot:
        """What is to be shown of a picture."""
        return self._shots.get(wanted, Shot())

    def _add(self, several: Sequence[Sequence[Wanted]], pool: ThreadPoolExecutor) -> None:
        looked_at = [one for found in pool.map(self._look_at, several) for one in found]
        heats = self._heats(looked_at)
        for one, shot in zip(looked_at, pool.map(_shot, looked_at, heats), strict=True):
            size = len(shot.photo) + len(shot.heat)
            if size <= self._left:
                self._left -= size
                self._shots[one.wanted] = shot

    def _look_at(self, ways: Sequence[Wanted]) -> "list[_Looked]":
        """One picture, opened once for all ways in which it is wanted."""
        shown, example = self._session.metadata.preprocessing, ways[0].example
        try:
            image = self._pictures.open(example).small_image(shown)
        except ImageError as error:
            self._gone.setdefault(example.name, f"{error}")
            return []
        found = []
        for wanted in ways:
            pixels = None if wanted.heat_of is None else shown.pixels(image)
            small = image.copy()
            small.thumbnail((_LARGE if wanted.is_large else _SMALL,) * 2, Image.Resampling.BICUBIC)
            found.append(_Looked(wanted, small, pixels))
        return found

    def _heats(self, looked_at: Sequence["_Looked"]) -> list[Image.Image | None]:
        found: list[Image.Image | None] = [None] * len(looked_at)
        asked = [(i, one.pixels) for i, one in enumerate(looked_at) if one.pixels is not None]
        if not asked:
            return found
        classes = np.array([looked_at[i].wanted.heat_of for i, _ in asked], dtype=np.int64)
        answers = self._session.predict(np.stack([pixels for _, pixels in asked]), classes)
        for (i, _), answer in zip(asked, answers, strict=True):
            size = _within(looked_at[i].image.size, _HEAT)
            metadata = self._session.metadata
            shown = metadata.preprocessing, metadata.map_geometry
            found[i] = heatmap_layer(size, answer.heatmap, *shown)
        return found


@dataclass(frozen=True)
class _Looked:
    wanted: Wanted
    image: Image.Image
    pixels: Pixels | None


def _shot(one: _Looked, heat: Image.Image | None) -> Shot:
    return Shot(data_uri(one.image), data_uri(heat) if heat else "", *one.image.size)


def _within(size: tuple[int, int], longest: int) -> tuple[int, int]:
    scale = longest / max(size)
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def draw_mean(mean: Heatmap, metadata: BundleMetadata) -> str:
    """A mean heatmap, float32 (h, w), as a data URI: what the network was shown, nothing around."""
    shown = metadata.preprocessing
    size = _within((shown.width, shown.height), _LARGE)
    brightest = max(float(mean.max()), 1e-9)
    whole = replace(shown, framing="squash")
    black = Image.new("RGB", size)
    return data_uri(heatmap_picture(black, mean / brightest, whole, metadata.map_geometry))


def data_uri(image: Image.Image) -> str:
    """A picture as an address that holds all of it, without anything but its pixels."""
    buffer = io.BytesIO()
    bare = Image.fromarray(np.asarray(image))
    bare.save(buffer, "WEBP", quality=_QUALITY, method=2)
    return f"data:image/webp;base64,{base64.b64encode(buffer.getvalue()).decode()}"
