import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataFolderError
from tests.training.conftest import fill
from training.data.folder import scan_folder
from training.data.names import printable


def test_folders_become_classes_in_alphabetical_order(class_folder: Path) -> None:
    found = scan_folder(class_folder)

    assert found.classes == ("cat", "dog")
    assert found.layout == "a folder per class"
    assert Counter(e.class_index for e in found.examples) == {0: 12, 1: 12}
    assert {e.part for e in found.examples} == {None}
    assert not found.holds_out


@pytest.mark.parametrize(
    ("held_out", "part"),
    [
        ("val", "validation"),
        ("valid", "validation"),
        ("Validation", "validation"),
        ("test", "test"),
    ],
)
def test_train_and_held_out_folders_are_parts(tmp_path: Path, held_out: str, part: str) -> None:
    for label in ("cat", "dog"):
        fill(tmp_path / "train" / label, label, range(6))
        fill(tmp_path / held_out / label, label, range(6, 8))

    found = scan_folder(tmp_path)

    assert found.classes == ("cat", "dog")
    assert Counter(e.part for e in found.examples) == {"train": 12, part: 4}
    assert found.holds_out


def test_the_courses_layout_takes_the_class_from_the_file_name(course_folder: Path) -> None:
    found = scan_folder(course_folder)

    assert found.classes == ("cat", "dog")
    assert "in the file name" in found.layout
    assert Counter(e.part for e in found.examples) == {"train": 16, "test": 8}


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    for label, drawn in (("train", "cat"), ("car", "dog")):
        fill(tmp_path / label, drawn, range(6))

    assert scan_folder(tmp_path).classes == ("car", "train")


def test_what_begins_with_a_dot_is_nobodys_class(class_folder: Path) -> None:
    fill(class_folder / ".ipynb_checkpoints", "cat", range(6))
    fill(class_folder / "cat" / ".cache", "dog", range(6))
    (class_folder / "cat" / ".DS_Store").write_bytes(b"x")

    found = scan_folder(class_folder)

    assert found.classes == ("cat", "dog")
    assert len(found.examples) == 24


def test_pictures_in_folders_below_a_class_belong_to_it(class_folder: Path) -> None:
    fill(class_folder / "cat" / "2024" / "may", "cat", range(20, 23))

    assert Counter(e.class_index for e in scan_folder(class_folder).examples)[0] == 15


def test_links_are_followed_once_and_loops_end(class_folder: Path) -> None:
    (class_folder / "cat" / "loop").symlink_to(class_folder / "cat", target_is_directory=True)

    assert len(scan_folder(class_folder).examples) == 24


def test_files_beside_the_classes_are_named_as_stray(class_folder: Path) -> None:
    (class_folder / "boxes.csv").write_text("path,left\n")

    assert [u.files for u in scan_folder(class_folder).unused] == [("boxes.csv",)]


def test_a_name_with_a_newline_or_bytes_that_are_no_text_is_printable(class_folder: Path) -> None:
    source = class_folder / "cat" / "cat_00.png"
    shutil.copy(source, class_folder / "cat" / "new\nline.png")
    shutil.copy(source, os.fsdecode(os.fsencode(class_folder / "cat") + b"/caf\xe9.png"))

    names = [e.name for e in scan_folder(class_folder).examples]

    assert "cat/new\\nline.png" in names
    assert "cat/caf\\xe9.png" in names


@given(st.binary(min_size=1, max_size=30))
def test_any_file_name_becomes_one_printable_line(raw: bytes) -> None:
    shown = printable(os.fsdecode(raw))

    assert shown.isprintable()
    shown.encode("utf-8")


@pytest.mark.parametrize(
    ("folders", "sentence"),
    [
        ({}, "holds no classes"),
        ({"cat": 6}, "one class only"),
        ({"train/cat": 6, "train/dog": 6, "test/cow": 2}, "never shown in train/: cow"),
    ],
)
def test_a_folder_that_cannot_be_learned_from_is_refused(
    tmp_path: Path, folders: dict[str, int], sentence: str
) -> None:
    for name, count in folders.items():
        fill(tmp_path / name, "cat", range(count))

    with pytest.raises(DataFolderError, match=sentence):
        scan_folder(tmp_path)


def test_a_missing_folder_and_a_file_are_refused_by_name(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(DataFolderError, match="nowhere does not exist"):
        scan_folder(tmp_path / "nowhere")
    with pytest.raises(DataFolderError, match="file is not a folder"):
        scan_folder(tmp_path / "file")


def test_an_empty_class_and_a_link_upwards_bring_no_pictures(tmp_path: Path) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg"):
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).touch()
    (tmp_path / "bird").mkdir()
    (tmp_path / "cat/loop").symlink_to("..")

    found = scan_folder(tmp_path)

    assert [example.name for example in found.examples] == ["cat/1.jpg", "dog/1.jpg"]
    assert [u.shown for u in found.unused] == [("bird/",)]


def test_a_folder_in_a_folder_is_pointed_out(tmp_path: Path) -> None:
    for name in ("wrap/pets/cat/1.jpg", "wrap/pets/dog/1.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).touch()

    with pytest.raises(DataFolderError, match=r"Is --data \S+wrap/pets meant\?"):
        scan_folder(tmp_path / "wrap")


def test_a_folder_that_cannot_be_read_is_no_class_less(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("cat/1.jpg", "dog/1.jpg"):
        (tmp_path / name).parent.mkdir()
        (tmp_path / name).touch()
    listed = os.scandir

    def refusing(path: Path) -> object:
        if Path(path).name == "dog":
            raise PermissionError(13, "Permission denied", str(path))
        return listed(path)

    # As root may read everything, the system's own refusal cannot be had in every test.
    monkeypatch.setattr(os, "scandir", refusing)

    with pytest.raises(DataFolderError, match=r"dog cannot be read: Permission denied"):
        scan_folder(tmp_path)
