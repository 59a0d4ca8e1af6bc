"""Pictures in a folder a class: copies or links, and whatever is there stays as it is."""

from dataclasses import replace
from functools import partial
from pathlib import Path

import numpy as np
import pytest

from models.bulk import Row
from models.places import PictureFile
from models.session import Prediction
from service.batch.sorting import Sorter

PREDICTION = Prediction(
    label="a/b",
    probability=1.0,
    probabilities=np.ones(1, np.float32),
    heatmap=np.ones((1, 1), np.float32),
    heatmap_peak=1.0,
    familiarity=1.0,
    is_familiar=True,
    prediction_set=("a/b",),
)
CLASSES = ("A_B", "a/b", "unfamiliar", "..")


def row(path: Path, name: str = "deep/1.jpg", label: str = "a/b") -> Row:
    path.write_text(f"the picture {name}")
    file = PictureFile(name, 1, "1", path.read_bytes, path)
    return Row(file, replace(PREDICTION, label=label))


@pytest.mark.parametrize("links", [False, True])
def test_a_picture_is_put_once_however_often_it_is_asked(tmp_path: Path, links: bool) -> None:
    sorter = Sorter(tmp_path / "sorted", CLASSES, links)
    found = row(tmp_path / "original.jpg")

    sorter.put(found)
    sorter.put(found)

    (only,) = (path for path in (tmp_path / "sorted").rglob("*") if not path.is_dir())
    assert only == tmp_path / "sorted" / "a_b-2" / "deep_1.jpg"
    assert only.read_text() == "the picture deep/1.jpg"
    assert only.is_symlink() == links
    assert (tmp_path / "original.jpg").is_file()


def test_nothing_is_written_over(tmp_path: Path) -> None:
    sorter = Sorter(tmp_path / "sorted", CLASSES, links=False)
    there = tmp_path / "sorted" / "a_b-2" / "deep_1.jpg"
    there.parent.mkdir(parents=True)
    there.write_text("a person's own")

    sorter.put(row(tmp_path / "original.jpg"))

    assert there.read_text() == "a person's own"
    assert there.with_stem("deep_1-2").read_text() == "the picture deep/1.jpg"


def test_every_class_has_a_folder_of_its_own_inside(tmp_path: Path) -> None:
    sorter = Sorter(tmp_path / "sorted", CLASSES, links=False)
    for label in CLASSES:
        sorter.put(row(tmp_path / "original.jpg", label=label))
    stranger = row(tmp_path / "original.jpg")
    sorter.put(replace(stranger, prediction=replace(PREDICTION, is_familiar=False)))

    assert sorted(path.name for path in (tmp_path / "sorted").iterdir()) == [
        "A_B", "_", "a_b-2", "unfamiliar", "unfamiliar-2",
    ]  # fmt: skip


def test_a_file_without_an_answer_goes_nowhere(tmp_path: Path) -> None:
    file = PictureFile("1.jpg", 1, "1", partial(bytes))

    Sorter(tmp_path / "sorted", CLASSES, links=False).put(Row(file, None, error="broken"))

    assert not (tmp_path / "sorted").exists()
