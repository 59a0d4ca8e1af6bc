"""How good answers are, checked by hand, and how sure one can be of that."""

import numpy as np
import pytest

from training.evaluation import (
    CONFIDENCE,
    ClassResult,
    Evaluation,
    calibration_error,
    evaluate,
    independent,
    wilson,
)


def _answers(answered: list[int], classes: int) -> np.ndarray:
    return np.eye(classes, dtype=np.float32)[answered]


def test_accuracy_recall_precision_and_confusion_by_hand() -> None:
    found = evaluate(_answers([0, 0, 1, 1, 1], 2), np.array([0, 1, 1, 1, 0]), ("cat", "dog"))

    assert found.accuracy == pytest.approx(3 / 5)
    assert found.classes["cat"].recall == pytest.approx(1 / 2)
    assert found.classes["cat"].precision == pytest.approx(1 / 2)
    assert found.classes["dog"].recall == pytest.approx(2 / 3)
    assert found.classes["dog"].count == 3
    assert found.confusion.tolist() == [[1, 1], [1, 2]]
    assert found.commonest == "dog"
    assert found.commonest_accuracy == pytest.approx(3 / 5)


def test_the_calibration_error_is_that_of_bins_by_hand() -> None:
    """Two of three right at 0.9, one of two at 0.6, in bins of their own; 1 is in the last bin."""
    said = np.array([0.9, 0.9, 0.9, 0.6, 0.6, 1.0], np.float32)
    answers = np.stack([said, 1 - said], axis=1)

    found = calibration_error(answers, np.array([0, 0, 1, 0, 1, 0]))

    assert found == pytest.approx((0.7 + 0.2 + 0) / 6)


def test_the_interval_is_wilsons() -> None:
    answers = _answers([0] * 81 + [1] * 19, 2)

    low, high = evaluate(answers, np.zeros(100, int), ("a", "b")).accuracy_interval

    # By hand, from (p + z²/2n ± z·sqrt(p(1-p)/n + z²/4n²)) / (1 + z²/n).
    assert low == pytest.approx(0.7222, abs=1e-4)
    assert high == pytest.approx(0.8749, abs=1e-4)


def test_a_perfect_result_still_has_an_interval() -> None:
    found = evaluate(_answers([0, 1], 2), np.array([0, 1]), ("a", "b"))

    assert found.accuracy == 1
    assert found.accuracy_interval[0] < 0.5


def test_what_cannot_be_known_is_none() -> None:
    found = evaluate(_answers([0, 0], 3), np.array([0, 1]), ("a", "b", "c"))

    assert found.classes["b"].precision is None
    assert found.classes["c"].recall is None


def test_classes_keep_their_order_and_are_told_by_name() -> None:
    found = evaluate(_answers([2, 0, 2], 3), np.array([2, 0, 2]), ("z", "a", "m"))

    assert isinstance(found, Evaluation)
    assert list(found.classes) == ["z", "a", "m"]
    assert (found.classes["m"].recall, found.classes["m"].count) == (1, 2)
    assert found.classes["a"] == ClassResult(recall=None, precision=None, count=0)
    assert (found.commonest, found.count, CONFIDENCE) == ("m", 3, 0.95)
    assert found.confusion.sum() == 3


def test_pictures_that_belong_together_count_as_one_in_the_interval() -> None:
    answers, labels = _answers([0, 0, 0, 1] * 10, 2), np.zeros(40, int)

    alone = evaluate(answers, labels, ("a", "b"))
    tens = evaluate(answers, labels, ("a", "b"), groups=np.arange(40) // 10)

    assert independent(np.arange(40) // 10) == pytest.approx(4)
    assert independent(np.array([0, 0, 0, 1])) == pytest.approx(1.6)
    assert tens.accuracy == alone.accuracy
    assert tens.accuracy_interval == wilson(0.75, 4)
    assert np.ptp(tens.accuracy_interval) > 2 * np.ptp(alone.accuracy_interval)


def test_each_class_has_intervals_of_its_own() -> None:
    found = evaluate(_answers([0, 0, 1, 1, 1], 2), np.array([0, 1, 1, 1, 0]), ("cat", "dog"))

    assert found.classes["dog"].recall_interval == wilson(2 / 3, 3)
    assert found.classes["cat"].precision_interval == wilson(1 / 2, 2)


def test_two_classes_have_an_area_under_the_curve_and_more_have_none() -> None:
    probabilities = np.array([[0.9, 0.1], [0.4, 0.6], [0.3, 0.7], [0.2, 0.8]], np.float32)

    two = evaluate(probabilities, np.array([0, 0, 1, 1]), ("a", "b"))

    assert two.roc_auc == 1
    assert two.mean_confidence == pytest.approx(0.75)
    assert evaluate(probabilities, np.array([0, 0, 0, 0]), ("a", "b")).roc_auc is None
    assert evaluate(_answers([0, 1, 2], 3), np.arange(3), ("a", "b", "c")).roc_auc is None
