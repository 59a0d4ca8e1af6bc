import numpy as np
import pytest

from tests.training.inspection.drawn_evidence import clouds, evidence_of
from training.inspection import outlier
from training.inspection.outlier import distances_to_others, find_outliers

_LABELS = [0] * 30 + [1] * 30


def _with_strangers(count: int) -> np.ndarray:
    """Features of two classes; the first few are somewhere else together."""
    features = clouds(_LABELS)
    features[:count] += 12 * np.eye(features.shape[1])[5]
    return features


@pytest.mark.parametrize("strangers", [1, 3])
def test_pictures_that_are_like_no_others_are_named_also_where_they_are_like_each_other(
    strangers: int,
) -> None:
    found = find_outliers(evidence_of(_LABELS, features=_with_strangers(strangers)))

    names = {f"cat/{row}.png" for row in range(strangers)}
    assert names <= {name for finding in found for name in finding.files}
    assert len(found) <= strangers + 2
    assert all(0.5 <= finding.score < 1 for finding in found)


def test_where_all_others_are_quite_alike_a_stranger_is_still_told_in_numbers() -> None:
    features = np.ones((60, 16))
    features[0] = np.eye(16)[5]

    (found,) = find_outliers(evidence_of(_LABELS, features=features))

    assert found.files == ("cat/0.png",)
    assert 0.5 <= found.score < 1
    assert not {"inf", "nan", "-"} & set(found.sentence.split())


def test_where_all_are_alike_one_that_is_a_little_less_so_is_not_named() -> None:
    features = np.ones((60, 512)) + 0.1 * np.random.default_rng(0).normal(size=(60, 512))
    features[0] = 1 + 0.12 * np.random.default_rng(1).normal(size=512)

    assert find_outliers(evidence_of(_LABELS, features=features)) == []


def test_a_twin_is_no_company() -> None:
    features = np.array([[1, 0], [1, 0], [0, 1]], np.float32)

    found = distances_to_others(features, np.array([0, 0, 1]))

    np.testing.assert_allclose(found, 1)


def test_of_very_many_pictures_some_stand_for_all(monkeypatch: pytest.MonkeyPatch) -> None:
    features = _with_strangers(1).astype(np.float32)
    monkeypatch.setattr(outlier, "_BANK", 20)
    monkeypatch.setattr(outlier, "_BLOCK", 7)

    found = distances_to_others(features, np.arange(60))

    assert np.argmax(found) == 0


def test_pictures_that_are_all_one_thing_are_as_near_as_can_be() -> None:
    found = distances_to_others(np.ones((3, 4), np.float32), np.zeros(3, np.int64))

    np.testing.assert_array_equal(found, 0)
