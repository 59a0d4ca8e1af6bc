"""A backbone and a linear head as one module, from uint8 pictures to logits."""

from dataclasses import astuple

import torch
from torch import Tensor, nn
from torch.nn.functional import batch_norm

from models.backbones.backbone import Backbone
from models.head import LinearHead


class Classifier(nn.Module):
    """Normalisation, backbone and head. In inference mode unless told otherwise."""

    def __init__(self, backbone: Backbone, head: LinearHead) -> None:
        super().__init__()
        self.backbone = backbone
        self.linear = nn.Linear(head.weight.shape[1], head.weight.shape[0])
        with torch.no_grad():
            self.linear.weight.copy_(torch.from_numpy(head.weight))
            self.linear.bias.copy_(torch.from_numpy(head.bias))
        self.normalise = Normalise(backbone)
        self.eval()

    def activations(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → what the backbone's trunk makes of it."""
        return self.backbone.trunk(self.normalise(image))

    def logits(self, activations: Tensor) -> Tensor:
        """What the trunk has made → logits (N, K)."""
        found: Tensor = self.linear(self.backbone.features(activations))
        return found

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → logits (N, K)."""
        return self.logits(self.activations(image))


class Normalise(nn.Module):
    """uint8 (N, H, W, 3) in [0, 255] → float (N, 3, H, W), normalised as the backbone expects."""

    mean: Tensor
    variance: Tensor

    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        mean, deviation = (255 * torch.tensor(n) for n in astuple(backbone.normalisation))
        self.register_buffer("mean", mean, persistent=False)
        self.register_buffer("variance", deviation**2, persistent=False)

    def forward(self, image: Tensor) -> Tensor:
        """uint8 (N, H, W, 3) → float (N, 3, H, W)."""
        channels_first = image.permute(0, 3, 1, 2).to(self.mean.dtype)
        # As one operator: ONNX Runtime moves a difference and a quotient to the other side of the
        # permutation, where three channels at a time take a third of an int8 MobileNet's time.
        return batch_norm(channels_first, self.mean, self.variance, eps=0.0)
