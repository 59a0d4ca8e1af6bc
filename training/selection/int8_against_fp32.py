"""How a network does in int8 beside the same one in fp32: speed here, answers, heatmaps.

Asked of the sample of the training part, before all pictures are read; what is cheap comes first.
"""

import platform
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from statistics import median
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
from pydantic import TypeAdapter
from scipy.stats import rankdata

from models.choices import Precision
from models.cores import granted_cores
from models.head import Floats
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

if TYPE_CHECKING:
    from training.features.graphs import AnyNetwork

#: What int8 must reach to be taken unasked.
AGREEMENT: Final = 0.97
CORRELATION: Final = 0.9
SPEEDUP: Final = 1.2

#: Calibration's pictures are read in batches of so many, and that is timed.
_BATCH: Final = 8

TOO_FEW: Final = "there are too few pictures to compare int8 on"


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
            seen = look(fp32, int8, calibration)
            found = speedup or seen.speedup
            is_fast = found >= SPEEDUP
            asked = (fp32, int8), seen, calibration.labels, sample, pictures
            compared = _compared(*asked) if is_fast else None
        return TypeAdapter(Earned).dump_json(Earned(found, compared))

    return TypeAdapter(Earned).validate_json(remembered("earned", key, ask))


def rank_correlation(some: Floats, others: Floats) -> float:
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


@dataclass(frozen=True)
class Seen:
    """What fp32 and int8 made of the calibration's pictures.

    Attributes:
        speedup: pictures a second of int8 against fp32, on one thread.
        feature_maps: of fp32 and of int8, float32 (N, …).
    """

    speedup: float
    feature_maps: tuple[Floats, Floats]


def look(fp32: Extractor, int8: Extractor, calibration: Calibration) -> Seen:
    """Shows both the calibration's pictures, batch by batch in turn, a thread a batch."""
    sessions = [extractor.graph.session for extractor in (fp32, int8)]
    seconds: list[list[float]] = [[], []]

    def ask(start: int) -> list[Floats]:
        maps = []
        for session, taken in zip(sessions, seconds, strict=True):
            # In time of this thread: what else runs here would tell lies.
            begun = time.thread_time()
            maps.append(feature_maps_of(session, calibration.pixels[start : start + _BATCH]))
            taken.append(time.thread_time() - begun)
        return maps

    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="int8") as pool:
        found = list(pool.map(ask, range(0, len(calibration.pixels), _BATCH)))
    of_fp32, of_int8 = (np.concatenate(maps) for maps in zip(*found, strict=True))
    return Seen(round(median(seconds[0]) / median(seconds[1]), 2), (of_fp32, of_int8))


def _compared(
    both: tuple[Extractor, Extractor],
    seen: Seen,
    labels: npt.NDArray[np.int64],
    sample: Sample,
    pictures: Pictures,
) -> Compared | None:
    """What the sample says; None where it is too small."""
    tables = [
        extractor.read(sample.examples, pictures, f"a sample in {extractor.graph.precision}")
        for extractor in both
    ]
    before, after = (cross_validate(table.features, table.labels) for table in tables)
    if before is None or after is None:
        return None
    heatmaps = [
        _heatmaps(extractor.network, table, maps, labels)
        for extractor, table, maps in zip(both, tables, seen.feature_maps, strict=True)
    ]
    return Compared(
        agreement=float((before.answers == after.answers).mean()),
        log_loss=(before.log_loss, after.log_loss),
        log_loss_error=gain(before, after).error,
        accuracy=(before.accuracy, after.accuracy),
        heatmap_correlation=rank_correlation(*heatmaps),
    )


def _heatmaps(
    network: "AnyNetwork", table: FeatureTable, maps: Floats, labels: npt.NDArray[np.int64]
) -> Floats:
    """What a head that is fitted on the whole sample shows of pictures of these classes."""
    classes, known = np.unique(table.labels, return_inverse=True)
    head = fit_head_at(STRENGTH, table.features, known, len(classes))
    return network.heatmaps(head, maps, np.searchsorted(classes, labels))
