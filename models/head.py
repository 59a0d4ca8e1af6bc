"""A fitted last layer, which travels from training into the graph.

Torch-free: it is numbers, whoever made them.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LinearHead:
    """A fitted last layer: logits (K,) = weight (K, C) @ features (C,) + bias (K,), float32."""

    weight: Floats
    bias: Floats

    def probabilities(self, features: Floats) -> Floats:
        """Softmax of the logits: features float32 (N, C) → float32 (N, K)."""
        logits = features @ self.weight.T + self.bias
        exponentials = np.exp(logits - logits.max(axis=1, keepdims=True))
        found: Floats = exponentials / exponentials.sum(axis=1, keepdims=True)
        return found
