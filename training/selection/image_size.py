"""Whether larger pictures would pay, and what they would cost.

A larger input shows small things to the network, and takes time by its area, for ever. The sample
of the training part is read at both sizes and cross-validated. Unasked, that is done only where the
pass is long; only `auto` takes the larger size.
"""

import logging
from dataclasses import dataclass, replace
from typing import Final

import onnx

from models.backbones.backbone import Backbone, check_image_size, load_backbone
from models.errors import BackboneError, WeightsError
from models.graph.resized import graph_at_its_size
from models.preprocessing import Preprocessing
from training.data.sample import CrossValidation, Sample, cross_validate, gain
from training.features.extractor import FeatureReader, FeatureTable
from training.selection.framing import first_asked
from training.settings import TrainingSettings

log = logging.getLogger(__name__)

#: The larger size that is asked about, against the network's own: 224 → 288, 299 → 384.
_LARGER: Final = 9 / 7
_STEP: Final = 32

#: Unasked, asking may add this part to the pass. (What is read at the own size is used again.)
_CHEAP: Final = 0.05


@dataclass(frozen=True)
class LargerSize:
    """What a larger input would give, and cost.

    Attributes:
        image_size: the larger one, pixels.
        gain: how much less log loss, mean over the sample.
        error: the standard error of that.
        accuracy: cross-validated, at the network's own size and at the larger one.
        cost: pixels of a picture, against the network's own size; time goes with them.
        pays: whether the gain is more than chance.
    """

    image_size: int
    gain: float
    error: float
    accuracy: tuple[float, float]
    cost: float
    pays: bool


@dataclass(frozen=True)
class Sized:
    """A backbone whose size is decided.

    Attributes:
        backbone: at that size.
        graph: the same, exported.
        larger_size: what was found of a larger size, where it was asked about.
        read: what it has read of the sample, by how pictures were shown.
    """

    backbone: Backbone
    graph: onnx.ModelProto
    larger_size: LargerSize | None
    read: dict[Preprocessing, FeatureTable]


def choose_image_size(
    settings: TrainingSettings, own: Sized, sample: Sample, pictures: int
) -> Sized:
    """Asks about a larger size where that is wanted or cheap; takes it where `auto` was asked for.

    Args:
        settings: of the run.
        own: the backbone at the size that was asked for, or its own.
        sample: what to ask.
        pictures: how many the pass will read.
    """
    if not _is_to_be_asked(settings, own.backbone, sample, pictures):
        return own
    image_size = larger_than(own.backbone.preprocessing.height)
    try:
        check_image_size(own.backbone.name, image_size)
        backbone = load_backbone(own.backbone.name, own.backbone.weights, image_size)
    # Of some networks the weights, too, are for one size.
    except (BackboneError, WeightsError):
        log.info("image size: %s takes no larger pictures", own.backbone.name)
        return own
    larger = Sized(backbone, graph_at_its_size(own.graph, backbone), None, {})
    before, after = _asked(settings, own, sample), _asked(settings, larger, sample)
    if before is None or after is None:
        log.info("image size: there are too few pictures to ask about a larger one")
        return replace(own, read={})
    found = _compared(before, after, image_size, _cost(own.backbone))
    takes = found.pays and settings.image_size == "auto"
    _log(found, settings, own.backbone, takes=takes)
    return replace(larger if takes else own, larger_size=found)


def larger_than(image_size: int) -> int:
    """The next size worth asking about: some 1.29 times as large, a multiple of 32."""
    return max(round(image_size * _LARGER / _STEP), image_size // _STEP + 1) * _STEP


def _cost(own: Backbone) -> float:
    size = own.preprocessing.height
    return (larger_than(size) / size) ** 2


def _is_to_be_asked(
    settings: TrainingSettings, backbone: Backbone, sample: Sample, pictures: int
) -> bool:
    if backbone.is_random:
        if settings.image_size == "auto":
            log.info("image size: the network's own, as random weights have no preference")
        return False
    if settings.image_size is not None:
        return settings.image_size == "auto"
    own = backbone.preprocessing.height
    cost = _cost(backbone) * len(sample.examples) / pictures
    if cost > _CHEAP:
        log.info(
            "image size: %d, the network's own; asking whether a larger one would pay would add "
            "%.0f %% to the pass (--image-size auto asks)",
            own, 100 * cost,
        )  # fmt: skip
    return cost <= _CHEAP


def _asked(settings: TrainingSettings, sized: Sized, sample: Sample) -> CrossValidation | None:
    """What the sample says of a size."""
    way = replace(sized.backbone.preprocessing, framing=first_asked(settings))
    reader = FeatureReader(sized.backbone, sized.graph)
    sized.read[way] = reader.read(sample.examples, way, f"a sample at {way.width} pixels")
    return cross_validate(sized.read[way])


def _compared(
    own: CrossValidation, larger: CrossValidation, image_size: int, cost: float
) -> LargerSize:
    gained = gain(own, larger)
    return LargerSize(
        image_size=image_size,
        gain=gained.mean,
        error=gained.error,
        accuracy=(own.accuracy, larger.accuracy),
        cost=round(cost, 2),
        pays=gained.is_real,
    )


def _log(found: LargerSize, settings: TrainingSettings, backbone: Backbone, *, takes: bool) -> None:
    before, after = found.accuracy
    own = backbone.preprocessing.height
    verdict = f"{found.image_size if takes else own} is taken"
    if found.pays and settings.image_size is None:
        verdict = f"--image-size {found.image_size} takes it"
    log.info(
        "image size: %d instead of %d %s: log loss %+.4f ± %.4f and %.1f → %.1f %% right on a "
        "sample of the training part, for %.2f times the pixels; %s",
        found.image_size, own, "pays" if found.pays else "does not pay",
        -found.gain, found.error, 100 * before, 100 * after, found.cost, verdict,
    )  # fmt: skip
