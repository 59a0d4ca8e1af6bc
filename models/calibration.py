"""What lets an answer be believed or doubted: it is learned beside the head, and is numbers.

Torch-free: it travels from training into the graph, whoever made it (docs/decisions/0030).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Floats = npt.NDArray[np.float32]

#: From here on a picture is like those that were learned from; the scaling makes it so.
FAMILIARITY_THRESHOLD: Final = 0.5

#: Features shorter than this have no direction.
SHORTEST: Final = 1e-12


@dataclass(frozen=True)
class Calibration:
    """What the outputs `familiarity` and `prediction_set` follow from.

    Attributes:
        centres: float16 (M, C), directions that the features of pictures lie around.
        scaling: float32 (2,), slope and offset: from the largest cosine of a picture's features
            and a centre to the logit of its familiarity.
        set_thresholds: float32 (K,), the probability from which on a class is in the set.
        coverage: the share of pictures whose sets are to hold the true class.
        temperature: that the head's logits were divided by; its weights hold it.
    """

    centres: npt.NDArray[np.float16]
    scaling: Floats
    set_thresholds: Floats
    coverage: float
    temperature: float

    def familiarity(self, features: Floats) -> Floats:
        """How like the learned pictures some are: (N, C) → float32 (N,) in [0, 1]."""
        return self.familiarity_at(similarity(features, self.centres))

    def familiarity_at(self, similarities: Floats) -> Floats:
        """The same, of cosines with the nearest centre: float32 (N,) → float32 (N,) in [0, 1]."""
        slope, offset = self.scaling
        logits = slope * similarities + offset
        found: Floats = (0.5 + 0.5 * np.tanh(0.5 * logits)).astype(np.float32)
        return found

    def prediction_sets(self, probabilities: Floats) -> npt.NDArray[np.bool_]:
        """The classes that a picture could be of, the label always: (N, K) → bool (N, K)."""
        labels = probabilities.argmax(axis=1)[:, None] == np.arange(probabilities.shape[1])
        found: npt.NDArray[np.bool_] = (probabilities >= self.set_thresholds) | labels
        return found


def similarity(features: Floats, centres: npt.NDArray[np.float16]) -> Floats:
    """The cosine of each row and the direction that is nearest to it: (N, C), (M, C) → (N,)."""
    lengths = np.linalg.norm(features, axis=1, keepdims=True)
    cosines = features / np.maximum(lengths, SHORTEST) @ centres.astype(np.float32).T
    found: Floats = cosines.max(axis=1)
    return found


def nothing_known(classes: int, features: int) -> Calibration:
    """Of graphs that are timed or compared: all is familiar, and could be of any class."""
    return Calibration(
        centres=np.zeros((1, features), np.float16),
        scaling=np.array([0, 10], np.float32),
        set_thresholds=np.zeros(classes, np.float32),
        coverage=1.0,
        temperature=1.0,
    )
