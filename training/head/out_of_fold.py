"""Every picture answered by a head that has seen neither it nor what belongs to it.

So all pictures judge, and the exported head may still learn from all of them.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

from models.head import LinearHead
from models.terminal import progress
from training.head.fit import FittedHead, Labels, Task, fit_head_at, fit_with, strengths_of
from training.head.strength import ALL

Probabilities = npt.NDArray[np.float32]


@dataclass(frozen=True)
class CrossFitted:
    """A head, and how heads like it answer what they were not fitted on.

    Attributes:
        fitted: on all rows.
        answers: float32 (M, K), to each row by a head that was fitted without its fold.
        strengths: scikit-learn's C of that head for each fold, chosen without the fold, too.
    """

    fitted: FittedHead
    answers: Probabilities
    strengths: dict[int, float]


def cross_fit(task: Task) -> CrossFitted:
    """Fits the head on all rows, and one without each fold, which answers that.

    A class of which nothing is left without a fold gets no probability there.
    """
    folds = tuple(np.unique(task.folds).tolist())
    strengths = strengths_of(task, of_each_fold=True)
    # Of very many pictures some are asked about the strength; a fold of which none is among them
    # has no part in that of all.
    chosen = {fold: strengths.get(fold, strengths[ALL]).c for fold in folds}
    answers = answers_out_of_fold(task, chosen)
    return CrossFitted(fit_with(task, strengths[ALL]), answers, chosen)


def answers_like(task: Task, found: CrossFitted) -> Probabilities:
    """The same answers by heads held back as strongly as the exported one, float32 (M, K).

    Whoever carries a probability over to the exported head needs these: a head that was held back
    less says larger ones of the same picture, and no order of pictures tells that.
    """
    strength = found.fitted.strength
    others = {fold: strength for fold, own in found.strengths.items() if own != strength}
    if not others:
        return found.answers
    asked = np.isin(task.folds, list(others))
    answers = found.answers.copy()
    answers[asked] = answers_out_of_fold(task, others)[asked]
    return answers


def answers_out_of_fold(task: Task, strengths: Mapping[int, float]) -> Probabilities:
    """What heads that were fitted without a fold say of it, float32 (M, K); C by the fold."""
    answers = np.zeros((len(task.rows), task.classes), np.float32)
    with progress("asking about pictures that a head has not seen", len(strengths)) as advance:
        for fold, strength in strengths.items():
            held = task.folds == fold
            kept = replace(
                task, rows=task.rows[~held], labels=task.labels[~held], folds=task.folds[~held]
            )
            answers[held] = answers_to(kept, strength, task.rows[held])
            advance(1)
    return answers


def answers_to(task: Task, strength: float, asked: Labels) -> Probabilities:
    """What a head says of some rows, float32 (n, K)."""
    known, labels = np.unique(task.labels, return_inverse=True)
    answers = np.zeros((len(asked), task.classes), np.float32)
    if len(known) == 1:
        answers[:, known] = 1
        return answers
    head: LinearHead = fit_head_at(strength, task.features, labels, len(known), task.rows)
    answers[:, known] = head.probabilities(task.features[asked])
    return answers
