import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from models.calibration import Calibration, similarity
from training.head.familiarity import (
    CENTRES,
    FEWEST,
    Features,
    Rows,
    fit_centres,
    scaling_of,
    similarities_out_of_fold,
)


def around(directions: int, count: int, seed: int = 0) -> Features:
    """Pictures around a few directions, in turn, of any length."""
    rng = np.random.default_rng(seed)
    middles = np.eye(directions, 16)
    found = middles[np.arange(count) % directions] + rng.normal(0, 0.05, (count, 16))
    return (found * rng.uniform(0.1, 10, (count, 1))).astype(np.float32)


def of(count: int) -> tuple[Rows, Rows]:
    """All rows, each a group of its own."""
    return np.arange(count), np.arange(count)


def test_pictures_around_a_few_directions_are_near_a_centre() -> None:
    features = around(3, 60)

    centres = fit_centres(features, *of(60))

    assert similarity(features, centres).min() > 0.9
    assert similarity(np.eye(16, dtype=np.float32)[8:], centres).max() < 0.5


@pytest.mark.parametrize(("pictures", "most"), [(10, 2), (60, 12), (400, CENTRES)])
def test_no_centre_stands_for_fewer_than_five_pictures(pictures: int, most: int) -> None:
    features = around(7, pictures)

    centres = fit_centres(features, *of(pictures))

    nearest = (features @ centres.astype(np.float32).T).argmax(1)
    assert len(centres) <= most
    assert np.bincount(nearest, minlength=len(centres)).min() >= FEWEST


def test_a_picture_that_lies_there_ten_times_gets_no_centre_of_its_own() -> None:
    features = around(2, 40)
    features[:10] = np.eye(16)[9]
    groups = np.arange(40)
    groups[:10] = 0

    centres = fit_centres(features, np.arange(40), groups)

    assert similarity(features[:1], centres) < 0.9


@settings(deadline=None, max_examples=25)
@given(st.integers(2, 12), st.integers(0, 5))
def test_of_few_or_equal_pictures_there_is_a_centre(count: int, seed: int) -> None:
    features = around(1, count, seed)

    for some in (features, np.ones_like(features), np.zeros_like(features)):
        centres = fit_centres(some, *of(count))

        assert 1 <= len(centres) <= max(1, count // FEWEST)
        assert np.isfinite(centres).all()


def test_the_same_pictures_give_the_same_centres() -> None:
    features = around(5, 200)

    found = [fit_centres(features, *of(200)) for _ in range(2)]

    assert np.array_equal(found[0], found[1])


def test_a_picture_is_held_against_centres_that_were_found_without_its_fold() -> None:
    """All of one direction lie in one fold: to the others they are strangers."""
    features = around(2, 40)
    folds = np.arange(40) % 2

    found = similarities_out_of_fold(features, *of(40), folds)

    assert found.max() < 0.5
    assert similarity(features, fit_centres(features, *of(40))).min() > 0.9


def test_pictures_that_all_lie_in_one_fold_are_held_against_all_of_them() -> None:
    features = around(2, 20)

    found = similarities_out_of_fold(features, *of(20), np.zeros(20, np.int64))

    assert found == pytest.approx(similarity(features, fit_centres(features, *of(20))))


@pytest.mark.parametrize("count", [19, 20, 200, 1000])
def test_one_in_twenty_of_the_task_s_own_is_below_the_threshold(count: int) -> None:
    similarities = np.random.default_rng(0).normal(0.8, 0.03, count).astype(np.float32)
    slope, offset = scaling_of(similarities)

    logits = slope * similarities + offset

    assert (logits < -1e-3).sum() == max(int(0.05 * (count + 1)) - 1, 0)
    assert (logits > np.log(9) - 0.1).mean() == pytest.approx(0.5, abs=0.1)


def test_pictures_that_are_all_alike_have_a_finite_scaling() -> None:
    slope, offset = scaling_of(np.full(30, 0.9, np.float32))
    calibration = Calibration(
        np.eye(1, 4, dtype=np.float16),
        np.array([slope, offset], np.float32),
        np.zeros(2, np.float32),
        0.9,
        1.0,
    )

    assert np.isfinite(slope)
    assert np.isfinite(calibration.familiarity(np.eye(4, dtype=np.float32))).all()
