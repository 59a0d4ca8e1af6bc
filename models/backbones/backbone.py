"""Backbones by name, each split into what makes the feature map and what follows it."""

import logging
from dataclasses import dataclass, replace
from typing import Any, Final, assert_never

import timm
import timm.data
import torch
from torch import Tensor, nn

from models.backbones.bundled_backbone import load_bundled
from models.backbones.catalogue import check_backbone
from models.backbones.weights import (
    Bundled,
    File,
    Hub,
    Random,
    Weights,
    load_from_file,
    load_from_hub,
    random_start,
)
from models.errors import BackboneError, first_line
from models.preprocessing import Preprocessing

log = logging.getLogger(__name__)

#: A smaller feature map than this, in each direction, cannot show where the network looked.
_SMALLEST_MAP: Final = 2

_INTERPOLATIONS: Final = frozenset({"bilinear", "bicubic", "lanczos", "nearest"})


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, in units of [0, 1]: three numbers each."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Backbone(nn.Module):
    """A pretrained network without its last linear layer, in two parts.

    `trunk` makes the activations that Grad-CAM differentiates by; `features` is everything between
    those and the last linear layer (pooling; VGG's inner layers; ConvNeXt's norm); `map_of` says
    where in the picture they are. What they look like, (N, C, h, w), is known here alone. Always in
    inference mode.

    Attributes:
        num_features: C of what enters the last linear layer.
    """

    def __init__(
        self, name: str, weights: Weights, model: nn.Module, preprocessing: Preprocessing
    ) -> None:
        super().__init__()
        self.name = name
        self.weights = weights
        self._preprocessing = preprocessing
        self.model = model.eval()
        config = timm.data.resolve_data_config(model=model)
        self.normalisation = Normalisation(config["mean"], config["std"])
        self.channels_first, self.num_features = self._measure()

    @property
    def preprocessing(self) -> Preprocessing:
        """How timm evaluates it: H and W of its input; what a bundle shows it is decided later."""
        return self._preprocessing

    @property
    def is_random(self) -> bool:
        """Whether it has never learned anything."""
        return isinstance(self.weights, Random)

    def trunk(self, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → the last activations that have a place."""
        found: Tensor = self.model.forward_features(images)  # type: ignore[operator]
        if not self.channels_first:
            found = found.permute(0, 3, 1, 2)
        # The head is traced once: a map in another memory layout would not fit it (vgg11_bn).
        return found.contiguous()

    def features(self, activations: Tensor) -> Tensor:
        """What `trunk` has made → what enters the last linear layer (N, C)."""
        if not self.channels_first:
            activations = activations.permute(0, 2, 3, 1)
        found: Tensor = self.model.forward_head(activations, pre_logits=True)  # type: ignore[operator]
        return found

    def map_of(self, activations: Tensor) -> Tensor:
        """What `trunk` has made, or a gradient by it → the feature map (N, C, h, w)."""
        return activations

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → features (N, C)."""
        return self.features(self.trunk(images))

    @torch.inference_mode()
    def _measure(self) -> tuple[bool, int]:
        size = (1, 3, self.preprocessing.height, self.preprocessing.width)
        raw = self.model.forward_features(torch.zeros(size))  # type: ignore[operator]
        width = self.model.forward_head(raw, pre_logits=True).shape[1]  # type: ignore[operator]
        return raw.shape[1] == self.model.num_features, int(width)


def load_backbone(name: str, weights: Weights, image_size: int | None = None) -> Backbone:
    """Builds a backbone with its weights, in inference mode.

    Args:
        name: timm's, or one of `course_networks`.
        weights: where its parameters are to come from.
        image_size: H and W of its input, pixels; default: its own.

    Raises:
        BackboneError: unknown, without a spatial feature map, or not for pictures of this size.
        WeightsError: the weights cannot be had or do not fit.
    """
    check_backbone(name)
    options: dict[str, Any] = {}
    if image_size is not None:
        check_image_size(name, image_size)
        options = _size_options(name, image_size)
    model = _build(name, weights, options)
    preprocessing = preprocessing_of(model)
    if image_size is not None:
        preprocessing = replace(preprocessing, height=image_size, width=image_size)
    return Backbone(name, weights, model, preprocessing)


def _build(name: str, weights: Weights, options: dict[str, Any]) -> nn.Module:
    match weights:
        case Hub():
            return load_from_hub(name, **options)
        case Bundled():
            return load_bundled(name, **options)
        case File(path):
            return load_from_file(name, path, **options)
        case Random():
            return random_start(name, **options)
        case _:
            assert_never(weights)


def untrained_backbone(name: str) -> Backbone:
    """Builds a backbone that is about to learn, from random parameters; raises as the above."""
    check_backbone(name)
    model = timm.create_model(name, num_classes=0)
    return Backbone(name, Random(), model, preprocessing_of(model))


def check_image_size(name: str, image_size: int) -> None:
    """Refuses a size of pictures that a backbone cannot read, before anything is downloaded.

    Raises:
        BackboneError: with the reason.
    """
    with torch.device("meta"), torch.inference_mode():
        try:
            model: Any = timm.create_model(name, num_classes=0, **_size_options(name, image_size))
            feature_map = model.eval().forward_features(torch.zeros(2, 3, image_size, image_size))
            model.forward_head(feature_map, pre_logits=True)
        # Whatever a network of a thousand raises when its layers do not fit what they are given.
        except Exception as error:
            raise BackboneError(
                f"--image-size {image_size}: {name} cannot read pictures of this size "
                f"({first_line(error)}). Leave it out for the network's own size, "
                "or take a multiple of 32 near that"
            ) from error
    if min(feature_map.shape[1:]) < _SMALLEST_MAP:
        raise BackboneError(
            f"--image-size {image_size}: {name} would see such a picture as a single point, "
            "and could not show where it looked. Take a larger size"
        )


def _size_options(name: str, image_size: int) -> dict[str, Any]:
    """What a network whose layers know the size of their input (Swin) must be told of it."""
    config = timm.get_pretrained_cfg(name)
    return {"img_size": image_size} if config is not None and config.fixed_input_size else {}


def preprocessing_of(model: nn.Module) -> Preprocessing:
    """How timm evaluates this model: size, crop and interpolation from its data config."""
    config: dict[str, Any] = timm.data.resolve_data_config(model=model)
    _, height, width = config["input_size"]
    interpolation = config["interpolation"]
    return Preprocessing(
        height=height,
        width=width,
        framing="squash" if config["crop_mode"] == "squash" else "crop",
        crop_fraction=config["crop_pct"],
        interpolation=interpolation if interpolation in _INTERPOLATIONS else "bilinear",
    )
