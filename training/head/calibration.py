"""How far answers are to be believed, by those to pictures that had no part in what answered.

One temperature (Guo et al., "On Calibration of Modern Neural Networks", ICML 2017), and for each
class a threshold from which on it is in a picture's set: conformal prediction by class (Sadinle,
Lei and Wasserman, "Least Ambiguous Set-Valued Classifiers", JASA 2019; "conditional LAC" in MAPIE).
"""

import logging
import math
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
from scipy.optimize import minimize_scalar

from models.calibration import FAMILIARITY_THRESHOLD, Calibration
from models.head import LinearHead
from training.evaluation import Probabilities
from training.head.familiarity import Centres, Features, scaling_of

log = logging.getLogger(__name__)

Labels = npt.NDArray[np.int64]

#: Temperatures that are looked at; what lies outside is no correction but another head.
_COLDEST: Final = 0.2
_HOTTEST: Final = 5.0

_SMALLEST: Final = 1e-12

#: Classes that are named; the rest are counted.
_NAMED: Final = 10


@dataclass(frozen=True)
class Unseen:
    """Answers to pictures of the task that had no part in what gave them.

    Attributes:
        probabilities: float32 (N, K).
        labels: int64 (N,), what is true.
        similarities: float32 (N,), to centres that were found without them.
    """

    probabilities: Probabilities
    labels: Labels
    similarities: Features


@dataclass(frozen=True)
class Calibrated:
    """What was learned of a head's answers.

    Attributes:
        head: with its temperature.
        calibration: what goes into the graph beside it.
        always: the classes, of K, that are in every set, as they have too few pictures.
        covered: the share of unseen pictures whose set holds what is true.
        right: the share that the label alone covers.
        mean_size: of the sets of unseen pictures.
        is_familiar: bool (N,), which of the unseen pictures are no strangers.
    """

    head: LinearHead
    calibration: Calibration
    always: tuple[int, ...]
    covered: float
    right: float
    mean_size: float
    is_familiar: npt.NDArray[np.bool_]

    def as_json(self) -> dict[str, Any]:
        """What `summary.json` says of it."""
        return {
            "temperature": self.calibration.temperature,
            "centres": len(self.calibration.centres),
            "coverage": self.calibration.coverage,
            "covered": self.covered,
            "mean_set_size": self.mean_size,
        }


def calibrate(head: LinearHead, centres: Centres, unseen: Unseen, coverage: float) -> Calibrated:
    """Finds temperature, thresholds and scaling.

    Args:
        head: that is to be exported.
        centres: that are.
        unseen: answers of others of their kind, fitted without the pictures that they were asked.
        coverage: the share of pictures whose sets are to hold what is true.
    """
    temperature = temperature_of(unseen.probabilities, unseen.labels)
    answers = at_temperature(unseen.probabilities, temperature)
    thresholds = set_thresholds(answers, unseen.labels, coverage)
    scaling = scaling_of(unseen.similarities)
    calibration = Calibration(centres, scaling, thresholds, coverage, temperature)
    sets = calibration.prediction_sets(answers)
    return Calibrated(
        head=LinearHead(head.weight / np.float32(temperature), head.bias / np.float32(temperature)),
        calibration=calibration,
        always=tuple(np.flatnonzero(thresholds == 0).tolist()),
        covered=float(sets[np.arange(len(sets)), unseen.labels].mean()),
        right=float((answers.argmax(axis=1) == unseen.labels).mean()),
        mean_size=float(sets.sum(axis=1).mean()),
        is_familiar=calibration.familiarity_at(unseen.similarities) >= FAMILIARITY_THRESHOLD,
    )


def temperature_of(answers: Probabilities, labels: Labels) -> float:
    """What the logits of answers to unseen pictures are best divided by: (N, K), (N,).

    By log loss, against Platt's targets: a little short of 1, by how many pictures there are, for
    where all answers are right the best would be 0, and every answer certain.
    """
    logits = np.log(np.maximum(answers.astype(np.float64), _SMALLEST))
    count, classes = logits.shape
    targets = np.full((count, classes), 1 / (count + 2) / (classes - 1))
    targets[np.arange(count), labels] = (count + 1) / (count + 2)

    def loss(logarithm: float) -> float:
        scaled = logits / np.exp(logarithm)
        most = scaled.max(axis=1, keepdims=True)
        normalised = scaled - most - np.log(np.exp(scaled - most).sum(axis=1, keepdims=True))
        return -float((targets * normalised).sum())

    bounds = math.log(_COLDEST), math.log(_HOTTEST)
    found = minimize_scalar(loss, bounds=bounds, method="bounded")
    return float(np.exp(found.x))


def at_temperature(answers: Probabilities, temperature: float) -> Probabilities:
    """The answers of the same head with its logits divided: float32 (N, K)."""
    powers = np.maximum(answers.astype(np.float64), 0) ** (1 / temperature)
    found: Probabilities = (powers / powers.sum(axis=1, keepdims=True)).astype(np.float32)
    return found


def set_thresholds(answers: Probabilities, labels: Labels, coverage: float) -> Probabilities:
    """For each class the probability that so many of its unseen pictures reach, float32 (K,).

    Of n pictures of a class the one that is k-th from below, k = floor((1 - coverage)(n + 1)): a
    new one lies below that with a probability of k / (n + 1) at most. Where k is 0 there are too
    few, and the class is in every set.
    """
    found = np.zeros(answers.shape[1], np.float32)
    for index in range(len(found)):
        reached = np.sort(answers[labels == index, index])
        if place := places_below(len(reached), coverage):
            found[index] = reached[place - 1]
    return found


def places_below(pictures: int, coverage: float) -> int:
    """The k of `set_thresholds`; what rounding takes from a whole number is not lost."""
    return int(np.floor((1 - coverage) * (pictures + 1) + 1e-9))


def say_what_is_covered(found: Calibrated, unseen: Unseen, classes: tuple[str, ...]) -> None:
    """Says in the log what the sets hold, and what the number of pictures does not allow."""
    wanted = found.calibration.coverage
    counts = np.bincount(unseen.labels, minlength=len(classes))
    log.info(
        "prediction sets: %.1f %% of unseen pictures are in theirs (%.0f %% were asked for), "
        "of %.2f classes on average%s",
        100 * found.covered, 100 * wanted, found.mean_size,
        "; the label alone covers more than was asked" if found.right >= wanted else "",
    )  # fmt: skip
    if found.always:
        named = ", ".join(f"{classes[i]} ({counts[i]})" for i in found.always[:_NAMED])
        log.warning(
            "prediction sets: %.0f %% cannot be promised with fewer than %d pictures of a class, "
            "so these are in every set: %s%s; %.0f %% is what the smallest allows",
            100 * wanted, fewest_pictures(wanted), named,
            ", …" if len(found.always) > _NAMED else "",
            100 * counts.min() / (counts.min() + 1),
        )  # fmt: skip


def fewest_pictures(coverage: float) -> int:
    """How many pictures a class needs for this coverage: 9 for 90 %, 19 for 95 %."""
    return int(np.ceil(1 / (1 - coverage) - 1 - 1e-9))
