"""Several folders and archives, learned from together."""

import shutil
import zipfile
from collections import Counter
from pathlib import Path

import pytest

from models.errors import DataFolderError
from tests.training.data.trees import plant
from training.data.folder import scan_folder, scan_folders


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    return plant(tmp_path / "pets", "cat/*.jpg 6; dog/*.jpg 6")


def test_folders_of_several_sources_are_one_class_where_they_are_called_alike(
    pets: Path, tmp_path: Path
) -> None:
    more = plant(tmp_path / "more", "dog/*.jpg 3; emu/*.jpg 5")

    found = scan_folders((pets, more))

    assert found.classes == ("cat", "dog", "emu")
    assert Counter(example.class_index for example in found.examples) == {0: 6, 1: 9, 2: 5}
    assert found.place == f"{pets}, {more}"


def test_names_are_unique_and_those_of_the_first_are_as_where_it_is_alone(
    pets: Path, tmp_path: Path
) -> None:
    same = plant(tmp_path / "other" / "pets", "cat/*.jpg 6")
    like_a_class = plant(tmp_path / "cat", "dog/*.jpg 1; emu/*.jpg 1")

    names = [example.name for example in scan_folders((pets, same, like_a_class)).examples]

    assert len(names) == len(set(names)) == 20
    assert {example.name for example in scan_folder(pets).examples} < set(names)
    assert "pets/cat/0000.jpg" in names
    assert "cat-2/emu/0000.jpg" in names


def test_each_file_is_read_from_its_own_source(pets: Path, tmp_path: Path) -> None:
    more = plant(tmp_path / "more", "dog/0000.jpg <- more")
    packed = Path(shutil.make_archive(str(pets / "packed"), "zip", more))

    found = scan_folders((pets, packed, more))

    read = {example.name: found.read(example.path) for example in found.examples}
    assert read["dog/0000.jpg"] == b"dog/*.jpg 0"
    assert read["packed.zip/dog/0000.jpg"] == read["more/dog/0000.jpg"] == b"more"


def test_what_has_no_parts_beside_what_has_is_learned_from(pets: Path, tmp_path: Path) -> None:
    parted = plant(tmp_path / "parted", "train/cat/*.jpg 6; train/dog/*.jpg 6; test/cat/*.jpg 2")

    found = scan_folders((pets, parted))

    assert Counter(example.part for example in found.examples) == {"train": 24, "test": 2}
    assert f"{pets}: a folder per class, all to learn from" in found.layout


def test_what_counts_twice_is_refused(pets: Path, tmp_path: Path) -> None:
    packed = Path(shutil.make_archive(str(tmp_path / "packed"), "zip", pets))

    with pytest.raises(DataFolderError, match=r"pets is given twice"):
        scan_folders((pets, pets / ".." / "pets"))
    with pytest.raises(DataFolderError, match=r"pets/cat lies in .*pets, which is given too"):
        scan_folders((pets, pets / "cat"))
    with pytest.raises(DataFolderError, match=r"packed\.zip/cat lies in .*packed\.zip"):
        scan_folders((packed / "cat", packed))


def test_one_that_holds_no_classes_is_named(pets: Path, tmp_path: Path) -> None:
    flat = plant(tmp_path / "flat", "*.jpg 3")

    with pytest.raises(DataFolderError, match=r"flat holds no classes"):
        scan_folders((pets, flat))
    with pytest.raises(DataFolderError, match=r"more: together they hold one class only \(cat\)"):
        scan_folders((plant(tmp_path / "a", "cat/*.jpg"), plant(tmp_path / "more", "cat/*.jpg")))


def test_runs_in_each_source_are_nobodys(pets: Path, tmp_path: Path) -> None:
    more = plant(tmp_path / "more", "dog/*.jpg 3; runs/old/*.png 3")

    assert scan_folders((pets, more), [more / "runs"]).classes == ("cat", "dog")


def corrections(path: Path, rows: dict[str, str]) -> Path:
    """An archive as the service's page saves it."""
    with zipfile.ZipFile(path, "w") as archive:
        for name in rows:
            archive.writestr(name, name)
        table = "".join(f'{name},"{label}"\r\n' for name, label in rows.items())
        archive.writestr("corrections.csv", f"\ufefffile,label\r\n{table}")
    return path


def test_corrections_from_the_page_are_of_the_classes_that_were_chosen(
    pets: Path, tmp_path: Path
) -> None:
    rows = {"cat/1.jpg": "cat", "a_b/1.jpg": "a/b", "train/1.jpg": "train", "test/1.jpg": "test"}

    found = scan_folders((pets, corrections(tmp_path / "corrections.zip", rows)))

    assert found.classes == ("a/b", "cat", "dog", "test", "train")
    assert {example.part for example in found.examples} == {None}
    assert len(found.examples) == 16


def test_a_label_of_an_earlier_run_fits_what_has_grown(pets: Path, tmp_path: Path) -> None:
    table = tmp_path / "labels.csv"
    table.write_text("file,label\ncat/0000.jpg,dog\nmore.zip/cat/1.jpg,dog\n")
    packed = corrections(tmp_path / "more.zip", {"cat/1.jpg": "cat", "cat/2.jpg": "cat"})

    found = scan_folders((pets, packed), tables=(table,))

    assert Counter(example.class_index for example in found.examples) == {0: 6, 1: 8}
