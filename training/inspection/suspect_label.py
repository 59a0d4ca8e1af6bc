"""Finds labels that are likely wrong, by heads that have not seen the pictures.

Confident learning (Northcutt 2021, https://arxiv.org/abs/1911.00068): pictures are ranked by the
probability of their own label. Which of them are named is a question of how sure the answer is: as
sure as it usually is of pictures of that class, or twice as sure as of all other classes together.
The second is ours. Where classes are told apart easily the first asks for 98 %, and misses a sixth
of what is truly wrong.
"""

from typing import Final

import numpy as np
import numpy.typing as npt

from training.data.parts import Rows
from training.evaluation import Probabilities
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: An answer that is as probable as this counts, however sure others of its class are.
_SURE: Final = 2 / 3


def find_suspect_labels(evidence: Evidence) -> list[Finding]:
    """The pictures whose label is likely wrong, with the label that is likely right.

    Of two that show the same and lie in two classes one is wrong: the one whose label is less
    probable.
    """
    found = suspect_rows(evidence.answers, evidence.labels).tolist()
    twins = _twins_in_two_classes(evidence)
    return [
        *(_finding(evidence, row) for row in found),
        *(_finding_of_twin(evidence, row, twins[row]) for row in twins if row not in set(found)),
    ]


def suspect_rows(answers: Probabilities, labels: npt.NDArray[np.int64]) -> Rows:
    """Which labels are likely wrong, the likeliest first.

    Args:
        answers: float32 (N, K), of heads that have not seen the picture.
        labels: int64 (N,), the class by the folder.
    """
    answered = answers.argmax(axis=1)
    usual = usual_confidence(answers, labels)
    sure = answers.max(axis=1) >= np.minimum(usual[answered], _SURE)
    suspect = sure & (answered != labels)
    ranked = rank_labels(answers, labels)
    found: Rows = ranked[suspect[ranked]]
    return found


def rank_labels(answers: Probabilities, labels: npt.NDArray[np.int64]) -> Rows:
    """All pictures, those whose label is least probable first."""
    return np.argsort(self_confidence(answers, labels), kind="stable")


def self_confidence(answers: Probabilities, labels: npt.NDArray[np.int64]) -> Probabilities:
    """The probability of each picture's own label, float32 (N,)."""
    found: Probabilities = answers[np.arange(len(labels)), labels]
    return found


def usual_confidence(
    answers: Probabilities, labels: npt.NDArray[np.int64]
) -> npt.NDArray[np.float64]:
    """How probable each class is on average to its own pictures, float64 (K,); 1 without any."""
    own = self_confidence(answers, labels)
    counts = np.bincount(labels, minlength=answers.shape[1])
    sums = np.bincount(labels, own, minlength=answers.shape[1])
    return np.where(counts > 0, sums / np.maximum(counts, 1), 1.0)


def _twins_in_two_classes(evidence: Evidence) -> dict[int, int]:
    """The rows that are likelier wrong, each with its twin."""
    own = self_confidence(evidence.answers, evidence.labels)
    found: dict[int, int] = {}
    for twin in evidence.twins:
        if evidence.labels[twin.first] != evidence.labels[twin.second]:
            wrong, right = sorted((twin.first, twin.second), key=lambda row: (own[row], -row))
            found.setdefault(wrong, right)
    return found


def _finding_of_twin(evidence: Evidence, row: int, twin: int) -> Finding:
    name, other = evidence.names(np.array([row, twin]))
    label, its_label = (evidence.classes[evidence.labels[one]] for one in (row, twin))
    own = float(self_confidence(evidence.answers, evidence.labels)[row])
    sentence = f"{name} is labelled {label}, and shows the same as {other}, which is {its_label}"
    return Finding("suspect_label", (name,), 1 - own, sentence, its_label)


def _finding(evidence: Evidence, row: int) -> Finding:
    (name,) = evidence.names(np.array([row]))
    label, answer = evidence.labels[row], evidence.answered[row]
    own, other = evidence.answers[row, label], evidence.answers[row, answer]
    sentence = (
        f"{name} is labelled {evidence.classes[label]}; a network that has not seen it says "
        f"{evidence.classes[answer]} ({other:.0%}, {evidence.classes[label]} {own:.0%}): a wrong "
        "label, or a picture that is hard to tell"
    )
    suggested = evidence.classes[answer]
    return Finding("suspect_label", (name,), float(1 - own), sentence, suggested)
