import os
import shutil
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataFolderError
from models.file_names import printable
from tests.training.conftest import fill
from tests.training.data.trees import plant
from training.data.folder import scan_folder
from training.data.parts import check_counts


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


def test_a_link_to_itself_is_a_file_that_cannot_be_read_and_no_end_of_the_folder(
    class_folder: Path,
) -> None:
    (class_folder / "cat" / "itself").symlink_to("itself")

    assert "cat/itself" in [example.name for example in scan_folder(class_folder).examples]


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


@pytest.mark.parametrize(
    ("one", "other"),
    [("Cat", "cat"), ("dog ", "dog"), ("cat", "cat - Copy"), ("cat", "cat (1)"), ("é", "e\u0301")],
)
def test_names_that_are_nearly_the_same_are_remarked_on(
    tmp_path: Path, one: str, other: str
) -> None:
    plant(tmp_path, f"{one}/*.jpg 2\n{other}/*.jpg 2\nemu/*.jpg 2")

    (remark,) = scan_folder(tmp_path).remarks

    assert remark.endswith("are they one class?")


@pytest.mark.parametrize(
    ("tree", "remark"),
    [
        ("cat/*.jpg 9; dog/*.jpg 9; test/*.jpg 9", "test/ counts as a class"),
        ("cat/*.jpg 9; dog/*.jpg 9; unlabeled/*.jpg 9", "unlabeled/ counts as a class"),
        ("set1/*.jpg 9; set2/*.jpg 9", "pieces of one data set"),
        ("pets/cat/*.jpg 9; pets/dog/*.jpg 9; cars/van/*.jpg 9", "give --data"),
        ("anna/cat/*.jpg 9; anna/dog/*.jpg 9; bert/cat/*.jpg 9; bert/dog/*.jpg 9", "turn it"),
        ("a/cat/*.jpg 40; a/dog/*.jpg 40; a/emu/*.jpg 4; b/cat/*.jpg 9; b/dog/*.jpg 9", "turn it"),
        ("a/cat/*.jpg 40; a/dog/*.jpg 40; a/all.jpg; b/cat/*.jpg 2; b/dog/*.jpg 2", "turn it"),
        ("a/cat/*.jpg 2; a/dog/*.jpg 2; b/cat/*.jpg 2; b/dog/*.jpg 2; c/*.jpg 9", "turn it"),
        ("a/0/*.jpg 9; a/1/*.jpg 9; b/0/*.jpg 9; b/1/*.jpg 9; c/*.jpg 9", "turn it"),
        ("cat/0/*.jpg 9; cat/1/*.jpg 9; dog/0/*.jpg 9; dog/1/*.jpg 9", "turn it"),
        ("pets/cat/*.jpg 9; pets/dog/*.jpg 9; pets/all.jpg; cars/van/*.jpg 9", "give --data"),
        ("pets/1/*.jpg 9; pets/2/*.jpg 9; cars/van/*.jpg 9", "give --data"),
        ("train/a/cat/*.jpg 9; train/a/dog/*.jpg 9; train/b/*.jpg 9; val/b/1.jpg", "in each part"),
        ("train/set1/*.jpg 9; train/set2/*.jpg 9; test/set1/1.jpg", "pieces of one data set"),
    ],
)
def test_what_is_not_certain_is_remarked_on(tmp_path: Path, tree: str, remark: str) -> None:
    assert any(remark in said for said in scan_folder(plant(tmp_path, tree)).remarks)


@pytest.mark.parametrize(
    "tree",
    [
        "cat/*.jpg 9; dog/*.jpg 9; train/*.jpg 9",
        "cat/2023-01/*.jpg 9; cat/May/*.jpg 9; dog/2024/*.jpg 9",
        "cat/anna/*.jpg 9; dog/anna/*.jpg 9; dog/bert/*.jpg 9",
        "bus/100CANON/*.jpg 9; train/100CANON/*.jpg 9; train/2024/*.jpg 9",
        "1/front/*.jpg 9; 2/front/*.jpg 9",
        "class 1/*.jpg 9; class 2/*.jpg 9",
        "valid/*.jpg 9; invalid/*.jpg 9",
        "train station/*.jpg 9; test tube/*.jpg 9",
    ],
)
def test_folders_that_are_classes_are_taken_for_them(tmp_path: Path, tree: str) -> None:
    expected = {entry.strip().partition("/")[0] for entry in tree.split(";")}

    found = scan_folder(plant(tmp_path, tree))

    assert set(found.classes) == expected
    assert not [r for r in found.remarks if "counts as a class" not in r]


def test_folders_of_systems_are_not_looked_into_and_named(tmp_path: Path) -> None:
    plant(tmp_path, "cat/*.jpg 3; cat/@eaDir/*.jpg 3; dog/*.jpg 3; $RECYCLE.BIN/*.jpg 3")

    found = scan_folder(tmp_path)

    assert len(found.examples) == 6
    assert [u.shown for u in found.unused] == [("$RECYCLE.BIN/", "cat/@eaDir/")]


def test_the_folder_that_runs_are_written_to_is_no_class(tmp_path: Path) -> None:
    plant(tmp_path, "cat/*.jpg 3; dog/*.jpg 3; runs/*.jpg 3")

    assert scan_folder(tmp_path, [tmp_path / "cat" / ".." / "runs"]).classes == ("cat", "dog")
    assert len(scan_folder(tmp_path, [tmp_path]).classes) == 3


def test_a_class_whose_pictures_have_no_suffix_is_one(class_folder: Path) -> None:
    for path in class_folder.rglob("*.png"):
        path.rename(path.with_suffix(""))
    plant(class_folder, "notes/*.md 3")

    found = scan_folder(class_folder)

    assert found.classes == ("cat", "dog")
    assert [u.shown for u in found.unused] == [("notes/",)]


@pytest.mark.parametrize(
    ("tree", "table"),
    [
        ("train/*.jpg 9", "labels.csv"),
        ("*.jpg 9", "labels.tsv"),
        ("*.jpg 9", "labels.tab"),
        ("images/*.jpg 9", "meta.jsonl"),
        ("images/*.jpg 9; docs/*.png 3", "labels.txt"),
        ("train/a*.rf.jpg 9; valid/b*.rf.jpg 9", "train/_classes.csv"),
    ],
)
def test_a_table_of_labels_is_named(tmp_path: Path, tree: str, table: str) -> None:
    plant(tmp_path, tree)
    names = sorted(path.name for path in tmp_path.rglob("*.jpg"))
    rows = {"jsonl": '{{"file_name": "{}", "label": 1}}', "txt": "images/{} 1"}
    row = rows.get(table.rpartition(".")[2], "{},1")
    (tmp_path / table).write_text("\n".join(row.format(name) for name in names))

    with pytest.raises(DataFolderError, match=rf"{table} looks like a table of labels"):
        scan_folder(tmp_path)


def test_a_thousand_classes_are_not_all_named(tmp_path: Path) -> None:
    plant(tmp_path, "*/1.jpg 1000")

    with pytest.raises(DataFolderError, match=r"0009 \(1\), … \(1,000 in all\)") as refusal:
        check_counts(found := scan_folder(tmp_path), found.examples)

    assert len(str(refusal.value)) < 500
