"""A backbone and a linear head as one module, from uint8 pictures to logits."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor, nn

from models.graph.backbones import Backbone


@dataclass(frozen=True)
class LinearHead:
    """A fitted last layer: logits = weight @ features + bias.

    Attributes:
        weight: float32 (K, C).
        bias: float32 (K,).
    """

    weight: npt.NDArray[np.float32]
    bias: npt.NDArray[np.float32]


class Classifier(nn.Module):
    """Normalisation, backbone and head. In inference mode unless told otherwise."""

    def __init__(self, backbone: Backbone, head: LinearHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weight))
            self.linear.bias.copy_(torch.from_numpy(head.bias))
        normalise = Normalise(backbone)
        self.normalise = normalise
        self.eval()

    def feature_map(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → the backbone's last feature map (N, C, h, w)."""
        return self.backbone.feature_map(self.normalise(image))

    def logits(self, feature_map: Tensor) -> Tensor:
        """The last feature map (N, C, h, w) → logits (N, K)."""
        found: Tensor = self.linear(self.backbone.features(feature_map))
        return found

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → logits (N, K)."""
        return self.logits(self.feature_map(image))


class Normalise(nn.Module):
    """uint8 (N, H, W, 3) in [0, 255] → float (N, 3, H, W), normalised as the backbone expects."""

    mean: Tensor
    std: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        normalisation = backbone.normalisation
        for name in ("mean", "std"):
            channels = torch.tensor(getattr(normalisation, name)).view(1, 3, 1, 1)
            self.register_buffer(name, 255 * channels, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → float (N, 3, H, W)."""
        return (image.permute(0, 3, 1, 2).float() - self.mean) / self.std
