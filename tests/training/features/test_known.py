"""Features that are known stay known: in the cache, and in the folder of a run."""

from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import draw, properties_of
from training.features.known import KnownFeatures, was_kept_in

FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)
PROPERTIES = [properties_of(draw("cat", number)) for number in range(2)]


pytestmark = pytest.mark.usefixtures("own_cache")


def features(known: KnownFeatures, digest: str) -> np.ndarray:
    found = known.get(digest)
    assert found is not None
    return found[0]


def test_what_pictures_are_like_is_kept_with_their_features(tmp_path: Path) -> None:
    KnownFeatures("net").keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)

    found = KnownFeatures("net", tmp_path).get("y")

    assert found is not None
    assert found[1].as_numbers() == PROPERTIES[1].as_numbers()
    np.testing.assert_array_equal(found[1].thumbnail, PROPERTIES[1].thumbnail)


def test_features_are_kept_by_the_contents_of_pictures() -> None:
    KnownFeatures("net").add(["x", "y"], FEATURES, PROPERTIES)
    KnownFeatures("net").add(["z"], FEATURES[:1] + 10, PROPERTIES[:1])

    again = KnownFeatures("net")

    np.testing.assert_array_equal(features(again, "y"), FEATURES[1])
    np.testing.assert_array_equal(features(again, "z"), FEATURES[0] + 10)
    assert again.get("w") is None
    assert KnownFeatures("other").get("x") is None


def test_what_a_run_has_kept_outlasts_the_cache(tmp_path: Path, own_cache: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES, PROPERTIES)
    assert known.keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)
    for entry in own_cache.iterdir():
        entry.unlink()

    again = KnownFeatures("net", tmp_path)

    np.testing.assert_array_equal(features(again, "y"), FEATURES[1])
    assert again.goes_on
    assert KnownFeatures("net").get("y") is None


def test_what_is_known_is_not_kept_a_second_time(own_cache: Path) -> None:
    KnownFeatures("net").add(["x", "y"], FEATURES, PROPERTIES)
    (entry,) = own_cache.iterdir()
    before = entry.read_bytes()

    KnownFeatures("net").add(["y", "x"], FEATURES[::-1], PROPERTIES[::-1])

    assert entry.read_bytes() == before


def test_a_run_keeps_nothing_of_the_pictures_of_others(tmp_path: Path, own_cache: Path) -> None:
    KnownFeatures("net").add(["z"], FEATURES[:1], PROPERTIES[:1])
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES, PROPERTIES)

    known.keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)

    for entry in own_cache.iterdir():
        entry.unlink()
    assert KnownFeatures("net", tmp_path).digests == {"x", "y"}


def test_another_graph_does_not_take_what_a_run_has_kept(tmp_path: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES, PROPERTIES)
    known.keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)

    other = KnownFeatures("other", tmp_path)

    assert was_kept_in(tmp_path)
    assert not other.goes_on
    assert other.get("x") is None


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, own_cache: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES, PROPERTIES)
    known.keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)
    for path in (*tmp_path.glob("features-*"), *own_cache.iterdir()):
        path.write_bytes(path.read_bytes()[:-1])

    again = KnownFeatures("net", tmp_path)

    assert again.get("x") is None
    assert not again.goes_on


def test_a_home_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, no_cache: Path
) -> None:
    known = KnownFeatures("net")

    known.add(["x", "y"], FEATURES, PROPERTIES)

    np.testing.assert_array_equal(features(known, "x"), FEATURES[0])
    assert not no_cache.exists()
    assert known.keep_in(tmp_path, ["x", "y"], FEATURES, PROPERTIES)
    assert KnownFeatures("net", tmp_path).goes_on
