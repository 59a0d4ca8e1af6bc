"""Backbones by name, each split into what makes the feature map and what follows it.

Any model of timm whose last feature map is spatial will do; the model itself is asked, on torch's
`meta` device, so that the answer costs neither memory nor a download.
"""

import difflib
import logging
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import timm
import timm.data
import torch
from torch import Tensor, nn

from models.errors import BackboneError
from models.graph.weights import load_from_file, load_from_hub, random_start
from models.preprocessing import Preprocessing

log = logging.getLogger(__name__)

_INTERPOLATIONS: Final = frozenset({"bilinear", "bicubic", "lanczos", "nearest"})


@dataclass(frozen=True)
class Normalisation:
    """Mean and standard deviation of each channel, in units of [0, 1]: three numbers each."""

    mean: tuple[float, float, float]
    std: tuple[float, float, float]


class Backbone(nn.Module):
    """A pretrained network without its last linear layer, in two parts.

    `feature_map` is the last spatial feature map; `features` is everything between that map and
    the last linear layer (pooling; VGG's inner layers; ConvNeXt's norm). Always in inference mode.

    Attributes:
        name: timm's name.
        weights: where its parameters came from, as a person would say it.
        preprocessing: how pictures are framed and resized for it.
        normalisation: what its input is normalised with.
        num_features: C of what enters the last linear layer.
    """

    def __init__(
        self, name: str, weights: str, model: nn.Module, preprocessing: Preprocessing
    ) -> None:
        super().__init__()
        self.name = name
        self.weights = weights
        self.preprocessing = preprocessing
        self.model = model.eval()
        config = timm.data.resolve_data_config(model=model)
        self.normalisation = Normalisation(config["mean"], config["std"])
        self.channels_first, self.num_features = self._measure()

    def feature_map(self, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → the last feature map (N, C, h, w)."""
        found: Tensor = self.model.forward_features(images)  # type: ignore[operator]
        if not self.channels_first:
            found = found.permute(0, 3, 1, 2)
        # The head is traced once: a map in another memory layout would not fit it (vgg11_bn).
        return found.contiguous()

    def features(self, feature_map: Tensor) -> Tensor:
        """The last feature map (N, C, h, w) → what enters the last linear layer (N, C)."""
        if not self.channels_first:
            feature_map = feature_map.permute(0, 2, 3, 1)
        found: Tensor = self.model.forward_head(feature_map, pre_logits=True)  # type: ignore[operator]
        return found

    def forward(self, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → features (N, C)."""
        return self.features(self.feature_map(images))

    @torch.inference_mode()
    def _measure(self) -> tuple[bool, int]:
        size = (1, 3, self.preprocessing.height, self.preprocessing.width)
        raw = self.model.forward_features(torch.zeros(size))  # type: ignore[operator]
        width = self.model.forward_head(raw, pre_logits=True).shape[1]  # type: ignore[operator]
        return raw.shape[1] == self.model.num_features, int(width)


def check_backbone(name: str) -> None:
    """Refuses a name that is not timm's, and a model that has no spatial feature map.

    Raises:
        BackboneError: with the nearest names, or the reason.
    """
    if not timm.is_model(name) or ":" in name:
        known = timm.list_models()
        near = difflib.get_close_matches(name, known, n=3) or [n for n in known if name in n][:3]
        hint = f" Did you mean {' or '.join(near)}?" if near else ""
        raise BackboneError(f"there is no backbone named {name!r}.{hint}")
    if not _has_feature_map(name):
        raise BackboneError(
            f"{name} has no spatial feature map as its last layer, so it cannot show where it "
            "looked (Grad-CAM). Choose a convolutional network, or one such as "
            "swin_tiny_patch4_window7_224"
        )


def load_backbone(name: str, weights: str) -> Backbone:
    """Builds a backbone with its weights, in inference mode.

    Args:
        name: timm's name of the model.
        weights: `imagenet` (the hub's, cached), `none` (random), `auto` (today: `imagenet`), or
            the path of a file.

    Raises:
        BackboneError: unknown, or without a spatial feature map.
        WeightsError: the weights cannot be had or do not fit.
    """
    check_backbone(name)
    if weights in ("auto", "imagenet"):
        model, origin = load_from_hub(name), "imagenet"
    elif weights == "none":
        model, origin = random_start(name), "none (random)"
    else:
        path = Path(weights)
        model, origin = load_from_file(name, path), path.name
    return Backbone(name, origin, model, preprocessing_of(model))


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


def _has_feature_map(name: str) -> bool:
    with torch.device("meta"):
        model: Any = timm.create_model(name, num_classes=0).eval()
        size = timm.data.resolve_data_config(model=model)["input_size"]
        try:
            found = model.forward_features(torch.zeros(1, *size))
        # A model that computes with numbers while it runs has none on `meta`: it is then run.
        except (NotImplementedError, RuntimeError, AttributeError, TypeError):
            return False
    return torch.is_tensor(found) and found.ndim == 4
