"""Which greys of more than 8 bits are black and white, found over a sample of the training part.

The sample may miss the brightest picture of the rest, and need not find it: white is the top of the
bits that the greys need, 4,095 for 3,870 (`models.greys`; docs/decisions/0020 has the figures).
"""

import logging
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

from models.cores import granted_cores
from models.errors import ImageError
from models.greys import Levels, Spread, range_of, shown, spread_of
from training.data.folder import Example
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.terminal import progress

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
    """
    found = _levels(sample.examples, pictures)
    if not found:
        return GreyChoice(wanted, chosen_by="--grey-range") if wanted else GreyChoice()
    held = spread_of(found)
    grey_range = wanted or range_of((held[0], held[3]))
    chosen_by = "--grey-range" if wanted else "the fewest bits that hold the greys of a sample"
    log.info(
        "%d of %d pictures of a sample hold greys of more than 8 bits, from %s: %s is shown as "
        "black to white (%s)",
        len(found), len(sample.examples), shown((held[0], held[3])), shown(grey_range),
        "--grey-range" if wanted else "--grey-range LOW,HIGH sets another",
    )  # fmt: skip
    if 0 < _FAR_APART * held[2] < held[3]:
        log.warning(
            "white is %s in some of these pictures and %s in others: where two devices made them, "
            "the network may learn the device; bring them to one range",
            *(f"{level:,.6g}" for level in held[2:]),
        )
    return GreyChoice(grey_range, held, chosen_by, len(found))


def _levels(examples: Iterable[Example], pictures: Pictures) -> list[Levels]:
    """Of each picture of more than 8 bits that can be read; the pass names those that cannot."""

    def look(example: Example) -> Levels | None:
        try:
            return pictures.open(example).wide_levels
        except ImageError:
            return None

    chosen = list(examples)
    with (
        progress("looking at greys", len(chosen)) as advance,
        ThreadPoolExecutor(granted_cores(), thread_name_prefix="greys") as pool,
    ):
        found = []
        for levels in pool.map(look, chosen):
            advance(1)
            if levels is not None:
                found.append(levels)
    return found
