"""With how many bits the network computes: eight where that has earned its place, else 32.

On a processor with the instructions for it an int8 network reads and serves up to four times as
fast. What that costs is asked of the bounded sample of the training part that also decides how
pictures are framed (`training.data.sample`), before all pictures are read: the network that is
chosen reads them, and its head is fitted on what *it* sees (docs/decisions/0016 has the figures).
"""

import logging
from dataclasses import dataclass, replace

import torch

from models.bundle import Precision
from models.graph.fewer_bits import in_half_precision
from training.data.sample import FEWEST, Sample
from training.features.graphs import quantised
from training.selection.image_size import Sized
from training.selection.int8_against_fp32 import (
    TOO_FEW,
    Earned,
    calibration_pictures,
    compare_with_fp32,
)
from training.settings import TrainingSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class PrecisionChoice:
    """A precision, and why.

    Attributes:
        precision: of what the backbone computes with.
        chosen_by: in a few words.
        earned: what was found of int8, where it was asked about.
    """

    precision: Precision
    chosen_by: str
    earned: Earned | None

    @property
    def has_read(self) -> bool:
        """Whether the sample was read for it."""
        return self.earned is not None and self.earned.compared is not None


def choose_precision(
    settings: TrainingSettings, sized: Sized, sample: Sample
) -> tuple[PrecisionChoice, Sized]:
    """Takes the precision that was asked for, or int8 where the sample says that it is as good.

    Args:
        settings: of the run.
        sized: the backbone with its graph, and what that has read of the sample.
        sample: what to ask.

    Returns:
        The choice; and the backbone with a graph of that precision, and what *that* has read.
    """
    if settings.precision != "auto":
        choice = PrecisionChoice(settings.precision, "--precision", None)
        return _said(choice), at_precision(settings.precision, settings, sized, sample)
    if torch.cuda.is_available():
        return _said(PrecisionChoice("fp32", "a GPU gains nothing by int8", None)), sized
    if len(sample.examples) < FEWEST:
        return _said(PrecisionChoice("fp32", TOO_FEW, None)), sized
    return _best(settings, sized, sample)


def at_precision(
    precision: Precision, settings: TrainingSettings, sized: Sized, sample: Sample
) -> Sized:
    """The same backbone, with a graph of that precision that has read nothing yet."""
    if precision == "int8":
        pixels, _ = calibration_pictures(settings, sized.backbone, sample)
        return replace(sized, graph=quantised(sized.graph, pixels), read={})
    if precision == "fp16":
        return replace(sized, graph=in_half_precision(sized.graph), read={})
    return sized


def choose_again(
    before: PrecisionChoice, settings: TrainingSettings, sized: Sized, sample: Sample
) -> tuple[PrecisionChoice, Sized]:
    """The same for a network that has learned since; its speed is what it was.

    Args:
        before: what was chosen for the network when it had not.
        settings: of the run.
        sized: the network as it is now, in fp32.
        sample: of what it learned from.
    """
    if before.earned is None or before.precision == "fp32":
        return before, at_precision(before.precision, settings, sized, sample)
    return _best(settings, sized, sample, before.earned.speedup)


def _best(
    settings: TrainingSettings, fp32: Sized, sample: Sample, speedup: float | None = None
) -> tuple[PrecisionChoice, Sized]:
    int8 = at_precision("int8", settings, fp32, sample)
    earned = compare_with_fp32(settings, fp32, int8, sample, speedup)
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
