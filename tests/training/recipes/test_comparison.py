"""Which of two networks is the better, and how sure one can be of it."""

import logging

import numpy as np
import pytest

from training.recipes.comparison import Comparison, compare, log_comparison


def test_the_better_of_two_is_told_by_accuracy_and_then_by_log_loss() -> None:
    labels = np.array([0, 1, 1, 0])
    sure = np.array([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]], np.float32)
    unsure = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.6, 0.4]], np.float32)
    wrong = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]], np.float32)

    assert compare(unsure, sure, labels).is_tuned_better
    assert not compare(sure, unsure, labels).is_tuned_better
    assert not compare(sure, sure, labels).is_tuned_better
    gained = compare(wrong, unsure, labels)
    assert gained.is_tuned_better
    assert gained.gain == pytest.approx(0.25)
    assert gained.gain_interval[0] <= 0.25 <= gained.gain_interval[1]


@pytest.mark.parametrize(("tuned", "exported"), [(0.9, "fine-tuned"), (0.7, "frozen")])
def test_what_is_exported_is_said_with_how_sure_that_is(
    caplog: pytest.LogCaptureFixture, tuned: float, exported: str
) -> None:
    comparison = Comparison(0.8, tuned, tuned - 0.8, (-0.15, 0.25), 0.5, 0.4, 40)

    with caplog.at_level(logging.INFO):
        log_comparison(comparison, "fine-tuned")

    assert "on 40 validation pictures: frozen 80.0 %, fine-tuned" in caplog.text
    assert "interval -15.0 to +25.0" in caplog.text
    assert f"the {exported} network is exported" in caplog.text
