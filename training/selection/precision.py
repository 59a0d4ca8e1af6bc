"""With how many bits the network computes: eight where that has earned its place, else 32.

On a processor with the instructions for it an int8 network reads and serves up to four times as
fast. What that costs is asked of the bounded sample of the training part that also decides how
pictures are framed (`training.data.sample`), before all pictures are read: the network that is
chosen reads them, and its head is fitted on what *it* sees (docs/decisions/0016 has the figures).
"""

import logging
from typing import Final

import numpy as np

from models.choices import Precision
from models.errors import DataFolderError
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import Sample, spread
from training.features.extractor import Extractor
from training.head.cross_validation import FEWEST
from training.selection.int8_against_fp32 import (
    TOO_FEW,
    Calibration,
    PrecisionChoice,
    compare_with_fp32,
)
from training.settings import WantedPrecision

log = logging.getLogger(__name__)

#: Pictures of the sample that calibrate, and that heatmaps are compared on.
_CALIBRATION: Final = 32


def choose_precision(
    wanted: WantedPrecision, fp32: Extractor, sample: Sample, pictures: Pictures
) -> tuple[PrecisionChoice, Extractor]:
    """Takes the precision that was asked for, or int8 where the sample says that it is as good.

    Args:
        wanted: what was asked for.
        fp32: the network as it is, framed as its pictures are shown while this is asked.
        sample: what to ask.
        pictures: opens its files.

    Returns:
        The choice, and the network in that precision.

    Raises:
        DataFolderError: int8 is wanted, and no picture of the sample can be read.
    """
    if wanted != "auto":
        choice = PrecisionChoice(wanted, "--precision", None)
        return _said(choice), at_precision(wanted, fp32, sample, pictures)
    if fp32.network.read_on_gpu() is not None:
        return _said(PrecisionChoice("fp32", "a GPU gains nothing by int8", None)), fp32
    if len(sample.examples) < FEWEST:
        return _said(PrecisionChoice("fp32", TOO_FEW, None)), fp32
    return _best(fp32, sample, pictures)


def at_precision(
    precision: Precision, fp32: Extractor, sample: Sample, pictures: Pictures
) -> Extractor:
    """The same network in that precision.

    Raises:
        DataFolderError: as `choose_precision`.
    """
    if precision == "int8":
        return fp32.in_int8(calibration_of(fp32, sample, pictures).pixels)
    return fp32.in_fp16() if precision == "fp16" else fp32


def choose_again(
    before: PrecisionChoice, fp32: Extractor, sample: Sample, pictures: Pictures
) -> tuple[PrecisionChoice, Extractor]:
    """The same for a network that has learned since; its speed is what it was.

    Args:
        before: what was chosen for the network when it had not.
        fp32: the network as it is now.
        sample: of what it learned from.
        pictures: opens its files.
    """
    if before.earned is None or before.precision == "fp32":
        return before, at_precision(before.precision, fp32, sample, pictures)
    return _best(fp32, sample, pictures, before.earned.speedup)


def calibration_of(extractor: Extractor, sample: Sample, pictures: Pictures) -> Calibration:
    """Some pictures of the sample, spread over it, as the network is shown them.

    Raises:
        DataFolderError: none of them can be read.
    """
    chosen = spread(sample.examples, _CALIBRATION)
    found, pixels = readable_pixels(pictures, chosen, extractor.preprocessing)
    if not found:
        raise DataFolderError(
            f"{sample.place}: none of {len(chosen)} pictures of the training part can be read"
        )
    return Calibration(pixels, np.array([example.class_index for example in found]))


def _best(
    fp32: Extractor, sample: Sample, pictures: Pictures, speedup: float | None = None
) -> tuple[PrecisionChoice, Extractor]:
    calibration = calibration_of(fp32, sample, pictures)
    int8 = fp32.in_int8(calibration.pixels)
    earned = compare_with_fp32(fp32, int8, calibration, sample, pictures, speedup)
    if earned.objection:
        return _said(PrecisionChoice("fp32", earned.objection, earned)), fp32
    return _said(PrecisionChoice("int8", "as good as fp32 on a sample", earned)), int8


def _said(choice: PrecisionChoice) -> PrecisionChoice:
    """Says what was found and chosen."""
    earned, found = choice.earned, ""
    if choice.precision == "int8" and earned and earned.compared:
        found = (
            f": {100 * earned.compared.agreement:.1f} % of it answered alike, heatmaps' rank "
            f"correlation {earned.compared.heatmap_correlation:.2f}, "
            f"{earned.speedup:.2f} times as fast"
        )
    log.info("precision: %s (%s%s)", choice.precision, choice.chosen_by, found)
    return choice
