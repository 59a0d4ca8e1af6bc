"""What can be learned from a sample is told from what cannot."""

import numpy as np
import pytest

from training.head.cross_validation import CrossValidation, Gain, cross_validate, gain


def test_cross_validation_tells_what_can_be_learned_from_what_cannot() -> None:
    rng = np.random.default_rng(0)
    labels = np.arange(60) % 3
    noise = rng.normal(size=(60, 200))
    told = noise + 3 * np.eye(3)[labels].repeat(67, axis=1)[:, :200]

    chance, learned = (cross_validate(x.astype(np.float32), labels) for x in (noise, told))

    assert learned is not None
    assert chance is not None
    assert learned.accuracy == 1
    assert learned.log_loss < 0.2
    assert chance.log_loss > 0.9


@pytest.mark.parametrize("labels", [[0] * 30, [0, 1] * 5, [*range(30)]])
def test_too_few_pictures_say_nothing(labels: list[int]) -> None:
    features = np.random.default_rng(0).normal(size=(len(labels), 8)).astype(np.float32)

    assert cross_validate(features, np.array(labels)) is None


def test_a_gain_within_its_own_error_is_chance() -> None:
    before = CrossValidation(np.array([1.0, 1.0, 1.0, 1.0]), np.array([]), 0.5)
    always = CrossValidation(np.array([0.5, 0.6, 0.5, 0.6]), np.array([]), 0.5)
    once = CrossValidation(np.array([1.0, 1.0, 1.0, 0.5]), np.array([]), 0.5)

    assert gain(before, always).is_real
    assert gain(before, always).mean == pytest.approx(0.45)
    assert not gain(before, once).is_real
    assert not gain(always, before).is_real
    assert gain(before, before) == Gain(mean=0, error=0)
    assert not Gain(mean=0, error=0).is_real
