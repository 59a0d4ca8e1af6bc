"""Probabilities and labels → how good the result is, with how sure one can be of that."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from scipy.stats import binomtest, norm
from sklearn.metrics import confusion_matrix, roc_auc_score

from models.bundle import JudgedBy

Probabilities = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Interval = tuple[float, float]

CONFIDENCE: Final = 0.95

#: Of a calibration error.
_BINS: Final = 15


@dataclass(frozen=True)
class ClassResult:
    """How a single class fared.

    Attributes:
        recall: the part of its pictures that were recognised; None without pictures.
        precision: the part of the answers with its name that were right; None without answers.
        count: pictures of it that were asked about.
        recall_interval: of the recall, at 95 %.
        precision_interval: of the precision, at 95 %.
    """

    recall: float | None
    precision: float | None
    count: int
    recall_interval: Interval | None = None
    precision_interval: Interval | None = None


@dataclass(frozen=True)
class Evaluation:
    """How good the answers were, each by what had not seen the picture.

    Attributes:
        accuracy: top-1, in [0, 1].
        accuracy_interval: Wilson's interval of it, at 95 %.
        count: pictures that it was measured on.
        commonest: name of the class with most of them.
        commonest_accuracy: what always answering that one would reach.
        classes: the result of each class, by name.
        confusion: int (K, K); rows are what was true, columns what was answered.
        mean_confidence: the probability of the answers, mean; above the accuracy it is too sure.
        calibration_error: how far probabilities are from what is right, on average, in [0, 1].
        roc_auc: of two classes, the part of pairs of one each that are told apart; else None.
        judged_by: what the pictures were.
    """

    accuracy: float
    accuracy_interval: Interval
    count: int
    commonest: str
    commonest_accuracy: float
    classes: dict[str, ClassResult]
    confusion: npt.NDArray[np.int64]
    mean_confidence: float
    calibration_error: float
    roc_auc: float | None
    judged_by: JudgedBy


def evaluate(
    probabilities: Probabilities,
    labels: Rows,
    classes: tuple[str, ...],
    groups: Rows | None = None,
    judged_by: JudgedBy = "test part",
) -> Evaluation:
    """Compares answers with the truth.

    Args:
        probabilities: float (N, K).
        labels: int64 (N,), the true class of each.
        classes: K names.
        groups: int64 (N,), which belong together and so count for less; default: none.
        judged_by: what the pictures are.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    answers = probabilities.argmax(axis=1)
    right = answers == labels
    counts = np.bincount(labels, minlength=len(classes))
    commonest = int(np.argmax(counts))
    return Evaluation(
        accuracy=float(right.mean()),
        accuracy_interval=_interval(right, groups),
        count=len(labels),
        commonest=classes[commonest],
        commonest_accuracy=float(counts[commonest]) / len(labels),
        classes={
            name: _class_result(right, labels == i, answers == i, groups)
            for i, name in enumerate(classes)
        },
        confusion=confusion_matrix(labels, answers, labels=np.arange(len(classes))),
        mean_confidence=float(probabilities.max(axis=1).mean()),
        calibration_error=calibration_error(probabilities, labels),
        roc_auc=_roc_auc(probabilities, labels),
        judged_by=judged_by,
    )


def calibration_error(probabilities: Probabilities, labels: Rows) -> float:
    """The expected calibration error: 15 bins of one width (Guo et al., ICML 2017).

    Args:
        probabilities: float (N, K).
        labels: int64 (N,), the true class of each.
    """
    said, right = probabilities.max(axis=1), probabilities.argmax(axis=1) == labels
    bins = np.minimum((said * _BINS).astype(int), _BINS - 1)
    apart = np.bincount(bins, right - said.astype(np.float64))
    return float(np.abs(apart).sum() / len(labels))


def one_against_rest(
    is_true: npt.NDArray[np.bool_], is_decided: npt.NDArray[np.bool_], groups: Rows
) -> tuple[ClassResult, ClassResult]:
    """How a class fared, and all others as one, whose recall is the specificity of the first.

    Args:
        is_true: bool (N,), whether a picture is of it.
        is_decided: bool (N,), whether it is taken for that.
        groups: int64 (N,), which belong together and so count for less.
    """
    right = is_true == is_decided
    own = _class_result(right, is_true, is_decided, groups)
    return own, _class_result(right, ~is_true, ~is_decided, groups)


def wilson(share: float, count: float) -> Interval:
    """Wilson's interval of a share of so many, at 95 %."""
    z2 = norm.ppf((1 + CONFIDENCE) / 2) ** 2
    middle = (share + z2 / (2 * count)) / (1 + z2 / count)
    half = (z2 * (share * (1 - share) / count + z2 / (4 * count**2))) ** 0.5 / (1 + z2 / count)
    return max(0.0, float(middle - half)), min(1.0, float(middle + half))


def independent(groups: Rows) -> float:
    """How many independent pictures some of these groups are worth, as all of one tell the same.

    (Σ m)² / Σ m² for groups of m pictures (Kish): the number of groups, where they are equal.
    """
    sizes = np.unique(groups, return_counts=True)[1].astype(float)
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def _interval(right: npt.NDArray[np.bool_], groups: Rows) -> Interval:
    return wilson(float(right.mean()), independent(groups))


def _class_result(
    right: npt.NDArray[np.bool_],
    is_true: npt.NDArray[np.bool_],
    is_answered: npt.NDArray[np.bool_],
    groups: Rows,
) -> ClassResult:
    (recall, around), (precision, about) = (
        (float(right[rows].mean()), _interval(right[rows], groups[rows])) if rows.any()
        else (None, None)
        for rows in (is_true, is_answered)
    )  # fmt: skip
    return ClassResult(recall, precision, int(is_true.sum()), around, about)


def _roc_auc(probabilities: Probabilities, labels: Rows) -> float | None:
    if probabilities.shape[1] != 2 or len(np.unique(labels)) < 2:
        return None
    return float(roc_auc_score(labels == 1, probabilities[:, 1]))


def gain_interval(gains: npt.NDArray[np.float64], groups: Rows) -> Interval:
    """The interval, at 95 %, of the mean of what each picture gains: 1, 0 or -1.

    Of the groups in which one of the two is right more often, those in which the first one is are
    a binomial share; its exact interval says how far the gain may go either way.

    Args:
        gains: float64 (N,), of one answer over another.
        groups: int64 (N,), which pictures belong together.
    """
    net = np.bincount(np.unique(groups, return_inverse=True)[1], gains)
    won, differing = int((net > 0).sum()), int((net != 0).sum())
    if not differing:
        return 0.0, 0.0
    share = binomtest(won, differing).proportion_ci(CONFIDENCE, method="exact")
    size = float(np.abs(net).sum()) / len(gains)
    return size * (2 * float(share.low) - 1), size * (2 * float(share.high) - 1)
