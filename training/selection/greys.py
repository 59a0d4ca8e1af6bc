"""Which greys of more than 8 bits are black and white, found over a sample of the training part.

The sample may miss the brightest picture of the rest, and need not find it: white is the top of the
bits that the greys need, 4,095 for 3,870 (`models.greys`; docs/decisions/0022 has the figures).
"""

import contextlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from models.choices import Levels
from models.cores import granted_cores
from models.errors import DataFolderError, ImageError
from models.greys import Spread, range_of, shown, spread_of, widened
from models.image_files import NEARLY_BLACK
from models.terminal import Advance, progress
from training.data.example import Example
from training.data.names import listed
from training.data.pictures import Pictures
from training.data.sample import Sample

log = logging.getLogger(__name__)

#: Pictures whose highest greys differ by more than this were made in different ways.
_FAR_APART: Final = 3.0


@dataclass(frozen=True)
class GreyChoice:
    """How greys of more than 8 bits are shown, and why.

    Attributes:
        grey_range: black and white; None where there are none such.
        held: between which greys the lowest and the highest of pictures lie.
        chosen_by: in a few words.
        wide: how many pictures of the sample hold more than 8 bits.
    """

    grey_range: Levels | None = None
    held: Spread | None = None
    chosen_by: str = "all pictures of the sample have 8 bits"
    wide: int = 0


def choose_greys(wanted: Levels | None, sample: Sample, pictures: Pictures) -> GreyChoice:
    """Takes the range that was asked for, or finds the one that the sample needs.

    Args:
        wanted: what was asked for.
        sample: what to ask.
        pictures: opens its files.

    Raises:
        DataFolderError: most of it would be nearly black, and no range helps.
    """
    with progress("looking at greys", len(sample.examples)) as advance:
        wide, others = _told_apart(sample, pictures, advance)
        if not wide:
            return GreyChoice(wanted, chosen_by="--grey-range") if wanted else GreyChoice()
        levels = _levels(wide, pictures)
        found = spread_of(levels)
        grey_range = wanted or range_of((found[0], found[3]))
        # 8 bits beside them are the full range already: the network learns from those, too.
        beside = [widened(each, grey_range) for each in _levels(others, pictures)]
    chosen_by = "--grey-range" if wanted else "the fewest bits that hold the greys of a sample"
    _say(found, grey_range, f"{len(wide)} of {len(sample.examples)}", chosen_by)
    return GreyChoice(grey_range, spread_of([*levels, *beside]), chosen_by, len(wide))


def _say(found: Spread, grey_range: Levels, how_many: str, chosen_by: str) -> None:
    log.info(
        "%s pictures of a sample hold greys of more than 8 bits, from %s: %s is shown as black to "
        "white (%s; --grey-range LOW,HIGH sets another)",
        how_many, shown((found[0], found[3])), shown(grey_range), chosen_by,
    )  # fmt: skip
    if 0 < _FAR_APART * found[2] < found[3]:
        log.warning(
            "white is %s in some of these pictures and %s in others: where two devices made them, "
            "the network may learn the device; bring them to one range",
            *(f"{level:,.6g}" for level in found[2:]),
        )


def _told_apart(
    sample: Sample, pictures: Pictures, advance: Advance
) -> tuple[list[Example], list[Example]]:
    """Those of more than 8 bits, by their headers, and the others."""
    wide: list[Example] = []
    others: list[Example] = []
    dark: list[str] = []
    for example in sample.examples:
        advance(1)
        with contextlib.suppress(ImageError):  # the pass names what cannot be opened
            depth = pictures.depth(example)
            (wide if depth == "wide greys" else others).append(example)
            if depth == "deep colours" and pictures.open(example).levels[1] < NEARLY_BLACK:
                dark.append(example.name)
    if dark:
        _say_what_is_nearly_black(dark, sample)
    return wide, others


def _say_what_is_nearly_black(names: Sequence[str], sample: Sample) -> None:
    """Warns of pictures of 16-bit colours that are nearly black; refuses where most are."""
    said = (
        f"{len(names)} of {len(sample.examples)} pictures of a sample hold colours of 16 bits and "
        f"use the lowest of them only, so that they are seen nearly black ({listed(names, 3)}): "
        "spread them over all 16 bits, or save them with 8"
    )
    if 2 * len(names) > len(sample.examples):
        raise DataFolderError(f"{sample.place}: {said}")
    log.warning("%s", said)


def _levels(examples: Sequence[Example], pictures: Pictures) -> list[Levels]:
    """Of each picture that can be read; the pass names those that cannot."""

    def look(example: Example) -> Levels | None:
        try:
            return pictures.open(example).levels
        except ImageError:
            return None

    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="greys") as pool:
        return [levels for levels in pool.map(look, examples) if levels is not None]
