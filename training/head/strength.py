"""How strongly a head is held back: chosen for all pictures, and for all but each fold.

A head that answers a fold must not have its strength from it. That takes fits without each pair of
folds; the one without k and j tells of j where k is to be answered, and of k where j is, so ten of
them serve all five folds. They share the features' scale, which no label has a part in.
"""

import math
import warnings
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from itertools import combinations
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.exceptions import ConvergenceWarning
from sklearn.linear_model import LogisticRegression
from threadpoolctl import threadpool_limits

from models.terminal import progress

Features = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]

#: scikit-learn's C, the inverse of the L2 penalty, from strong to weak. Measured on both sets of
#: photographs with standardised features: best at 1e-2 and 1e-1, twice as bad at either end.
STRENGTHS: Final = (1e-4, 1e-3, 1e-2, 1e-1, 1.0, 10.0)

#: What no fold is called: the problem of all pictures.
ALL: Final = -1

#: scikit-learn's `tol` of a fit that only asks about a strength. With 200 classes a tenth of the
#: time of a whole fit, and the same strength on both sets of photographs.
_ROUGHLY: Final = 1e-3

#: Where every fit would have seen a single class.
_USUAL: Final = 1e-2

_SMALLEST: Final = 1e-7


@dataclass(frozen=True)
class Strength:
    """A strength, scikit-learn's C, and its log loss on pictures that the fits had not seen."""

    c: float
    log_loss: float


def choose_strengths(
    features: Features, labels: Rows, folds: Rows, *, of_each_fold: bool
) -> Mapping[int, Strength]:
    """The best strength for all pictures (`ALL`), and for all but each fold.

    Args:
        features: float32 (N, C), standardised.
        labels: int64 (N,).
        folds: int64 (N,), what is never parted in one.
        of_each_fold: whether what is best without each fold is asked, too.
    """
    problem = _Problem.of(features, labels, folds, of_each_fold=of_each_fold)
    asked = (ALL, *np.unique(folds).tolist()) if of_each_fold else (ALL,)
    losses: dict[int, list[float]] = {fold: [] for fold in asked}
    # Hundreds of small matrix products: threads wait for each other, on two cores forty times as
    # long as one of them works (12.8 against 0.3 s for 1,000 pictures of 1,280 features).
    with progress("choosing the regularisation", len(STRENGTHS)) as advance, threadpool_limits(1):
        for strength in STRENGTHS:
            for fold, found in problem.losses(strength).items():
                losses[fold].append(found)
            advance(1)
            # From strong to weak the loss falls and then rises; what follows only rises on.
            if all(len(found) > 1 and found[-1] > found[-2] for found in losses.values()):
                break
    return {fold: _best(found) for fold, found in losses.items()}


def _best(losses: list[float]) -> Strength:
    """The strength of the smallest loss; a usual one where nothing could be asked."""
    if not losses:
        return Strength(_USUAL, math.log(2))
    best = int(np.argmin(losses))
    return Strength(STRENGTHS[best], losses[best])


@dataclass(frozen=True)
class _Problem:
    """What is asked of each strength; `without` has the folds that each fit goes without."""

    features: Features
    labels: Rows
    folds: Rows
    without: tuple[tuple[int, ...], ...]

    @classmethod
    def of(cls, features: Features, labels: Rows, folds: Rows, *, of_each_fold: bool) -> "_Problem":
        every = np.unique(folds).tolist()
        pairs = combinations(every, 2) if of_each_fold else ()
        return cls(features, labels, folds, (*((fold,) for fold in every), *pairs))

    def losses(self, strength: float) -> dict[int, float]:
        """The mean log loss of a strength in each problem."""
        found: dict[int, list[npt.NDArray[np.float64]]] = {}
        for without in self.without:
            for problem, losses in self._asked(without, strength):
                found.setdefault(problem, []).append(losses)
        return {problem: float(np.concatenate(all_).mean()) for problem, all_ in found.items()}

    def _asked(
        self, without: tuple[int, ...], strength: float
    ) -> Iterator[tuple[int, npt.NDArray[np.float64]]]:
        """Of which problem a fit tells, and the log loss of each picture that it answers there."""
        kept = ~np.isin(self.folds, without)
        if len(np.unique(self.labels[kept])) < 2:
            return
        model = _fitted(strength, self.features[kept], self.labels[kept])
        for fold in without:
            problem = next((other for other in without if other != fold), ALL)
            # A class that the fit has not seen tells nothing of its strength.
            held = (self.folds == fold) & np.isin(self.labels, model.classes_)
            if held.any():
                yield problem, _log_losses(model, self.features[held], self.labels[held])


def _fitted(strength: float, features: Features, labels: Rows) -> LogisticRegression:
    """From zero: begun where the last strength's fit ended, a rough one ends elsewhere."""
    model = LogisticRegression(C=strength, tol=_ROUGHLY, max_iter=1000, class_weight="balanced")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ConvergenceWarning)
        return model.fit(features, labels)


def _log_losses(
    model: LogisticRegression, features: Features, labels: Rows
) -> npt.NDArray[np.float64]:
    answers = model.predict_proba(features)
    true = answers[np.arange(len(labels)), np.searchsorted(model.classes_, labels)]
    losses: npt.NDArray[np.float64] = -np.log(np.maximum(true, _SMALLEST))
    return losses
