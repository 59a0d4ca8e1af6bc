import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import softmax

from models.head import LinearHead
from training.evaluation import Probabilities
from training.head.calibration import (
    Labels,
    Unseen,
    at_temperature,
    calibrate,
    fewest_pictures,
    say_what_is_covered,
    set_thresholds,
    temperature_of,
)

HEAD = LinearHead(np.full((3, 4), 2, np.float32), np.full(3, 4, np.float32))
CENTRES = np.eye(2, 4, dtype=np.float16)


def drawn(count: int, temperature: float = 1, seed: int = 0) -> tuple[Probabilities, Labels]:
    """Answers that say too much or too little by a temperature, and what is true."""
    rng = np.random.default_rng(seed)
    logits = rng.normal(0, 2, (count, 3))
    true = [rng.choice(3, p=row) for row in softmax(logits, axis=1)]
    answers = softmax(logits * temperature, axis=1).astype(np.float32)
    return answers, np.array(true, np.int64)


def unseen(count: int, temperature: float = 1) -> Unseen:
    answers, labels = drawn(count, temperature)
    return Unseen(answers, labels, np.linspace(0.5, 1, count, dtype=np.float32))


@pytest.mark.parametrize("temperature", [0.5, 1, 2])
def test_what_answers_say_too_much_is_taken_back(temperature: float) -> None:
    found = temperature_of(*drawn(4000, temperature))

    assert found == pytest.approx(temperature, rel=0.1)


def test_that_all_was_right_makes_no_answer_certain() -> None:
    """Without bounds by the number of pictures the best temperature would be none at all."""
    labels = np.arange(30) % 3
    answers = softmax(3 * np.eye(3)[labels], axis=1).astype(np.float32)

    found = at_temperature(answers, temperature_of(answers, labels))

    assert 0.9 < found.max() < 1 - 1 / 40


def test_a_temperature_in_the_head_is_that_of_its_answers() -> None:
    features = np.random.default_rng(0).normal(size=(5, 4)).astype(np.float32)
    head = LinearHead(np.eye(3, 4, dtype=np.float32), np.arange(3, dtype=np.float32))
    answers = head.probabilities(features)

    found = calibrate(head, CENTRES, unseen(200, 2), 0.9)

    expected = at_temperature(answers, found.calibration.temperature)
    assert found.calibration.temperature != pytest.approx(1, abs=0.1)
    assert found.head.probabilities(features) == pytest.approx(expected, abs=1e-6)


def test_a_class_that_a_head_did_not_know_stays_without_a_probability() -> None:
    answers = np.array([[0.75, 0.25, 0]], np.float32)

    assert at_temperature(answers, 2)[0].tolist() == pytest.approx(
        [3**0.5 / (1 + 3**0.5), 1 / (1 + 3**0.5), 0]
    )


@given(
    st.lists(st.integers(0, 1000), min_size=3, max_size=60),
    st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99]),
)
def test_a_threshold_is_the_textbook_s_quantile(ranks: list[int], coverage: float) -> None:
    """Of scores 1 - p, the ceil((n + 1) coverage)-th smallest (Angelopoulos and Bates, 2023)."""
    reached = np.array(ranks, np.float64) / 1000
    answers = np.stack([reached, 1 - reached], axis=1).astype(np.float32)
    place = int(np.ceil(round((len(ranks) + 1) * coverage, 9)))
    expected = 1 - np.sort(1 - reached)[place - 1] if place <= len(ranks) else 0

    found = set_thresholds(answers, np.zeros(len(ranks), np.int64), coverage)

    assert found[0] == pytest.approx(expected, abs=1e-6)


@pytest.mark.parametrize(("coverage", "needed"), [(0.5, 1), (0.8, 4), (0.9, 9), (0.95, 19)])
def test_a_class_needs_so_many_pictures_for_a_coverage(coverage: float, needed: int) -> None:
    answers = np.full((needed, 2), 0.5, np.float32)
    labels = np.zeros(needed, np.int64)

    assert fewest_pictures(coverage) == needed
    assert set_thresholds(answers, labels, coverage)[0] == 0.5
    assert set_thresholds(answers[1:], labels[1:], coverage)[0] == 0


@pytest.mark.parametrize("coverage", [0.8, 0.9, 0.95])
def test_sets_of_new_pictures_cover_each_class_as_was_asked(coverage: float) -> None:
    found = calibrate(HEAD, CENTRES, unseen(3000), coverage)
    answers, labels = drawn(3000, seed=1)
    answers = at_temperature(answers, found.calibration.temperature)

    holds = found.calibration.prediction_sets(answers)[np.arange(3000), labels]

    for index in range(3):
        assert holds[labels == index].mean() == pytest.approx(coverage, abs=0.03)


def test_that_a_class_has_too_few_pictures_is_said(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    few = unseen(40)
    few.labels[:] = np.arange(40) % 2
    few.labels[:7] = 2

    found = calibrate(HEAD, CENTRES, few, 0.9)
    say_what_is_covered(found, few, ("one", "two", "three"))

    assert found.always == (2,)
    assert "fewer than 9 pictures of a class, so these are in every set: three (7)" in caplog.text
    assert "88 % is what the smallest allows" in caplog.text


def test_that_the_label_alone_covers_more_than_was_asked_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    labels = np.arange(60) % 3
    sure = Unseen(
        softmax(4 * np.eye(3)[labels], axis=1).astype(np.float32),
        labels,
        np.linspace(0.5, 1, 60, dtype=np.float32),
    )

    found = calibrate(HEAD, CENTRES, sure, 0.9)
    say_what_is_covered(found, sure, ("one", "two", "three"))

    assert (found.covered, found.right, found.mean_size) == (1, 1, 1)
    assert "of 1.00 classes on average; the label alone covers more than was asked" in caplog.text
