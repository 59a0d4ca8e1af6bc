"""Our fit ends where scikit-learn's would, had it the time."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression

from models.head import LinearHead
from training.head.fit import fit_head_at
from training.head.softmax import ROUGHLY, directions_of, fit_softmax, rotate

Rows = tuple[np.ndarray, np.ndarray]


def drawn(pictures: int, width: int, classes: int) -> Rows:
    """Overlapping classes; standardised features of which few directions say much."""
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, (2, pictures)).min(axis=0)
    labels[:classes] = np.arange(classes)
    scales = np.arange(1, width + 1) ** -1.5
    hidden = (
        rng.normal(size=(classes, width))[labels] + 2 * rng.normal(size=(pictures, width))
    ) * scales
    found = hidden @ np.linalg.qr(rng.normal(size=(width, width)))[0]
    return ((found - found.mean(0)) / found.std(0)).astype(np.float32), labels


@pytest.mark.parametrize(("pictures", "width"), [(150, 20), (60, 90)])
@pytest.mark.parametrize("classes", [2, 3, 11])
@pytest.mark.parametrize("strength", [1e-3, 1e-1])
def test_a_fit_is_scikit_learn_s(pictures: int, width: int, classes: int, strength: float) -> None:
    features, labels = drawn(pictures, width, classes)
    reference = LogisticRegression(C=strength, tol=1e-8, max_iter=10_000, class_weight="balanced")

    head = fit_head_at(strength, features, labels, classes)

    expected = reference.fit(features, labels).predict_proba(features)
    assert head.probabilities(features) == pytest.approx(expected, abs=5e-3)


def test_a_rough_fit_loses_within_a_hundredth_of_what_the_exact_one_does() -> None:
    features, labels = drawn(600, 50, 11)
    taught, asked = np.arange(600) % 5 > 0, np.arange(600) % 5 == 0
    rotated = rotate(features, directions_of(features))

    fits = [fit_softmax(rotated[taught], labels[taught], 1e-1, gain) for gain in (ROUGHLY, 1e-9)]

    losses = [loss(LinearHead(f.weight, f.bias), rotated[asked], labels[asked]) for f in fits]
    assert losses[0] == pytest.approx(losses[1], rel=0.01)


def loss(head: LinearHead, features: np.ndarray, labels: np.ndarray) -> float:
    answers = head.probabilities(features)
    return float(-np.log(answers[np.arange(len(labels)), labels]).mean())
