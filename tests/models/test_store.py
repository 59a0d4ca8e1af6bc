import os
import shutil
from collections.abc import Iterator
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore

from models import store
from models.errors import OutputError, StoreError


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty model store of this test's own."""
    BentoMLContainer.model_store.set(ModelStore(tmp_path))
    yield tmp_path
    BentoMLContainer.model_store.reset()


def put_at(second: int, data: bytes, name: str) -> store.StoredBundle:
    """Puts a bundle as if at another time: files written in one tick of the clock tie."""
    stored = store.put(data, name)
    os.utime(stored.path, (second, second))
    return stored


def test_what_was_put_is_got_back_by_name_and_by_tag(home: Path) -> None:
    stored = store.put(b"a bundle", "screws_nuts")

    assert stored.tag.startswith("screws_nuts:")
    assert stored.path.is_relative_to(home)
    assert stored.path.read_bytes() == b"a bundle"
    assert store.get(stored.tag) == stored
    assert store.get("screws_nuts") == stored
    assert store.newest() == stored


@pytest.mark.usefixtures("home")
def test_the_name_of_a_folder_becomes_a_name_of_the_store() -> None:
    assert store.put(b"a bundle", "Schrauben & Müttern!").tag.startswith("schrauben_muttern:")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("screws_nuts", "screws_nuts"),
        ("Cats and Dogs", "cats_and_dogs"),
        ("Übung 1", "ubung_1"),
        ("  .hidden.  ", "hidden"),
        ("a/b\\c:d", "a_b_c_d"),
        ("../../etc", "etc"),
        ("名前", "model-7ec262"),
        ("кошки и Собаки", "koshki_i_sobaki"),
        ("γάτες", "gates"),
        ("Straße", "strasse"),
        ("", "model"),
        ("---", "model"),
        ("x" * 62 + "_y", "x" * 62),
        ("new\nline", "new_line"),
    ],
)
def test_any_name_has_a_nearest_one_that_the_store_accepts(name: str, expected: str) -> None:
    assert store.store_name(name) == expected


@pytest.mark.usefixtures("home")
def test_a_name_s_newest_version_is_the_last_one_put() -> None:
    first = store.put(b"first", "things")

    second = store.put(b"second", "things")

    assert store.get("things") == second
    assert store.get(first.tag) == first
    assert first.tag != second.tag


@pytest.mark.usefixtures("home")
def test_the_newest_is_the_last_one_put_under_whatever_name() -> None:
    for second, name in enumerate(("zebras", "ants", "mice", "ants", "zebras", "mice")):
        stored = put_at(second, name.encode(), name)

        assert store.newest() == stored


@pytest.mark.usefixtures("home")
def test_an_empty_store_says_what_to_do() -> None:
    with pytest.raises(StoreError, match="holds no bundle yet: run train-transfer --data DIR"):
        store.newest()


def test_a_store_that_is_not_there_is_an_empty_one(home: Path) -> None:
    shutil.rmtree(home)

    with pytest.raises(StoreError, match="holds no bundle yet"):
        store.newest()


@pytest.mark.parametrize(
    "tag", ["absent", "absent:1", "things:absent", "", ":", "Not A Tag", "../x"]
)
@pytest.mark.usefixtures("home")
def test_what_the_store_does_not_hold_is_refused_by_name(tag: str) -> None:
    store.put(b"a bundle", "things")

    with pytest.raises(StoreError, match=f"the model store has no {tag}"):
        store.get(tag)


@pytest.mark.usefixtures("home")
def test_a_model_of_another_program_is_refused_by_name() -> None:
    with bentoml.models.create("theirs") as model:
        Path(model.path_of("weights.bin")).write_bytes(b"theirs")

    with pytest.raises(StoreError, match="theirs in the model store is no bundle"):
        store.get("theirs")


def half_made(folder: Path) -> None:
    """Interrupted before its `latest` was written."""
    (folder / "version").mkdir(parents=True)
    (folder / "version" / store.BUNDLE_FILE).write_bytes(b"half")


def leading_nowhere(folder: Path) -> None:
    folder.mkdir()
    (folder / "latest").write_text("gone")


def with_an_empty_pointer(folder: Path) -> None:
    folder.mkdir()
    (folder / "latest").write_text("")


def without_its_file(folder: Path) -> None:
    with bentoml.models.create(folder.name) as model:
        Path(model.path_of("weights.bin")).write_bytes(b"theirs")


def no_folder_at_all(folder: Path) -> None:
    folder.write_bytes(b"a file")


@pytest.mark.parametrize(
    "spoil",
    [half_made, leading_nowhere, with_an_empty_pointer, without_its_file, no_folder_at_all],
)
def test_what_is_half_written_is_passed_over(home: Path, spoil: object) -> None:
    assert callable(spoil)
    stored = put_at(1, b"whole", "whole")

    spoil(home / "broken")

    assert store.newest() == stored


def test_a_store_that_cannot_be_written_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(b"")
    BentoMLContainer.model_store.set(ModelStore(tmp_path))
    shutil.rmtree(tmp_path)
    tmp_path.write_bytes(b"a file where the store was")

    try:
        with pytest.raises(OutputError, match=r"the model store cannot be written: .*BENTOML_HOME"):
            store.put(b"a bundle", "things")
    finally:
        BentoMLContainer.model_store.reset()
        tmp_path.unlink()


def test_the_tests_have_a_store_of_their_own() -> None:
    root = Path(BentoMLContainer.model_store.get()._path)

    assert root.is_relative_to(os.environ["BENTOML_HOME"])
    assert os.environ["BENTOML_DO_NOT_TRACK"] == "true"
