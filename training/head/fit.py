"""Features → the last layer: multinomial logistic regression, fitted from zero.

A convex problem has one answer, so the result does not depend on a random start (which moves
accuracy by ten points on small data, turicreate#2092). The features are standardised for the fit
and the scaling is folded into the weights afterwards; the strength of the regularisation is the one
with the smallest cross-validated log loss *inside the training part* (`training.head.strength`).
"""

import logging
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler
from sklearn.utils import gen_batches
from threadpoolctl import threadpool_limits

from models.head import LinearHead
from training.head.strength import ALL, Strength, choose_strengths

log = logging.getLogger(__name__)

Features = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]
Rows = npt.NDArray[np.int64]

#: Choosing a strength takes no more pictures than this: with 4,000 its thirty fits took four times
#: as long as reading 5,000 pictures. The fit itself takes all.
_SAMPLE: Final = 2000

#: Of a rare class so many are in it.
_FEWEST_OF_A_CLASS: Final = 5

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


@dataclass(frozen=True)
class Task:
    """What a head is to be learned from.

    Attributes:
        features: float32 (N, C).
        rows: int64 (M,), which of them.
        labels: int64 (M,), the class of each row.
        folds: int64 (M,), the fold of each row; what is never parted is in one.
        classes: K.
    """

    features: Features
    rows: Rows
    labels: Labels
    folds: Rows
    classes: int


def fit_head(task: Task) -> FittedHead:
    """Fits the last layer, and chooses the strength of its regularisation.

    Classes are weighted by the inverse of their counts, so that a rare one is not given up.
    """
    return fit_with(task, strengths_of(task, of_each_fold=False)[ALL])


def fit_with(task: Task, strength: Strength) -> FittedHead:
    """Fits the last layer with a strength that was chosen for it, and says so."""
    log.info("regularisation: C = %g (log loss %.4f)", strength.c, strength.log_loss)
    head = fit_head_at(strength.c, task.features, task.labels, task.classes, task.rows)
    return FittedHead(head, strength.c, strength.log_loss)


def strengths_of(task: Task, *, of_each_fold: bool) -> Mapping[int, Strength]:
    """The best strength for all rows (`ALL`), and for all but each fold, by the fold."""
    asked = _some_of_each(task.labels)
    with threadpool_limits(1):
        features, _ = _standardised(task.features, task.rows[asked])
    return choose_strengths(
        features, task.labels[asked], task.folds[asked], of_each_fold=of_each_fold
    )


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


def _some_of_each(labels: Labels) -> Rows:
    """Places of about `_SAMPLE` labels in proportion to their classes, enough of a rare one."""
    if len(labels) <= _SAMPLE:
        return np.arange(len(labels))
    random = np.random.default_rng(0)
    found = []
    for label, count in zip(*np.unique(labels, return_counts=True), strict=True):
        share = max(_FEWEST_OF_A_CLASS, round(_SAMPLE * count / len(labels)))
        found.append(random.permutation(np.flatnonzero(labels == label))[:share])
    return np.sort(np.concatenate(found))


def _fit(features: Features, labels: Labels, strength: float) -> LogisticRegression:
    model = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
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
