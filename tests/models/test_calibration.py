import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.calibration import Calibration, nothing_known, similarity

THREE = np.array([[0.7, 0.2, 0.1], [0.4, 0.35, 0.25]], np.float32)


def with_thresholds(*thresholds: float) -> Calibration:
    return Calibration(
        centres=np.eye(2, 4, dtype=np.float16),
        scaling=np.array([10, -5], np.float32),
        set_thresholds=np.array(thresholds, np.float32),
        coverage=0.9,
        temperature=1.0,
    )


def test_the_nearest_centre_decides_and_the_length_of_features_does_not() -> None:
    features = np.array([[3, 0, 0, 0], [0, 0.01, 0, 0], [1, 1, 0, 0]], np.float32)

    found = similarity(features, np.eye(2, 4, dtype=np.float16))

    assert found == pytest.approx([1, 1, 0.5**0.5])


def test_familiarity_is_a_half_where_the_scaling_says_so() -> None:
    found = with_thresholds(0.5).familiarity(np.array([[1, 0, 3**0.5, 0]], np.float32))

    assert found == pytest.approx([0.5], abs=1e-6)


def test_a_picture_without_any_feature_is_like_nothing() -> None:
    found = with_thresholds(0.5).familiarity(np.zeros((1, 4), np.float32))

    assert found == pytest.approx([1 / (1 + np.exp(5))])


def test_a_set_holds_what_reaches_its_threshold_and_always_the_label() -> None:
    found = with_thresholds(0.9, 0.2, 0.25).prediction_sets(THREE)

    assert found.tolist() == [[True, True, False], [True, True, True]]


@given(st.lists(st.floats(0, 1, width=32), min_size=3, max_size=3))
def test_whatever_the_thresholds_a_set_holds_the_label(thresholds: list[float]) -> None:
    found = with_thresholds(*thresholds).prediction_sets(THREE)

    assert found[:, 0].all()


def test_of_whom_nothing_is_known_all_is_familiar_and_possible() -> None:
    nothing = nothing_known(classes=3, features=4)

    assert nothing.familiarity(np.ones((2, 4), np.float32)).min() > 0.99
    assert nothing.prediction_sets(THREE).all()
