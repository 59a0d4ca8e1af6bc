"""How a network does in int8 beside the same one in fp32: speed here, answers, heatmaps.

Asked of the sample of the training part, before all pictures are read; what is cheap comes first.
"""

import platform
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import median
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import torch
from pydantic import TypeAdapter
from scipy.stats import rankdata

from models.backbones.backbone import Backbone
from models.errors import DataFolderError, ImageError
from models.graph.classifier import Classifier
from models.graph.gradcam import explain_activations
from models.preprocessing import Pixels, Preprocessing, read_pixels
from models.providers import open_graph
from models.signature import feature_maps_of
from training.data.sample import STRENGTH, Sample, cross_validate, gain
from training.features.cache import digest_of, remembered
from training.features.extractor import FeatureReader, FeatureTable
from training.head.fit import fit_head_at
from training.selection.framing import first_asked
from training.selection.image_size import Sized
from training.settings import TrainingSettings

#: What int8 must reach to be taken unasked.
AGREEMENT: Final = 0.97
CORRELATION: Final = 0.9
SPEEDUP: Final = 1.2

#: Pictures of the sample that calibrate, and that heatmaps are compared on.
_CALIBRATION: Final = 32

#: They are read in batches of so many, and that is timed.
_BATCH: Final = 8

TOO_FEW: Final = "there are too few pictures to compare int8 on"

Heatmaps = npt.NDArray[np.float32]
FeatureMaps = npt.NDArray[np.float32]


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


def compare_with_fp32(
    settings: TrainingSettings,
    fp32: Sized,
    int8: Sized,
    sample: Sample,
    speedup: float | None = None,
) -> Earned:
    """What is found of int8, now or by an earlier run on this machine and the same pictures.

    Args:
        settings: of the run.
        fp32: the network, and what it has read of the sample.
        int8: the same.
        sample: what to ask.
        speedup: of int8, where it is known.
    """
    key = digest_of(
        *(one.graph.SerializeToString() for one in (fp32, int8)),
        *(_bytes(example.path) for example in sample.examples),
        f"{_way(settings, fp32.backbone)} {speedup} {platform.node()}",
    )

    def ask() -> bytes:
        return TypeAdapter(Earned).dump_json(_earned(settings, fp32, int8, sample, speedup))

    return TypeAdapter(Earned).validate_json(remembered("earned", key, ask))


def calibration_pictures(
    settings: TrainingSettings, backbone: Backbone, sample: Sample
) -> tuple[Pixels, npt.NDArray[np.int64]]:
    """Some pictures of the sample, spread over it, and their classes.

    Raises:
        DataFolderError: none of them can be read.
    """
    way, pixels, labels = _way(settings, backbone), [], []
    count = min(_CALIBRATION, len(sample.examples))
    for place in np.linspace(0, len(sample.examples) - 1, count).round().astype(int):
        example = sample.examples[place]
        try:
            pixels.append(read_pixels(example.path.read_bytes(), way))
        except (OSError, ImageError):
            continue  # the pass names it
        labels.append(example.class_index)
    if not pixels:
        raise DataFolderError(
            f"--data {settings.data}: none of {count} pictures of the training part can be read"
        )
    return np.stack(pixels), np.array(labels)


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


def _bytes(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError:
        return b""


def _earned(
    settings: TrainingSettings, fp32: Sized, int8: Sized, sample: Sample, speedup: float | None
) -> Earned:
    """Asks what is cheap first, and no more where that decides."""
    pixels, labels = calibration_pictures(settings, fp32.backbone, sample)
    maps, seconds = _read_in_turn([_session(one) for one in (fp32, int8)], pixels)
    if speedup is None:
        speedup = round(median(seconds[0]) / median(seconds[1]), 2)
    earned = Earned(speedup)
    if speedup < SPEEDUP:
        return earned
    way = _way(settings, fp32.backbone)
    tables = [_read(fp32, way, sample, "fp32"), _read(int8, way, sample, "int8")]
    asked = [cross_validate(table) for table in tables]
    if asked[0] is None or asked[1] is None:
        return earned
    heatmaps = [
        _heatmaps(fp32.backbone, table, feature_maps, labels)
        for table, feature_maps in zip(tables, maps, strict=True)
    ]
    compared = Compared(
        agreement=float((asked[0].answers == asked[1].answers).mean()),
        log_loss=(asked[0].log_loss, asked[1].log_loss),
        log_loss_error=gain(asked[0], asked[1]).error,
        accuracy=(asked[0].accuracy, asked[1].accuracy),
        heatmap_correlation=rank_correlation(heatmaps[0], heatmaps[1]),
    )
    return Earned(speedup, compared)


def _way(settings: TrainingSettings, backbone: Backbone) -> Preprocessing:
    return replace(backbone.preprocessing, framing=first_asked(settings))


def _session(sized: Sized) -> ort.InferenceSession:
    return open_graph(sized.graph.SerializeToString(), "cpu", threads=1)


def _read_in_turn(
    sessions: Sequence[ort.InferenceSession], pixels: Pixels
) -> tuple[list[FeatureMaps], list[list[float]]]:
    """Each session's feature maps, (N, C, h, w), and its seconds for each batch.

    In time of this process: what else runs here would tell lies.
    """
    maps: list[list[FeatureMaps]] = [[] for _ in sessions]
    seconds: list[list[float]] = [[] for _ in sessions]
    for start in range(0, len(pixels), _BATCH):
        batch = pixels[start : start + _BATCH]
        for place, session in enumerate(sessions):
            begun = time.process_time()
            maps[place].append(feature_maps_of(session, batch))
            seconds[place].append(time.process_time() - begun)
    return [np.concatenate(found) for found in maps], seconds


def _read(sized: Sized, way: Preprocessing, sample: Sample, precision: str) -> FeatureTable:
    if way not in sized.read:
        reader = FeatureReader(sized.backbone, sized.graph)
        sized.read[way] = reader.read(sample.examples, way, f"a sample in {precision}")
    return sized.read[way]


def _heatmaps(
    backbone: Backbone,
    table: FeatureTable,
    feature_maps: FeatureMaps,
    labels: npt.NDArray[np.int64],
) -> Heatmaps:
    """What a head that is fitted on the whole sample shows of the calibration's pictures."""
    classes, of_examples = np.unique([e.class_index for e in table.examples], return_inverse=True)
    head = fit_head_at(STRENGTH, table.features, of_examples, len(classes))
    classifier = Classifier(backbone, head)
    asked = torch.from_numpy(np.searchsorted(classes, labels))
    _, heatmaps = explain_activations(classifier, torch.from_numpy(feature_maps), asked)
    found: Heatmaps = heatmaps.detach().numpy()
    return found
