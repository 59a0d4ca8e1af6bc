"""Tables of labels: what they say of which file counts for more than its folder."""

import zipfile
from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.cells import as_cell, text_of
from models.errors import DataFolderError, UsageError
from tests.training.data.trees import plant
from training.data.example import ImageFolder
from training.data.folder import scan_folder, scan_folders
from training.data.labels import read_labels


def labelled(root: Path, table: str, name: str = "labels.csv") -> ImageFolder:
    """A folder with a table beside it."""
    path = root.parent / name
    path.write_text(table, encoding="utf-8-sig", newline="")
    return scan_folders((root,), tables=(path,))


def counts_of(found: ImageFolder) -> dict[str, int]:
    return dict(Counter(found.classes[example.class_index] for example in found.examples))


def unused_of(found: ImageFolder) -> dict[str, tuple[str, ...]]:
    return {unused.reason: unused.files for unused in found.unused}


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return plant(tmp_path / "pets", "cat/c*.jpg 6; dog/d*.jpg 6")


def test_a_changed_label_is_taken_and_an_empty_one_leaves_the_picture_out(pets: Path) -> None:
    found = labelled(pets, "file,label\ncat/c0000.jpg,dog\ncat/c0001.jpg,\ndog/d0000.jpg,dog\n")

    assert counts_of(found) == {"cat": 4, "dog": 7}
    assert unused_of(found)["left out by an empty label"] == ("cat/c0001.jpg",)
    assert "1 are of another class, 1 left out" in found.layout
    assert found.remarks == ()


def test_the_users_files_stay_as_they_are(pets: Path) -> None:
    before = sorted(pets.rglob("*"))

    labelled(pets, "file,label\ncat/c0000.jpg,dog\ncat/c0001.jpg,\n")

    assert sorted(pets.rglob("*")) == before


def test_a_new_label_is_a_new_class_and_is_told(pets: Path) -> None:
    found = labelled(pets, "file,label\ncat/c0000.jpg, emu \ncat/c0001.jpg,emu\n")

    assert counts_of(found) == {"cat": 4, "dog": 6, "emu": 2}
    assert any(remark.endswith("new by the tables of labels: emu") for remark in found.remarks)


def test_rows_about_files_that_are_gone_are_one_sentence_with_a_count(pets: Path) -> None:
    rows = "".join(f"cat/gone{number}.jpg,dog\n" for number in range(20))

    found = labelled(pets, f"file,label\ncat/c0000.jpg,cat\n{rows}")

    (remark,) = found.remarks
    assert "20 rows are about files that are not here (cat/gone0.jpg, " in remark
    assert len(remark) < 300
    assert counts_of(found) == {"cat": 6, "dog": 6}


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("file,label\nother/1.jpg,cat\n", r"none of its 1 rows names a file .*other/1\.jpg"),
        (
            "file,label\ncat/c0000.jpg,cat\ncat/c0000.jpg,dog\n",
            "line 3: .* is dog, and cat in line 2",
        ),
        ("cat/c0000.jpg,dog\ncat/c0001.jpg,dog\n", "a line of headings, file,label"),
        ("file,size,what\ncat/c0000.jpg,3,dog\n", "which one is the label"),
        ("file,why\ncat/c0000.jpg,blurred\n", "which one is the label"),
        ("what,is,it\n1,2,3\n", "none of them is file"),
        ("file,label\n", "there is no row below its headings"),
        ("file,cat,dog\ncat/c0000.jpg,1,1\n", "line 2: cat, dog are set, and 1 rows are such"),
    ],
)
def test_a_table_that_cannot_be_meant_is_refused(pets: Path, table: str, said: str) -> None:
    with pytest.raises(UsageError, match=f"labels.csv.*{said}"):
        labelled(pets, table)


def test_a_table_that_leaves_one_class_is_named_and_no_other_folder_is_proposed(pets: Path) -> None:
    emptied = "".join(f"cat/c000{number}.jpg,\n" for number in range(6))

    with pytest.raises(DataFolderError, match=r"labels of .*labels\.csv .*\(dog\)") as told:
        labelled(pets, f"file,label\n{emptied}")

    assert "meant?" not in str(told.value)


def test_a_table_that_is_not_there_is_a_sentence(pets: Path) -> None:
    with pytest.raises(UsageError, match=r"--labels .*gone\.csv: .* cannot be opened: No such"):
        scan_folders((pets,), tables=(pets / "gone.csv",))


@pytest.mark.parametrize(
    ("tree", "table"),
    [
        ("*.jpg 4", "file;label\n0000.jpg;a\n0001.jpg;b\n0002.jpg;a\n"),
        ("train/*.jpg 4; test/x*.jpg 3", "id,breed\n0000,a\n0001,b\n0002,a\n"),
        ("train/*.jpg 4; notes/0000.txt", "id,breed\n0000,a\n0001,b\n0002,a\n"),
        ("images/*.jpg 4; more/x*.jpg 2", "image_id\tlabel\n0000\ta\n0001\ta\nx0001\tb\n"),
        (
            "*.jpg 4",
            " filename, a, b\n0000.jpg, 1, 0\n0001.jpg, 0, 1\n2.jpg,0,0\n0003.jpg,1, 0\n",
        ),
        ("part_1/p*.jpg 2; part_2/q*.jpg 2", "image,kind\np0000,a\np0001,b\nq0000,a\n"),
    ],
)
def test_a_table_alone_tells_classes(tmp_path: Path, tree: str, table: str) -> None:
    found = labelled(plant(tmp_path / "flat", tree), table)

    assert counts_of(found) == {"a": 2, "b": 1}


def test_what_the_only_teller_of_classes_lacks_is_left_out_and_told(tmp_path: Path) -> None:
    root = plant(tmp_path / "flat", "*.jpg 9; readme.txt")

    found = labelled(root, "file,label\n0000.jpg,a\n0001.jpg,b\n")

    assert len(unused_of(found)["without a label in the table"]) == 8
    assert found.layout == f"pictures with labels from {tmp_path / 'labels.csv'}"


def test_roboflows_tables_keep_its_parts(tmp_path: Path) -> None:
    root = plant(tmp_path / "robo", "train/a*.rf.jpg 4; valid/b*.rf.jpg 2")
    for part, letter, count in (("train", "a", 4), ("valid", "b", 2)):
        rows = (f"{letter}{i:04}.rf.jpg, {1 - i % 2}, {i % 2}" for i in range(count))
        (root / part / "_classes.csv").write_text("\n".join(["filename, bolt, nut", *rows]))

    tables = tuple(root / part / "_classes.csv" for part in ("train", "valid"))
    found = scan_folders((root,), tables=tables)

    assert counts_of(found) == {"bolt": 3, "nut": 3}
    assert Counter(example.part for example in found.examples) == {"train": 4, "validation": 2}


def test_a_table_in_an_archive_is_read_from_there(tmp_path: Path) -> None:
    packed = tmp_path / "flat.zip"
    with zipfile.ZipFile(packed, "w") as archive:
        for name in ("train/1.jpg", "train/2.jpg"):
            archive.writestr(name, name)
        archive.writestr("labels.csv", "id,kind\n1,a\n2,b\n")

    with pytest.raises(DataFolderError, match=r"--labels .*flat\.zip/labels\.csv takes"):
        scan_folder(packed)
    assert counts_of(scan_folders((packed,), tables=(packed / "labels.csv",))) == {"a": 1, "b": 1}


def test_parts_stay_where_a_label_changes(tmp_path: Path) -> None:
    root = plant(tmp_path / "pets", "train/{c}/*.jpg 6; test/{c}/*.jpg 2".replace("{c}", "cat"))
    plant(root, "train/dog/*.jpg 6; test/dog/*.jpg 2")

    found = labelled(root, "file,label\ntest/dog/0000.jpg,cat\ntrain/dog/0000.jpg,\n")

    assert counts_of(found) == {"cat": 9, "dog": 6}
    assert Counter(example.part for example in found.examples) == {"train": 11, "test": 4}


def test_a_picture_in_no_class_joins_by_its_label(pets: Path) -> None:
    plant(pets, "loose.jpg")

    assert counts_of(labelled(pets, "file,label\nloose.jpg,dog\n")) == {"cat": 6, "dog": 7}


@given(label=st.text(st.characters(codec="utf-8"), min_size=1))
def test_what_no_spreadsheet_computes_comes_back(label: str) -> None:
    assert text_of(as_cell(label)) == label
    assert as_cell(label)[0] not in "=+-@\t\r"


def test_accents_and_spaces_make_no_second_class(tmp_path: Path) -> None:
    root = plant(tmp_path / "trees", "Ba\u0308ume/a*.jpg 6; fern /b*.jpg 6")

    found = labelled(root, "file,label\nfern /b0000.jpg,B\u00e4ume\nfern /b0001.jpg,fern\n")

    assert counts_of(found) == {"Ba\u0308ume": 7, "fern ": 5}


def test_a_heading_that_looks_like_a_picture_is_a_row_without_headings() -> None:
    with pytest.raises(UsageError, match="a line of headings"):
        read_labels(b"a.jpg,cat\nb.jpg,dog\n", "labels.csv")
