"""Backbones by name, each split into what makes the feature map and what follows it."""

from dataclasses import dataclass, replace
from typing import Any, Final

import timm
import timm.data
import torch
from torch import Tensor, nn

from models.backbones.activations import Activations, FeatureMap, activations_of, check_split
from models.backbones.catalogue import NO_PLACE, check_backbone
from models.backbones.tokens import patch_size
from models.backbones.weights import Random, Weights, load
from models.errors import BackboneError, first_line
from models.preprocessing import Preprocessing

_INTERPOLATIONS: Final = frozenset({"bilinear", "bicubic", "lanczos", "nearest"})


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, in units of [0, 1]: three numbers each."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Backbone(nn.Module):
    """A pretrained network without its last linear layer, in two parts.

    `trunk` makes the activations that Grad-CAM differentiates by; `features` is everything between
    those and the last linear layer (pooling; VGG's inner layers; ConvNeXt's norm; the last block of
    a vision transformer); `map_of` says where in the picture they are. What they look like is known
    to `activations` alone, and that `num_features` C enter that layer. Always in inference mode.
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
        self.activations, self.num_features = self._split()

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
        return self.activations.trunk(self.model, images)

    def features(self, activations: Tensor) -> Tensor:
        """What `trunk` has made → what enters the last linear layer (N, C)."""
        return self.activations.features(self.model, activations)

    def map_of(self, activations: Tensor) -> Tensor:
        """What `trunk` has made, or a gradient by it → the feature map (N, C, h, w)."""
        return self.activations.map_of(activations)

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → features (N, C)."""
        return self.features(self.trunk(images))

    def _split(self) -> tuple[Activations, int]:
        size = (1, 3, self.preprocessing.height, self.preprocessing.width)
        images = torch.randn(size, generator=torch.Generator().manual_seed(0))
        with torch.no_grad():
            found = activations_of(self.model, images)
            if found is None:
                raise BackboneError(NO_PLACE.format(name=self.name))
            features = found.features(self.model, found.trunk(self.model, images))
        if not isinstance(found, FeatureMap):
            check_split(self.model, found, images)
        return found, features.shape[1]


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
    if image_size is None:
        model = load(name, weights)
        return Backbone(name, weights, model, preprocessing_of(model))
    check_image_size(name, image_size)
    model = load(name, weights, **_size_options(name, image_size))
    preprocessing = replace(preprocessing_of(model), height=image_size, width=image_size)
    return Backbone(name, weights, model, preprocessing)


def untrained_backbone(name: str) -> Backbone:
    """Builds a backbone that is about to learn, from random parameters; raises as the above."""
    check_backbone(name)
    model = timm.create_model(name, num_classes=0)
    return Backbone(name, Random(), model, preprocessing_of(model))


def check_image_size(name: str, image_size: int) -> None:
    """Refuses (`BackboneError`) a size that a backbone cannot read, before any download."""
    asked = f"--image-size {image_size}: {name}"
    with torch.device("meta"), torch.inference_mode():
        try:
            model: Any = timm.create_model(name, num_classes=0, **_size_options(name, image_size))
            images = torch.zeros(2, 3, image_size, image_size)
            found = activations_of(model.eval(), images)
            feature_map = found.map_of(found.trunk(model, images)) if found else None
        # Whatever a network of a thousand raises when its layers do not fit what they are given.
        except Exception as error:
            raise BackboneError(
                f"{asked} cannot read pictures of this size "
                f"({first_line(error)}). Leave it out for the network's own size, "
                "or take a multiple of 32 near that"
            ) from error
    if feature_map is None or min(feature_map.shape[2:]) < 2:
        raise BackboneError(
            f"{asked} would see such a picture as a single point, "
            "and could not show where it looked. Take a larger size"
        )
    patch = 1 if isinstance(found, FeatureMap) else patch_size(model)
    if image_size % patch:
        raise BackboneError(
            f"{asked} cuts pictures into patches of {patch} pixels, and would not see what is left "
            f"over at the edges. Take {max(2, round(image_size / patch)) * patch}"
        )


def _size_options(name: str, image_size: int) -> dict[str, Any]:
    """What a network whose layers know the size of their input (Swin) must be told of it."""
    return {"img_size": image_size} if reads_one_size(name) else {}


def reads_one_size(name: str) -> bool:
    """Whether a network's layers know the size of its pictures, and read no other."""
    config = timm.get_pretrained_cfg(name)
    return bool(config is not None and config.fixed_input_size)


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
