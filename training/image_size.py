"""Whether larger pictures would pay, and what they would cost.

A larger input shows small things to the network, and takes time by its area, for ever. The sample
of the training part is read at both sizes, by torch, and cross-validated. That costs several
times what the sample costs in the pass: unasked, it is done only where the pass is long.
"""

import logging
import time
from dataclasses import dataclass, replace
from typing import Final

import torch

from models.errors import BackboneError
from models.graph.backbones import Backbone, check_image_size, load_backbone
from training.features import FeatureReader
from training.framing import FRAMINGS
from training.sample import CrossValidation, Sample, cross_validate, gain
from training.settings import TrainingSettings

log = logging.getLogger(__name__)

#: The larger size that is asked about, against the network's own: 224 → 288, 299 → 384.
_LARGER: Final = 9 / 7
_STEP: Final = 32

#: Unasked, asking may add this part to the pass. It takes the time of 3.5 pictures for each picture
#: of the sample (1 + 1.65 of them, at three quarters of ONNX Runtime's speed).
_CHEAP: Final = 0.05
_PICTURES_PER_PICTURE: Final = 3.5


@dataclass(frozen=True)
class LargerSize:
    """What a larger input would give, and cost.

    Attributes:
        image_size: the larger one, pixels.
        gain: how much less log loss, mean over the sample.
        error: the standard error of that.
        accuracy: cross-validated, at the network's own size and at the larger one.
        cost: time per picture, against the network's own size.
        pays: whether the gain is more than chance.
    """

    image_size: int
    gain: float
    error: float
    accuracy: tuple[float, float]
    cost: float
    pays: bool


def choose_image_size(
    settings: TrainingSettings, backbone: Backbone, sample: Sample, pictures: int
) -> tuple[Backbone, LargerSize | None]:
    """Asks about a larger size where that is wanted or cheap; takes it where `auto` was asked for.

    Args:
        settings: of the run.
        backbone: at the size that was asked for, or its own.
        sample: what to ask.
        pictures: how many the pass will read.

    Returns:
        The backbone, of the larger size where that was taken; and what was found.
    """
    if not _is_to_be_asked(settings, backbone, sample, pictures):
        return backbone, None
    image_size = larger_than(backbone.preprocessing.height)
    try:
        check_image_size(settings.backbone, image_size)
    except BackboneError:
        log.info("image size: %s takes no larger pictures", settings.backbone)
        return backbone, None
    larger = load_backbone(settings.backbone, settings.weights, image_size)
    own_answer, own_seconds = _read(settings, backbone, sample)
    answer, seconds = _read(settings, larger, sample)
    if own_answer is None or answer is None:
        log.info("image size: there are too few pictures to ask about a larger one")
        return backbone, None
    found = _compared(own_answer, answer, image_size, seconds / own_seconds)
    takes = found.pays and settings.image_size == "auto"
    _log(found, settings, backbone, takes=takes)
    return (larger if takes else backbone), found


def larger_than(image_size: int) -> int:
    """The next size worth asking about: some 1.29 times as large, a multiple of 32."""
    return max(round(image_size * _LARGER / _STEP), image_size // _STEP + 1) * _STEP


def _is_to_be_asked(
    settings: TrainingSettings, backbone: Backbone, sample: Sample, pictures: int
) -> bool:
    if backbone.is_random:
        if settings.image_size == "auto":
            log.info("image size: the network's own, as random weights have no preference")
        return False
    if settings.image_size is not None:
        return settings.image_size == "auto"
    cost = _PICTURES_PER_PICTURE * len(sample.examples) / pictures
    if cost > _CHEAP:
        log.info(
            "image size: %d, the network's own; asking whether a larger one would pay would add "
            "%.0f %% to the pass (--image-size auto asks)",
            backbone.preprocessing.height, 100 * cost,
        )  # fmt: skip
    return cost <= _CHEAP


def _read(
    settings: TrainingSettings, backbone: Backbone, sample: Sample
) -> tuple[CrossValidation | None, float]:
    """What the sample says of a size, and the seconds that reading it took."""
    framing = FRAMINGS[0] if settings.framing == "auto" else settings.framing
    way = replace(backbone.preprocessing, framing=framing)
    reader = FeatureReader(backbone, None)
    reader.read(sample.examples[:1], way, f"one picture at {way.width} pixels, to warm up")
    # On a CPU its own time is counted: what else runs here would tell lies about the cost.
    clock = time.perf_counter if torch.cuda.is_available() else time.process_time
    begun = clock()
    table = reader.read(sample.examples, way, f"a sample at {way.width} pixels")
    seconds = clock() - begun
    return cross_validate(table, settings.seed), seconds


def _compared(
    own: CrossValidation, larger: CrossValidation, image_size: int, cost: float
) -> LargerSize:
    gained = gain(own, larger)
    return LargerSize(
        image_size,
        gained.mean,
        gained.error,
        (own.accuracy, larger.accuracy),
        round(cost, 2),
        gained.is_real,
    )


def _log(found: LargerSize, settings: TrainingSettings, backbone: Backbone, *, takes: bool) -> None:
    before, after = found.accuracy
    own = backbone.preprocessing.height
    verdict = f"{found.image_size if takes else own} is taken"
    if found.pays and settings.image_size is None:
        verdict = f"--image-size {found.image_size} takes it"
    log.info(
        "image size: %d instead of %d %s: log loss %+.4f ± %.4f and %.1f → %.1f %% right on a "
        "sample of the training part, for %.2f times the time; %s",
        found.image_size, own, "pays" if found.pays else "does not pay",
        -found.gain, found.error, 100 * before, 100 * after, found.cost, verdict,
    )  # fmt: skip
