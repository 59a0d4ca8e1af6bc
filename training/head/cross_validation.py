"""How a head does on pictures that it was not fitted on: asked of a sample, before it is all read.

What decides by this (`training.selection`) compares two ways of reading the same pictures, picture
by picture: a gain below its own standard error is chance.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

#: Fewer readable pictures cannot tell anything apart.
FEWEST: Final = 20

#: scikit-learn's C, for standardised features: the middle of what `training.head.fit` finds best.
STRENGTH: Final = 1e-2


@dataclass(frozen=True)
class CrossValidation:
    """How a head does on pictures of the sample that it was not fitted on.

    Attributes:
        losses: float64 (N,), the log loss of each picture.
        answers: int64 (N,), what each was taken for, numbered among the classes that were asked.
        accuracy: top-1, in [0, 1].
    """

    losses: npt.NDArray[np.float64]
    answers: npt.NDArray[np.int64]
    accuracy: float

    @property
    def log_loss(self) -> float:
        """The mean of the losses."""
        return float(self.losses.mean())


@dataclass(frozen=True)
class Gain:
    """How much less one way loses than another, on the same pictures.

    Attributes:
        mean: of the differences of the log loss, picture by picture.
        error: its standard error.
    """

    mean: float
    error: float

    @property
    def is_real(self) -> bool:
        """Whether it is larger than its standard error: what less says is chance."""
        return self.mean > self.error


def cross_validate(features: Features, labels: Labels) -> CrossValidation | None:
    """Fits heads on parts of some pictures and asks each about the rest.

    Args:
        features: float32 (N, C).
        labels: int64 (N,).

    Returns:
        None where there are too few pictures to learn anything from it.
    """
    known, counts = np.unique(labels, return_counts=True)
    asked = np.isin(labels, known[counts > 1])
    folds = min(5, min(counts[counts > 1], default=0))
    if asked.sum() < FEWEST or (counts > 1).sum() < 2:
        return None
    known, labels = np.unique(labels[asked], return_inverse=True)
    # Some hundred steps on matrices this small: threads would only wait for each other.
    with threadpool_limits(1):
        answers = cross_val_predict(
            LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced"),
            _rotated(features[asked]),
            labels,
            cv=StratifiedKFold(folds, shuffle=True, random_state=0),
            method="predict_proba",
        )
    true = answers[np.arange(len(labels)), labels]
    best = answers.argmax(axis=1)
    accuracy = float((best == labels).mean())
    return CrossValidation(-np.log(np.maximum(true, 1e-7)), best, accuracy)


def gain(before: CrossValidation, after: CrossValidation) -> Gain:
    """What is gained by going from one way of reading the sample to another."""
    differences = before.losses - after.losses
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return Gain(float(differences.mean()), float(error))


def _rotated(features: Features) -> npt.NDArray[np.float64]:
    """Standardised features in the space of the pictures: float64 (N, at most N).

    With an L2 penalty the fit is the same there, and takes a tenth of the time.
    """
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    left, lengths, _ = np.linalg.svd(scaled, full_matrices=False)
    rotated: npt.NDArray[np.float64] = left * lengths
    return rotated
