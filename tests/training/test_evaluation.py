"""How good answers are, checked by hand, and how sure one can be of that."""

import numpy as np
import pytest

from training.evaluation import CONFIDENCE, ClassResult, Evaluation, evaluate


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
    assert found.classes["m"] == ClassResult(recall=1, precision=1, count=2)
    assert found.classes["a"] == ClassResult(recall=None, precision=None, count=0)
    assert (found.commonest, found.count, CONFIDENCE) == ("m", 3, 0.95)
    assert found.confusion.sum() == 3
