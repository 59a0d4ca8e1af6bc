import tracemalloc

import numpy as np
import pytest

from models.head import LinearHead
from training.head.fit import FittedHead, Task, fit_head, fit_head_at


def _blobs(counts: list[int], seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Overlapping clouds of points in ten dimensions, of very different scales."""
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(len(counts), 10)) * 1.5
    labels = np.repeat(np.arange(len(counts)), counts)
    points = centres[labels] + rng.normal(size=(len(labels), 10))
    return (points * np.logspace(-3, 3, 10) + 7).astype(np.float32), labels


def _fitted(features: np.ndarray, labels: np.ndarray, rows: np.ndarray | None = None) -> FittedHead:
    rows = np.arange(len(features)) if rows is None else rows
    folds = np.arange(len(rows)) % 5
    return fit_head(Task(features, rows, labels[rows], folds, int(labels.max()) + 1))


@pytest.mark.parametrize("classes", [2, 3, 7])
def test_a_head_tells_separable_classes_apart(classes: int) -> None:
    features, labels = _blobs([60] * classes)

    head = _fitted(features, labels).head

    assert head.weight.shape == (classes, 10)
    assert head.bias.shape == (classes,)
    assert (head.probabilities(features).argmax(1) == labels).mean() > 0.9


def test_probabilities_sum_to_one_even_for_huge_logits() -> None:
    head = LinearHead(np.full((2, 1), 1e4, np.float32), np.array([0, 1], np.float32))

    found = head.probabilities(np.array([[1], [-1]], np.float32))

    np.testing.assert_allclose(found.sum(1), 1, rtol=1e-6)


def test_the_same_pictures_give_the_same_head() -> None:
    features, labels = _blobs([30, 40])

    first, second = (_fitted(features, labels).head for _ in range(2))

    np.testing.assert_array_equal(first.weight, second.weight)


def test_a_rare_class_is_not_given_up() -> None:
    rng = np.random.default_rng(0)
    labels = np.repeat([0, 1], [300, 12])
    features = (rng.normal(size=(312, 4)) + 1.5 * labels[:, None]).astype(np.float32)

    answers = _fitted(features, labels).head.probabilities(features).argmax(1)

    assert (answers[labels == 1] == 1).mean() > 0.7


def test_each_of_two_classes_has_a_weight_row_that_speaks_for_it() -> None:
    features, labels = _blobs([50, 50])

    weight = _fitted(features, labels).head.weight

    np.testing.assert_allclose(weight[0], -weight[1])


def test_a_feature_that_never_changes_does_no_harm() -> None:
    features, labels = _blobs([30, 30])
    features[:, 3] = 5

    head = _fitted(features, labels).head

    assert np.isfinite(head.weight).all()


@pytest.mark.parametrize(
    "counts", [[1000, 1001], [201] * 10, [5000, 4000, 5], [5] * 410, [2500, 2]]
)
def test_a_strength_is_chosen_however_many_pictures_a_class_has(counts: list[int]) -> None:
    """Choosing takes some of them, and more of a rare class than its share."""
    features, labels = _blobs(counts)

    fitted = _fitted(features, labels)

    assert np.isfinite(fitted.log_loss)


def test_a_fit_on_some_rows_holds_no_second_copy_of_them() -> None:
    """Pictures come by the ten thousands, and each brings kilobytes of features."""
    features = np.random.default_rng(0).normal(size=(20_000, 128)).astype(np.float32)
    labels = (features[:, 0] > 0).astype(np.int64)
    rows = np.flatnonzero(np.arange(len(labels)) % 5)
    tracemalloc.start()

    head = fit_head_at(1e-2, features, labels[rows], classes=2, rows=rows)

    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak < 1.5 * features[rows].nbytes
    assert (head.probabilities(features).argmax(1) == labels).mean() > 0.95


def test_rows_that_are_not_named_have_no_part_in_a_fit() -> None:
    features, labels = _blobs([40, 40, 40])
    rows = np.flatnonzero(np.arange(120) % 3)
    others = features.copy()
    others[::3] = 1e6

    one = _fitted(features, labels, rows)
    other = _fitted(others, labels, rows)
    alone = _fitted(features[rows], labels[rows])

    np.testing.assert_array_equal(one.head.weight, other.head.weight)
    np.testing.assert_array_equal(one.head.weight, alone.head.weight)
