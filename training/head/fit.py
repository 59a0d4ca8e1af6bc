"""Features → the last layer: multinomial logistic regression, fitted from zero.

A convex problem has one answer, so the result does not depend on a random start (which moves
accuracy by ten points on small data, turicreate#2092). The features are standardised for the fit
and the scaling is folded into the weights afterwards; the strength of the regularisation is the one
with the smallest cross-validated log loss *inside the training part*.
"""

import logging
import warnings
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from models.head import LinearHead
from training.terminal import progress

log = logging.getLogger(__name__)

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

#: scikit-learn's C, the inverse of the L2 penalty, from strong to weak. Measured on both sets of
#: photographs with standardised features: best at 1e-2 and 1e-1, twice as bad at either end.
STRENGTHS: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

_FOLDS: Final = 5

#: Choosing a strength takes no more pictures than this: with 4,000 its thirty fits took four times
#: as long as reading 5,000 pictures. The fit itself takes all.
_SAMPLE: Final = 2000

#: scikit-learn's `tol`: where a fit ends, and where one that only asks about a strength does. A
#: tenth of the time with 200 classes, and the same strength on both sets of photographs.
_TOLERANCE: Final = 1e-4
_ROUGHLY: Final = 1e-3

#: Rows that are standardised at once.
_BLOCK: Final = 1024


@dataclass(frozen=True)
class FittedHead:
    """A head and how it came about.

    Attributes:
        head: acts on features as they are, not on standardised ones.
        strength: scikit-learn's C.
        log_loss: its cross-validated log loss in the training part.
    """

    head: LinearHead
    strength: float
    log_loss: float

    def as_json(self) -> dict[str, float]:
        """What was chosen, for `summary.json`."""
        return {"C": self.strength, "log_loss": self.log_loss}


def fit_head(
    features: Features, labels: Labels, classes: int, seed: int, rows: Rows | None = None
) -> FittedHead:
    """Fits the last layer, and chooses the strength of its regularisation.

    Classes are weighted by the inverse of their counts, so that a rare one is not given up.

    Args:
        features: float32 (N, C).
        labels: int64 (M,), of each row that is learned from, each of 0..K-1 at least twice.
        classes: K.
        seed: of the folds.
        rows: int64 (M,), which features to learn from; default: all.
    """
    rows = np.arange(len(features)) if rows is None else rows
    # A hundred small matrix products: threads wait for each other, on two cores forty times as long
    # as one of them works (12.8 against 0.3 s for 1,000 pictures of 1,280 features).
    with threadpool_limits(1):
        strength, loss = _choose_strength(features, rows, labels, seed)
    return FittedHead(fit_head_at(strength, features, labels, classes, rows), strength, loss)


def fit_head_at(
    strength: float, features: Features, labels: Labels, classes: int, rows: Rows | None = None
) -> LinearHead:
    """Fits the last layer with a strength that is known (scikit-learn's C)."""
    rows = np.arange(len(features)) if rows is None else rows
    with threadpool_limits(1):
        standardised, scaler = _standardised(features, rows)
        fitted = _fit(standardised, labels, strength)
        weight, bias = _rows(fitted, classes)
        weight = weight / scaler.scale_
        bias = bias - weight @ scaler.mean_
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def _standardised(features: Features, rows: Rows) -> tuple[Features, StandardScaler]:
    """A copy of some rows, of mean 0 and variance 1 in each column, and what made it so.

    In blocks: of all at once scikit-learn holds a second copy, in float64.
    """
    blocks = list(gen_batches(len(rows), _BLOCK))
    scaler = StandardScaler()
    for block in blocks:
        scaler.partial_fit(features[rows[block]])
    found = np.empty((len(rows), features.shape[1]), np.float32)
    for block in blocks:
        found[block] = scaler.transform(features[rows[block]])
    return found, scaler


def _choose_strength(
    features: Features, rows: Rows, labels: Labels, seed: int
) -> tuple[float, float]:
    asked = _some_of_each(labels, seed)
    features, _ = _standardised(features, rows[asked])
    labels = labels[asked]
    folds = min(_FOLDS, int(np.bincount(labels).min()))
    splits = list(StratifiedKFold(folds, shuffle=True, random_state=seed).split(features, labels))
    losses: list[float] = []
    with progress("choosing the regularisation", len(STRENGTHS)) as advance:
        for strength in STRENGTHS:
            losses.append(_loss(features, labels, strength, splits))
            advance(1)
            # From strong to weak the loss falls and then rises; what follows only rises on.
            if len(losses) > 1 and losses[-1] > losses[-2]:
                break
    best = int(np.argmin(losses))
    log.info("regularisation: C = %g (log loss %.4f)", STRENGTHS[best], losses[best])
    return STRENGTHS[best], losses[best]


def _some_of_each(labels: Labels, seed: int) -> Rows:
    """Places of about `_SAMPLE` labels in proportion to their classes, enough of a rare one."""
    if len(labels) <= _SAMPLE:
        return np.arange(len(labels))
    random = np.random.default_rng(seed)
    found = []
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        share = max(_FOLDS, round(_SAMPLE * count / len(labels)))
        found.append(random.permutation(np.flatnonzero(labels == label))[:share])
    return np.sort(np.concatenate(found))


def _loss(
    features: Features,
    labels: Labels,
    strength: float,
    splits: list[tuple[npt.NDArray[np.int64], npt.NDArray[np.int64]]],
) -> float:
    known = np.unique(labels)
    return float(
        np.mean(
            [
                log_loss(
                    labels[held],
                    _fit(features[kept], labels[kept], strength, _ROUGHLY).predict_proba(
                        features[held]
                    ),
                    labels=known,
                )
                for kept, held in splits
            ]
        )
    )


def _fit(
    features: Features, labels: Labels, strength: float, tolerance: float = _TOLERANCE
) -> LogisticRegression:
    model = LogisticRegression(C=strength, tol=tolerance, max_iter=1000, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("error", ConvergenceWarning)
        try:
            return model.fit(features, labels)
        except ConvergenceWarning:
            log.warning("the head had not quite converged after %d steps", model.max_iter)
            warnings.simplefilter("ignore", ConvergenceWarning)
            return model.fit(features, labels)


def _rows(
    fitted: LogisticRegression, classes: int
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """A weight row and a bias for each class.

    For two classes scikit-learn keeps one row w, the difference of the two. Split evenly, -w/2 and
    w/2 give the same probabilities, and each class has a row of its own to be explained by.
    """
    weight, bias = fitted.coef_, fitted.intercept_
    if classes == 2:
        return np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight, bias
