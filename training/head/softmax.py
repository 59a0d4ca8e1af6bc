"""Multinomial logistic regression with an L2 penalty: one answer, found in time linear in classes.

L-BFGS takes as many steps as the curvature differs between directions, and that of features does:
those of a random network had 50 directions of any weight among 1,024, and scikit-learn took 500
steps with 20 classes, 1,000 and more with 200. Along the features' own directions, each scaled by
the curvature that it has at the start, it takes some tens, of products in float32.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

#: A fit ends where a step gains less than this part of the loss, or of 1. `ROUGHLY` is for asking
#: about a strength: the losses of pictures that were not seen are then within 1 % of the last ones.
EXACTLY: Final = 1e-6
ROUGHLY: Final = 1e-4

#: So few are fitted before the directions of their features are found.
FEW_CLASSES: Final = 2

_MOST_STEPS: Final = 1000

#: Directions of less variance than this part of the largest are rounding.
_LEAST: Final = 1e-7

#: Rows that are rotated at once.
_BLOCK: Final = 1024


@dataclass(frozen=True)
class Fitted:
    """Acts on the features that it was fitted on.

    Attributes:
        weight: float32 (K, C).
        bias: float32 (K,).
        has_converged: whether it is the answer, and not what the last step came to.
    """

    weight: Features
    bias: Features
    has_converged: bool


def directions_of(features: Features) -> Features:
    """The directions that features (N, C) vary along: float32 (C, min(N, C)), orthonormal."""
    count, width = features.shape
    if count >= width:
        return np.linalg.eigh(features.T @ features)[1]
    # As the products of pictures tell, of which there are fewer.
    squares, left = np.linalg.eigh((features @ features.T).astype(np.float64))
    kept = squares > _LEAST * squares[-1]
    scaled = (left[:, kept] / np.sqrt(squares[kept])).astype(np.float32)
    along: Features = features.T @ scaled
    return along


def rotate(features: Features, directions: Features) -> Features:
    """Features (N, C) along directions (C, n): (N, n), in the place of what was given."""
    for start in range(0, len(features), _BLOCK):
        block = features[start : start + _BLOCK]
        block[:, : directions.shape[1]] = block @ directions
    return features[:, : directions.shape[1]]


def fit_softmax(
    features: Features, labels: Labels, strength: float, least_gain: float = EXACTLY
) -> Fitted:
    """Fits from zero, each class weighted by the inverse of its count.

    Args:
        features: float32 (N, C), along directions that they do not vary together in.
        labels: int64 (N,), from 0 to K - 1, each of them there.
        strength: scikit-learn's C, the inverse of the penalty.
        least_gain: of a step.
    """
    problem = _Problem.of(features, labels, strength)
    found = minimize(
        problem.loss_and_gradient,
        np.zeros(problem.classes * (features.shape[1] + 1)),
        jac=True,
        method="L-BFGS-B",
        options={"maxiter": _MOST_STEPS, "ftol": least_gain, "gtol": 0},
    )
    weight, bias = problem.learned(found.x)
    # A number that all classes have in common changes nothing.
    weight, bias = weight - weight.mean(axis=0), bias - bias.mean()
    return Fitted(weight, bias, has_converged=found.nit < _MOST_STEPS)


@dataclass(frozen=True)
class _Problem:
    """What is to be made small; `scales` (C + 1,) are of the numbers that it is asked about."""

    features: Features
    labels: Labels
    classes: int
    shares: Features
    penalty: float
    scales: Features

    @classmethod
    def of(cls, features: Features, labels: Labels, strength: float) -> "_Problem":
        counts = np.bincount(labels)
        shares = (1 / (len(counts) * counts))[labels].astype(np.float32)
        # For two classes scikit-learn penalises their difference, which is twice as much.
        penalty = (2 if len(counts) == 2 else 1) / (strength * len(features))
        variances = np.einsum("ij,ij->j", features, features) / len(features)
        curvature = np.append(variances, 1) / len(counts)
        scales = 1 / np.sqrt(curvature + np.append(np.full(len(variances), penalty), 0))
        return cls(features, labels, len(counts), shares, penalty, scales.astype(np.float32))

    def learned(self, asked: npt.NDArray[np.float64]) -> tuple[Features, Features]:
        """Weights (K, C) and biases (K,)."""
        found = asked.reshape(self.classes, -1).astype(np.float32) * self.scales
        return found[:, :-1], found[:, -1]

    def loss_and_gradient(
        self, asked: npt.NDArray[np.float64]
    ) -> tuple[float, npt.NDArray[np.float64]]:
        """The mean log loss and the penalty, and how they change with what is asked."""
        weight, bias = self.learned(asked)
        rows = np.arange(len(self.labels))
        logits = self.features @ weight.T + bias
        logits -= logits.max(axis=1, keepdims=True)
        true = logits[rows, self.labels]
        np.exp(logits, out=logits)
        sums = logits.sum(axis=1)
        losses = np.log(sums.astype(np.float64)) - true
        logits *= (self.shares / sums)[:, None]
        logits[rows, self.labels] -= self.shares
        gradient = np.empty((self.classes, len(self.scales)))
        gradient[:, :-1] = logits.T @ self.features + np.float32(self.penalty) * weight
        gradient[:, -1] = logits.sum(axis=0)
        size = float(np.square(weight, dtype=np.float64).sum())
        loss = float(losses @ self.shares) + self.penalty * size / 2
        return loss, (gradient * self.scales).ravel()
