"""Probabilities and labels → how good the result is, with how sure one can be of that."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest
from sklearn.metrics import confusion_matrix, precision_recall_fscore_support

Probabilities = npt.NDArray[np.float32]

CONFIDENCE: Final = 0.95


@dataclass(frozen=True)
class ClassResult:
    """How a single class fared.

    Attributes:
        recall: the part of its pictures that were recognised; None without pictures.
        precision: the part of the answers with its name that were right; None without answers.
        count: held-out pictures of it.
    """

    recall: float | None
    precision: float | None
    count: int


@dataclass(frozen=True)
class Evaluation:
    """How good the answers were on pictures that the network had not seen.

    Attributes:
        accuracy: top-1, in [0, 1].
        accuracy_interval: Wilson's interval of it, at 95 %.
        count: pictures that it was measured on.
        commonest: name of the class with most held-out pictures.
        commonest_accuracy: what always answering that one would reach.
        classes: the result of each class, by name.
        confusion: int (K, K); rows are what was true, columns what was answered.
    """

    accuracy: float
    accuracy_interval: tuple[float, float]
    count: int
    commonest: str
    commonest_accuracy: float
    classes: dict[str, ClassResult]
    confusion: npt.NDArray[np.int64]


def evaluate(
    probabilities: Probabilities, labels: npt.NDArray[np.int64], classes: tuple[str, ...]
) -> Evaluation:
    """Compares answers with the truth.

    Args:
        probabilities: float (N, K).
        labels: int64 (N,), the true class of each.
        classes: K names.
    """
    answers = probabilities.argmax(axis=1)
    right, count = int((answers == labels).sum()), len(labels)
    interval = binomtest(right, count).proportion_ci(CONFIDENCE, method="wilson")
    every = np.arange(len(classes))
    precision, recall, _, counts = precision_recall_fscore_support(
        labels, answers, labels=every, zero_division=np.nan
    )
    commonest = int(np.argmax(counts))
    return Evaluation(
        accuracy=right / count,
        accuracy_interval=(float(interval.low), float(interval.high)),
        count=count,
        commonest=classes[commonest],
        commonest_accuracy=float(counts[commonest]) / count,
        classes={
            name: ClassResult(_known(recall[i]), _known(precision[i]), int(counts[i]))
            for i, name in enumerate(classes)
        },
        confusion=confusion_matrix(labels, answers, labels=every),
    )


def _known(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
