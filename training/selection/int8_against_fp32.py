"""How a network does in int8 beside the same one in fp32: speed here, answers, heatmaps.

Asked of the sample of the training part, before all pictures are read; what is cheap comes first.
"""

import platform
import time
from dataclasses import dataclass
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter
from scipy.stats import rankdata

from models.choices import Precision
from models.preprocessing import Pixels
from models.signature import feature_maps_of
from models.terminal import working
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.features.cache import digest_of, remembered
from training.features.extractor import Extractor
from training.features.table import FeatureTable
from training.head.cross_validation import STRENGTH, cross_validate, gain
from training.head.fit import fit_head_at

#: What int8 must reach to be taken unasked.
AGREEMENT: Final = 0.97
CORRELATION: Final = 0.9
SPEEDUP: Final = 1.2

#: Calibration's pictures are read in batches of so many, and that is timed.
_BATCH: Final = 8

TOO_FEW: Final = "there are too few pictures to compare int8 on"

Heatmaps = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Calibration:
    """Some pictures that int8 takes its ranges from, and is compared on.

    Attributes:
        pixels: uint8 (N, H, W, 3), as the network is shown them.
        labels: int64 (N,), their classes.
    """

    pixels: Pixels
    labels: npt.NDArray[np.int64]


@dataclass(frozen=True)
class Compared:
    """What a sample says of int8 beside fp32.

    Attributes:
        agreement: part of the sample that heads, fitted without it, answer alike.
        log_loss: of fp32 and of int8, cross-validated.
        log_loss_error: the standard error of their difference, picture by picture.
        accuracy: of fp32 and of int8, top-1.
        heatmap_correlation: of ranks, for the true class, in the median picture.
    """

    agreement: float
    log_loss: tuple[float, float]
    log_loss_error: float
    accuracy: tuple[float, float]
    heatmap_correlation: float


@dataclass(frozen=True)
class Earned:
    """How a network does in int8 beside the same one in fp32.

    Attributes:
        speedup: pictures a second against fp32, on one thread of this machine.
        compared: what the sample says; None where it was not asked, or too small.
    """

    speedup: float
    compared: Compared | None = None

    @property
    def objection(self) -> str:
        """Why int8 is not to be taken; empty where it is."""
        if self.speedup < SPEEDUP:
            return f"int8 is only {self.speedup:.2f} times as fast here"
        if self.compared is None:
            return TOO_FEW
        if self.compared.agreement < AGREEMENT:
            return f"int8 answers only {100 * self.compared.agreement:.1f} % of a sample alike"
        if self.compared.heatmap_correlation < CORRELATION:
            correlation = self.compared.heatmap_correlation
            return f"int8's heatmaps differ (rank correlation {correlation:.2f})"
        fp32, int8 = self.compared.log_loss
        if int8 - fp32 > self.compared.log_loss_error:
            return f"int8's log loss on a sample is higher ({int8:.3f}, fp32's {fp32:.3f})"
        return ""


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


def compare_with_fp32(
    fp32: Extractor,
    int8: Extractor,
    calibration: Calibration,
    sample: Sample,
    pictures: Pictures,
    speedup: float | None = None,
) -> Earned:
    """What is found of int8, now or by an earlier run on this machine and the same pictures.

    Args:
        fp32: the network, framed as its pictures are shown.
        int8: the same.
        calibration: what int8 has its ranges from.
        sample: what to ask.
        pictures: opens its files.
        speedup: of int8, where it is known.
    """
    key = digest_of(
        *(extractor.graph.data for extractor in (fp32, int8)),
        *(pictures.digest(example) for example in sample.examples),
        f"{fp32.preprocessing} {speedup} {platform.node()}",
    )

    def ask() -> bytes:
        with working("comparing int8 with fp32"):
            found = speedup or measured_speedup(fp32, int8, calibration)
            is_fast = found >= SPEEDUP
            asked = fp32, int8, calibration, sample, pictures
            compared = _compared(*asked) if is_fast else None
        return TypeAdapter(Earned).dump_json(Earned(found, compared))

    return TypeAdapter(Earned).validate_json(remembered("earned", key, ask))


def rank_correlation(some: Heatmaps, others: Heatmaps) -> float:
    """Spearman's, of each pair of heatmaps; the median over the pairs. (N, h, w) twice.

    Two maps without a single difference in them (all zero) are alike; one such and another are not.
    """
    ranks = [rankdata(maps.reshape(len(maps), -1), axis=1) for maps in (some, others)]
    centred = [of_one - of_one.mean(axis=1, keepdims=True) for of_one in ranks]
    lengths = [np.linalg.norm(of_one, axis=1) for of_one in centred]
    both, product = lengths[0] * lengths[1], (centred[0] * centred[1]).sum(axis=1)
    flat = (lengths[0] == 0) & (lengths[1] == 0)
    found = np.divide(product, both, out=flat.astype(float), where=both > 0)
    return float(np.median(found))


def measured_speedup(fp32: Extractor, int8: Extractor, calibration: Calibration) -> float:
    """Pictures a second against fp32, batch by batch in turn."""
    sessions = [extractor.graph.session for extractor in (fp32, int8)]
    seconds: list[list[float]] = [[], []]
    for start in range(0, len(calibration.pixels), _BATCH):
        batch = calibration.pixels[start : start + _BATCH]
        for place, session in enumerate(sessions):
            # In time of this process: what else runs here would tell lies.
            begun = time.process_time()
            feature_maps_of(session, batch)
            seconds[place].append(time.process_time() - begun)
    return round(median(seconds[0]) / median(seconds[1]), 2)


def _compared(
    fp32: Extractor, int8: Extractor, calibration: Calibration, sample: Sample, pictures: Pictures
) -> Compared | None:
    """What the sample says; None where it is too small."""
    tables = [
        extractor.read(sample.examples, pictures, f"a sample in {extractor.graph.precision}")
        for extractor in (fp32, int8)
    ]
    before, after = (cross_validate(table.features, table.labels) for table in tables)
    if before is None or after is None:
        return None
    heatmaps = [
        _heatmaps(extractor, table, calibration)
        for extractor, table in zip((fp32, int8), tables, strict=True)
    ]
    return Compared(
        agreement=float((before.answers == after.answers).mean()),
        log_loss=(before.log_loss, after.log_loss),
        log_loss_error=gain(before, after).error,
        accuracy=(before.accuracy, after.accuracy),
        heatmap_correlation=rank_correlation(*heatmaps),
    )


def _heatmaps(extractor: Extractor, table: FeatureTable, calibration: Calibration) -> Heatmaps:
    """What a head that is fitted on the whole sample shows of the calibration's pictures."""
    classes, labels = np.unique(table.labels, return_inverse=True)
    head = fit_head_at(STRENGTH, table.features, labels, len(classes))
    asked = np.searchsorted(classes, calibration.labels)
    maps = [
        feature_maps_of(extractor.graph.session, calibration.pixels[start : start + _BATCH])
        for start in range(0, len(calibration.pixels), _BATCH)
    ]
    return extractor.network.heatmaps(head, np.concatenate(maps), asked)
