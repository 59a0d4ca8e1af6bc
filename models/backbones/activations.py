"""Where a network's last activations have a place: a map's or tokens'; the network is asked.

Grad-CAM wants those that the last gathering operation reads: what a mean or attention pooling takes
in, or, where a class token gathers, what it attends to in its last block.
"""

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor

from models.backbones.tokens import tokens_of
from models.errors import BackboneError


class Activations(Protocol):
    """How a model of timm's, without its last layer, is split at them; it is given each time."""

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """Normalised images float (N, 3, H, W) → the activations (N, …), contiguous."""

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """What `trunk` has made → what enters the last linear layer (N, C)."""

    def map_of(self, activations: Tensor) -> Tensor:
        """What `trunk` has made, or a gradient by it → the feature map (N, C, h, w)."""


@dataclass(frozen=True)
class FeatureMap:
    """Those of a network whose last map is spatial already."""

    channels_first: bool

    def trunk(self, model: Any, images: Tensor) -> Tensor:
        """Images → (N, C, h, w)."""
        found: Tensor = model.forward_features(images)
        if not self.channels_first:
            found = found.permute(0, 3, 1, 2)
        # The head is traced once: a map in another memory layout would not fit it (vgg11_bn).
        return found.contiguous()

    def features(self, model: Any, activations: Tensor) -> Tensor:
        """All that follows the map."""
        if not self.channels_first:
            activations = activations.permute(0, 2, 3, 1)
        found: Tensor = model.forward_head(activations, pre_logits=True)
        return found

    def map_of(self, activations: Tensor) -> Tensor:
        """They are the map."""
        return activations


def activations_of(model: Any, images: Tensor) -> Activations | None:
    """Asks a model, which may be on `meta`, by showing it images (N, 3, H, W).

    Returns:
        None if its last activations have no place, or no row of features comes of them.
    """
    found = model.forward_features(images)
    if not isinstance(found, Tensor) or model.forward_head(found, pre_logits=True).ndim != 2:
        return None
    if found.ndim == 4:
        return FeatureMap(channels_first=found.shape[1] == model.num_features)
    return tokens_of(model, found, images) if found.ndim == 3 else None


def check_split(model: Any, activations: Activations, images: Tensor) -> None:
    """Refuses (`BackboneError`) to split a model that would say something else in two parts.

    How tokens are gathered is known family by family; of a family that timm changes, a silently
    wrong feature or an empty heatmap is what this is for. Not on `meta`: numbers are compared.
    """
    with torch.no_grad():
        found = activations.trunk(model, images)
        whole = model.forward_head(model.forward_features(images), pre_logits=True)
    found.requires_grad_()
    features = activations.features(model, found)
    # Not their plain sum: after a norm that never changes.
    some = (features * torch.linspace(-1, 1, features.shape[1])).sum()
    (gradient,) = torch.autograd.grad(some, found)
    scale = float(whole.abs().max())
    same = torch.allclose(features, whole, rtol=1e-3, atol=1e-4 * scale, equal_nan=True)
    if not same or not activations.map_of(gradient).any():
        raise BackboneError(
            f"{type(model).__name__} gathers its tokens in a way that is not known here, so it "
            "cannot show where it looked (Grad-CAM). Choose another backbone; please report this "
            "with the version of timm"
        )
