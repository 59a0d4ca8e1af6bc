"""What an export asks whatever the head learns, asked while heads are fitted on one core alone.

It is stopped where the export begins: what is known by then is not asked again, the rest is.
"""

import logging
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import contextmanager
from threading import Event
from typing import Final

import numpy as np

from models.graph.self_check import draw_self_check_pictures
from models.preprocessing import Pixels, Preprocessing, read_pixels
from training.data.pictures import readable_pixels
from training.data.sample import spread
from training.features.extractor import Extractor
from training.features.hidden_parts import FeaturesOfParts
from training.group import is_first
from training.inspection.map_quality import GRADED, GRADED_IN_DOUBT, parts_without_map
from training.recipes.material import Material

log = logging.getLogger(__name__)

#: Real pictures that the exported file is compared with torch on, and its map's place measured, at
#: least and, where they are small, at most; and the pixels of all of them together.
_SHOWN: Final = 96, 288
_SHOWN_PIXELS: Final = 288 * 224 * 224


class Ahead:
    """The pictures of an export, decoded, and what the network sees of their parts."""

    def __init__(self, extractor: Extractor, material: Material) -> None:
        """Begins to ask, in a thread of its own, until `stop`.

        Args:
            extractor: what is exported, if it is not fine-tuned.
            material: what is learned from.
        """
        self._extractor, self._stopped = extractor, Event()
        self._features = FeaturesOfParts(extractor, material.table.data_digest)
        pool = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        shown = extractor.preprocessing
        self._shown = pool.submit(shown_pixels, material, shown)
        self._graded = pool.submit(graded_pixels, material, shown)
        self._asking = pool.submit(self._ask)
        pool.shutdown(wait=False)

    def stop(self) -> None:
        """Ends it, after the few parts that are being asked."""
        self._stopped.set()

    def shown(self) -> Pixels:
        """What an exported file is compared with torch on."""
        return self._shown.result()

    def graded(self) -> tuple[Pixels, FeaturesOfParts]:
        """The pictures whose maps are graded, and what asks about their parts; it is stopped."""
        self.stop()
        wait([self._asking])
        return self._graded.result(), self._features

    def _ask(self) -> None:
        for parts in parts_without_map(self._graded.result()):
            if self._stopped.is_set():
                return
            self._features(parts)


@contextmanager
def asked_ahead(
    extractor: Extractor, material: Material, *, unless: bool
) -> Iterator[Ahead | None]:
    """Asks while the block lasts and after it, or never; by the process that exports alone."""
    ahead = Ahead(extractor, material) if is_first() and not unless else None
    try:
        yield ahead
    except BaseException:
        if ahead:
            ahead.stop()  # nobody waits for it at the end of the process
        raise


def graded_pixels(material: Material, preprocessing: Preprocessing) -> Pixels:
    """Of pictures that judge those whose maps are graded, the first few and more for a doubt."""
    examples = spread(material.examples(material.parts.set_aside), GRADED_IN_DOUBT)
    first = spread(examples, GRADED)
    examples = [*first, *(one for one in examples if one not in first)]
    return readable_pixels(material.pictures, examples, preprocessing)[1]


def shown_pixels(material: Material, preprocessing: Preprocessing) -> Pixels:
    """A few pictures of the training part, spread over it; drawn ones where those are gone."""
    fitting = _SHOWN_PIXELS // (preprocessing.height * preprocessing.width)
    count = int(np.clip(fitting, *_SHOWN))
    chosen = spread(material.examples(material.parts.train), count)
    found, pixels = readable_pixels(material.pictures, chosen, preprocessing)
    if len(found) < len(chosen):
        log.warning(
            "%d of %d pictures cannot be read any more; torch and the file are compared on drawn "
            "ones too",
            len(chosen) - len(found), len(chosen),
        )  # fmt: skip
        drawn = [read_pixels(picture, preprocessing) for picture in draw_self_check_pictures()]
        pixels = np.concatenate([pixels, np.stack(drawn)])
    return pixels
