"""How familiar a picture is, and what it could be, as part of the graph (docs/decisions/0030)."""

from typing import Final

import torch
from torch import Tensor, nn
from torch.nn.functional import normalize

from models.calibration import SHORTEST
from models.graph.gradcam import GradCamHead

#: While a head is exported; any other number of centres may take their place.
_CENTRES: Final = 3


class CalibratedHead(nn.Module):
    """All that follows the trunk: what `GradCamHead` says, and how far that is to be believed."""

    def __init__(self, head: GradCamHead) -> None:
        super().__init__()
        self.head = head
        self.eval()

    def forward(
        self, activations: Tensor, class_index: Tensor, learned: tuple[Tensor, ...]
    ) -> tuple[Tensor, ...]:
        """What the trunk has made, int64 (N,), and `models.signature.LEARNED` → all outputs."""
        weight, bias, centres, scaling, thresholds = learned
        *answers, features = self.head(activations, class_index, weight, bias)
        return (
            *answers,
            familiarity_of(features, centres, scaling),
            prediction_set_of(answers[0], thresholds),
            features,
        )


def familiarity_of(features: Tensor, centres: Tensor, scaling: Tensor) -> Tensor:
    """As `Calibration.familiarity`: (N, C) → (N,) in [0, 1]."""
    cosines = normalize(features, eps=SHORTEST) @ centres.t()
    return torch.sigmoid(scaling[0] * cosines.amax(1) + scaling[1])


def prediction_set_of(probabilities: Tensor, thresholds: Tensor) -> Tensor:
    """As `Calibration.prediction_sets`: (N, K) → bool (N, K)."""
    classes = torch.arange(probabilities.shape[1], device=probabilities.device)
    labels = probabilities.argmax(1, keepdim=True) == classes
    return (probabilities >= thresholds) | labels


def example_calibration(classes: int, features: int) -> tuple[Tensor, Tensor, Tensor]:
    """Centres, scaling and thresholds of the right shapes, to export with."""
    return torch.eye(_CENTRES, features), torch.tensor([1.0, 0.0]), torch.full((classes,), 0.5)
