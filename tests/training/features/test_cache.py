"""What an earlier run found is used again, and only where nothing has changed."""

import os
from pathlib import Path

import pytest

from tests.training.conftest import Run, draw
from training.features import cache
from training.features.cache import (
    digest_of,
    read_entry,
    remember,
    remembered,
    write_entry,
)

pytestmark = pytest.mark.usefixtures("own_cache")


def refuse() -> bytes:
    raise AssertionError("it is known, and was made again")


def test_what_was_made_once_is_not_made_again() -> None:
    assert remembered("graph", "a", lambda: b"first") == b"first"
    assert remembered("graph", "a", refuse) == b"first"
    assert remembered("graph", "b", lambda: b"second") == b"second"


def test_parts_of_a_key_do_not_run_into_each_other() -> None:
    assert digest_of("ab", "c") != digest_of("a", "bc") != digest_of("abc")


def test_a_damaged_entry_is_made_again(own_cache: Path) -> None:
    remembered("graph", "a", lambda: b"something")
    (path,) = own_cache.iterdir()
    path.write_bytes(path.read_bytes()[:-1] + b"!")

    assert remembered("graph", "a", lambda: b"anew") == b"anew"
    assert remembered("graph", "a", refuse) == b"anew"


def test_a_cache_that_cannot_be_written_is_no_error(no_cache: Path) -> None:
    assert remembered("graph", "a", lambda: b"made") == b"made"
    remember("graph", "a", lambda file: file.write(b"made"))

    assert read_entry(no_cache, "graph", "a", lambda file: file.read()) is None


def test_an_entry_that_is_too_large_is_not_written(tmp_path: Path) -> None:
    written = [
        write_entry(tmp_path, "graph", "a", lambda file: file.write(bytes(100)), most)
        for most in (100, 132)
    ]

    assert written == [False, True]
    assert [path.name for path in tmp_path.glob("*graph*")] == ["graph-a"]
    assert read_entry(tmp_path, "graph", "a", lambda file: file.read()) == bytes(100)


def test_what_was_not_used_for_longest_goes_first(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 400)
    a, b, c, d = (digest_of(letter) for letter in "abcd")
    for number, key in enumerate((a, b, c)):
        remembered("graph", key, lambda: bytes(60))
        os.utime(own_cache / f"graph-{key}", (number, number))
    remembered("graph", a, refuse)

    remembered("graph", d, lambda: bytes(100))

    assert {path.name for path in own_cache.iterdir()} == {f"graph-{key}" for key in (a, c, d)}
    assert sum(path.stat().st_size for path in own_cache.iterdir()) <= 400


def test_what_we_did_not_write_is_never_deleted(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Somebody may have named a folder that holds other things."""
    monkeypatch.setattr(cache, "LIMIT", 400)
    own_cache.mkdir(parents=True, exist_ok=True)
    for name in ("thesis.doc", "backbone-resnet18.onnx", ".hidden"):
        (own_cache / name).write_bytes(bytes(500))
        os.utime(own_cache / name, (0, 0))
    (own_cache / "pictures").mkdir()

    remembered("graph", digest_of("a"), lambda: bytes(100))

    assert {"thesis.doc", "backbone-resnet18.onnx", ".hidden", "pictures"} <= {
        path.name for path in own_cache.iterdir()
    }


def test_what_a_killed_run_left_half_written_goes_when_there_is_no_room(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 400)
    own_cache.mkdir(parents=True)
    left = own_cache / f".graph-{digest_of('a')}-{16 * '0'}.partial"
    left.write_bytes(bytes(390))
    os.utime(left, (0, 0))

    remembered("graph", digest_of("b"), lambda: bytes(100))

    assert [path.name for path in own_cache.iterdir()] == [f"graph-{digest_of('b')}"]


def test_what_would_take_half_of_the_cache_is_not_kept(
    own_cache: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cache, "LIMIT", 400)

    assert remembered("graph", digest_of("a"), lambda: bytes(300)) == bytes(300)

    assert list(own_cache.iterdir()) == []


def test_another_seed_reads_and_exports_nothing_again_and_another_framing_reads(
    train: Run,
    class_folder: Path,
    learned_weights: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level("INFO")
    asked = {"weights": str(learned_weights), "precision": "int8", "framing": "squash"}
    first = train(class_folder, **asked)
    monkeypatch.setattr("torch.onnx.export", refuse)

    second = train(class_folder, **asked, seed=1)
    assert "24 pictures were known from an earlier run" in caplog.text
    assert second["data_digest"] == first["data_digest"]

    caplog.clear()
    draw("dog", 77).save(class_folder / "dog" / "dog_00.png")
    train(class_folder, **{**asked, "framing": "crop"})
    assert "were known" not in caplog.text
