"""An answer to every picture of a folder, each by a head that has not seen the picture."""

import numpy as np
import numpy.typing as npt
from sklearn.model_selection import StratifiedGroupKFold

from models.head import LinearHead
from training.data.parts import Parts
from training.evaluation import Probabilities
from training.features.table import FeatureTable
from training.head.fit import fit_head_at

_FOLDS = 5


def answers_to_all(
    table: FeatureTable,
    parts: Parts,
    groups: npt.NDArray[np.int64],
    head: LinearHead,
    strength: float,
) -> Probabilities:
    """Answers by `head` to what it was not fitted on, and by heads of its strength to the rest.

    Args:
        table: N pictures.
        parts: of them; `head` was fitted on `train`.
        groups: int64 (N,), what must not be parted.
        head: fitted on the training part.
        strength: of its regularisation (scikit-learn's C).

    Returns:
        Float32 (N, K).
    """
    answers = head.probabilities(table.features)
    labels, train = table.labels[parts.train], parts.train
    folds = StratifiedGroupKFold(_FOLDS, shuffle=True, random_state=0)
    for kept, held in folds.split(train, labels, groups[train]):
        known = train[kept]
        fitted = fit_head_at(strength, table.features, labels[kept], len(head.bias), known)
        answers[train[held]] = fitted.probabilities(table.features[train[held]])
    return answers
