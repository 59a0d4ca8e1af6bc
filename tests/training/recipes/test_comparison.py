"""Which of two networks is the better, and how sure one can be of it."""

import logging

import numpy as np
import pytest

from training.evaluation import Probabilities
from training.recipes.comparison import Comparison, compare, log_comparison


def answers(right: list[bool], sure: float = 0.9) -> Probabilities:
    """Answers to pictures of class 0."""
    likely = np.where(right, sure, 1 - sure)
    return np.stack([likely, 1 - likely], axis=1).astype(np.float32)


@pytest.mark.parametrize(
    ("won", "lost", "is_better"),
    [(1, 0, False), (5, 0, False), (6, 0, True), (12, 6, False), (20, 6, True), (0, 0, False)],
)
def test_the_tuned_network_must_be_better_by_more_than_chance(
    won: int, lost: int, is_better: bool
) -> None:
    """McNemar's exact test, by hand: 0.5⁵ twice is above 5 %, 0.5⁶ twice below."""
    rest = 40 - won - lost
    probe = answers([False] * won + [True] * (lost + rest), 0.8)
    tuned = answers([True] * won + [False] * lost + [True] * rest, 0.8)

    found = compare(probe, tuned, np.zeros(40, np.int64))

    assert found.is_tuned_better == is_better
    assert found.gain == pytest.approx((won - lost) / 40)
    assert found.gain_interval[0] <= found.gain <= found.gain_interval[1]


def test_a_network_that_is_surer_where_it_is_wrong_is_not_better() -> None:
    probe = answers([False] * 10 + [True] * 30, 0.6)
    tuned = answers([True] * 38 + [False] * 2, 0.999999)

    found = compare(probe, tuned, np.zeros(40, np.int64))

    assert found.gain_interval[0] > 0
    assert found.tuned_log_loss > found.probe_log_loss
    assert not found.is_tuned_better


def test_ten_pictures_of_one_thing_are_no_ten_gains() -> None:
    labels = np.zeros(40, np.int64)
    probe, tuned = answers([False] * 10 + [True] * 30, 0.8), answers([True] * 40, 0.8)

    assert compare(probe, tuned, labels).is_tuned_better
    assert not compare(probe, tuned, labels, np.arange(40) // 10).is_tuned_better


@pytest.mark.parametrize(("tuned", "exported"), [(0.9, "fine-tuned"), (0.7, "frozen")])
def test_what_is_exported_is_said_with_how_sure_that_is(
    caplog: pytest.LogCaptureFixture, tuned: float, exported: str
) -> None:
    comparison = Comparison(0.8, tuned, tuned - 0.8, (tuned - 0.85, 0.25), 0.5, 0.4, 40)

    with caplog.at_level(logging.INFO):
        log_comparison(comparison, "fine-tuned")

    assert "on 40 validation pictures: frozen 80.0 %, fine-tuned" in caplog.text
    assert f"interval {100 * tuned - 85:+.1f} to +25.0" in caplog.text
    assert f"the {exported} network is exported" in caplog.text
