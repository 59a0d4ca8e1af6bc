"""Two folders never share a name in the store by accident."""

import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import bentoml
import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore

from models import store
from models.bundle import Bundle
from models.errors import OutputError
from tests.conftest import resealed
from tests.training.conftest import ROOT
from training.filing import (
    Filing,
    check_writable,
    say_what_is_better,
    say_where,
    warn_of_other_classes,
)


@pytest.fixture(autouse=True)
def home(tmp_path: Path) -> Iterator[Path]:
    """An empty model store of this test's own."""
    place = tmp_path / "store"
    place.mkdir()
    BentoMLContainer.model_store.set(ModelStore(place))
    yield place
    BentoMLContainer.model_store.reset()


def put(folder: Path, asked: str | None = None) -> str:
    return Filing(folder, asked).put(b"a bundle").name


def test_the_first_folder_of_a_name_keeps_it_and_others_get_a_number(tmp_path: Path) -> None:
    folders = [tmp_path / project / "data" for project in ("a", "b", "c")]

    assert [put(folder) for folder in folders] == ["data", "data-2", "data-3"]
    assert [put(folder) for folder in folders] == ["data", "data-2", "data-3"]


def test_a_folder_is_known_by_whatever_way_leads_to_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "data"
    folder.mkdir()
    (tmp_path / "data link").symlink_to(folder)
    monkeypatch.chdir(tmp_path)

    ways = (folder, Path("data"), Path("data/../data"), tmp_path / "data link")

    assert {put(way) for way in ways} == {"data"}


def test_names_that_the_store_writes_alike_are_told_apart(tmp_path: Path) -> None:
    names = ("Cats", "cats", "cats!", "data", "data-2", "кошки", "болты", "名前", "前名")

    found = [put(tmp_path / name) for name in names]

    assert found[:7] == ["cats", "cats-2", "cats-3", "data", "data-2", "koshki", "bolty"]
    assert len(set(found)) == len(names)


def test_who_asks_for_a_name_gets_it(tmp_path: Path) -> None:
    first, other = tmp_path / "a" / "data", tmp_path / "b" / "data"
    put(first)

    assert put(other, "data") == "data"
    assert put(other, "Tools") == "tools"
    assert put(first) == "data"


def test_a_version_that_nobody_knows_keeps_its_name(tmp_path: Path) -> None:
    """It may be another's: of an older program, or brought from another store."""
    store.put(b"a bundle", "data")

    assert put(tmp_path / "data") == "data-2"


def test_a_name_that_was_deleted_is_free_and_who_has_one_keeps_it(tmp_path: Path) -> None:
    first, second, third = (tmp_path / project / "data" for project in ("a", "b", "c"))
    tag = Filing(first).put(b"a bundle").tag
    put(second)
    bentoml.models.delete(tag)

    assert put(second) == "data-2"
    assert put(third) == "data"
    assert put(first) == "data-3"


@pytest.mark.parametrize("damage", ["", "zz", "00 11 22", "é"])
def test_an_origin_that_is_damaged_is_nobody_s(home: Path, tmp_path: Path, damage: str) -> None:
    put(tmp_path / "data")
    (origin,) = home.glob(f"*/*/{store.ORIGIN_FILE}")
    origin.write_bytes(damage.encode())

    assert put(tmp_path / "data") == "data-2"


def test_no_path_stands_in_the_store_and_no_two_digests_are_alike(
    home: Path, tmp_path: Path
) -> None:
    for _ in range(2):
        put(tmp_path / "a secret project" / "data")

    written = [path.read_bytes() for path in home.rglob("*") if path.is_file()]
    assert not any(b"secret" in content for content in written)
    assert len({path.read_text() for path in home.rglob(store.ORIGIN_FILE)}) == 2


def test_a_long_name_and_its_number_fit(tmp_path: Path) -> None:
    folders = [tmp_path / project / ("x" * 100) for project in ("a", "b")]

    assert [put(folder) for folder in folders] == ["x" * 63, "x" * 61 + "-2"]
    assert put(folders[1]) == "x" * 61 + "-2"


def test_processes_that_end_at_once_do_not_share_a_name(home: Path, tmp_path: Path) -> None:
    code = (
        "import sys\nfrom pathlib import Path\n"
        "from bentoml._internal.configuration.containers import BentoMLContainer\n"
        "from bentoml._internal.models import ModelStore\n"
        "from training.filing import Filing\n"
        "BentoMLContainer.model_store.set(ModelStore(sys.argv[1]))\n"
        "sys.stdin.readline()\n"
        "print(Filing(Path(sys.argv[2])).put(b'a bundle').name)"
    )
    folders = [tmp_path / str(project) / "data" for project in (1, 2, 3, 1)]
    running = [
        subprocess.Popen(
            [sys.executable, "-c", code, home, folder], cwd=ROOT, text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE,
        )
        for folder in folders
    ]  # fmt: skip
    for process in running:
        assert process.stdin
        process.stdin.write("\n")
        process.stdin.flush()

    found = [process.communicate()[0].strip() for process in running]

    assert sorted(set(found)) == ["data", "data-2", "data-3"]
    assert found[0] == found[3]


def test_a_store_that_cannot_be_written_is_known_before_anything_is_done(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    BentoMLContainer.model_store.set(ModelStore(tmp_path / "file" / "models"))

    with pytest.raises(OutputError, match=r"cannot be written: .*BENTOML_HOME"):
        check_writable()


def stored(bundle: Bundle, name: str, accuracy: float, **changes: object) -> store.StoredBundle:
    summary = bundle.metadata.training.model_copy(
        update={"accuracy": accuracy, "accuracy_interval": (accuracy - 0.1, accuracy + 0.1)}
    )
    return store.put(resealed(bundle, training=summary, **changes).data, name)


def test_the_best_version_for_the_same_pictures_is_named(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stored(bundle, "other", 0.99, data_digest="1" * 64)
    store.put(b"no bundle", "broken")
    best = stored(bundle, "renamed", 0.8)
    mine = stored(bundle, "pets", 0.75)

    say_what_is_better(mine)
    say_what_is_better(best)

    (line,) = caplog.messages
    assert f"a better version for the same pictures: {best.tag}, 80.0 % right" in line
    assert "may be chance" in line


@pytest.mark.parametrize(("classes", "lines"), [("abc", 0), ("cab", 0), ("abd", 1), ("ab", 1)])
def test_a_version_with_other_classes_is_not_joined_without_a_warning(
    bundle: Bundle, classes: str, lines: int, caplog: pytest.LogCaptureFixture
) -> None:
    old = store.put(resealed(bundle, classes=("a", "b", "c")).data, "pets")

    warn_of_other_classes("pets", classes)
    warn_of_other_classes("tools", classes)

    said = [f"already has {old.tag} with other classes (a, b, c)" in m for m in caplog.messages]
    assert said == [True] * lines


@pytest.mark.parametrize("ending", [".zip", ".tar.gz"])
def test_an_archive_is_called_without_its_ending(tmp_path: Path, ending: str) -> None:
    archive = tmp_path / f"pets{ending}"
    archive.touch()

    assert Filing(archive).plain_name == "pets"


def test_another_name_than_the_folder_s_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    put(tmp_path / "a" / "data")

    say_where(Filing(tmp_path / "a" / "data"), ("x", "y"))
    say_where(Filing(tmp_path / "b" / "data"), ("x", "y"))

    (line,) = caplog.messages
    assert "this is data-2: data is another folder's" in line
