"""Features that are known stay known: in the cache, and in the folder of a run."""

from pathlib import Path

import numpy as np
import pytest

from training.features.known import KnownFeatures, was_kept_in

FEATURES = np.arange(6, dtype=np.float32).reshape(2, 3)


pytestmark = pytest.mark.usefixtures("own_cache")


def test_features_are_kept_by_the_contents_of_pictures() -> None:
    KnownFeatures("net").add(["x", "y"], FEATURES)
    KnownFeatures("net").add(["z"], FEATURES[:1] + 10)

    again = KnownFeatures("net")

    np.testing.assert_array_equal(again.get("y"), FEATURES[1])
    np.testing.assert_array_equal(again.get("z"), FEATURES[0] + 10)
    assert again.get("w") is None
    assert KnownFeatures("other").get("x") is None


def test_what_a_run_has_kept_outlasts_the_cache(tmp_path: Path, own_cache: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES)
    assert known.keep_in(tmp_path, ["x", "y"], FEATURES)
    for entry in own_cache.iterdir():
        entry.unlink()

    again = KnownFeatures("net", tmp_path)

    np.testing.assert_array_equal(again.get("y"), FEATURES[1])
    assert again.goes_on
    assert KnownFeatures("net").get("y") is None


def test_what_is_known_is_not_kept_a_second_time(own_cache: Path) -> None:
    KnownFeatures("net").add(["x", "y"], FEATURES)
    (entry,) = own_cache.iterdir()
    before = entry.read_bytes()

    KnownFeatures("net").add(["y", "x"], FEATURES[::-1])

    assert entry.read_bytes() == before


def test_a_run_keeps_nothing_of_the_pictures_of_others(tmp_path: Path, own_cache: Path) -> None:
    KnownFeatures("net").add(["z"], FEATURES[:1])
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES)

    known.keep_in(tmp_path, ["x", "y"], FEATURES)

    for entry in own_cache.iterdir():
        entry.unlink()
    assert KnownFeatures("net", tmp_path).digests == {"x", "y"}


def test_another_graph_does_not_take_what_a_run_has_kept(tmp_path: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES)
    known.keep_in(tmp_path, ["x", "y"], FEATURES)

    other = KnownFeatures("other", tmp_path)

    assert was_kept_in(tmp_path)
    assert not other.goes_on
    assert other.get("x") is None


def test_a_damaged_file_is_as_good_as_none(tmp_path: Path, own_cache: Path) -> None:
    known = KnownFeatures("net")
    known.add(["x", "y"], FEATURES)
    known.keep_in(tmp_path, ["x", "y"], FEATURES)
    for path in (*tmp_path.glob("features-*"), *own_cache.iterdir()):
        path.write_bytes(path.read_bytes()[:-1])

    again = KnownFeatures("net", tmp_path)

    assert again.get("x") is None
    assert not again.goes_on


def test_a_home_that_cannot_be_written_costs_nothing_but_time(
    tmp_path: Path, no_cache: Path
) -> None:
    known = KnownFeatures("net")

    known.add(["x", "y"], FEATURES)

    np.testing.assert_array_equal(known.get("x"), FEATURES[0])
    assert not no_cache.exists()
    assert known.keep_in(tmp_path, ["x", "y"], FEATURES)
    assert KnownFeatures("net", tmp_path).goes_on
