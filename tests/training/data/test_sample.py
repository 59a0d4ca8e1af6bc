"""A sample is a bounded part of what is learned from, and follows from the pictures alone."""

import shutil
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import fill
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import MOST_CLASSES, SIZE, draw_sample, spread


def _written(root: Path, counts: dict[str, int], copies: int = 1) -> Path:
    """Files that are no pictures: nobody looks inside them here."""
    shutil.rmtree(root, ignore_errors=True)
    for label, count in counts.items():
        (root / label).mkdir(parents=True)
        for number in range(count):
            for copy in range(copies):
                (root / label / f"{copy}-{number:04}.jpg").write_text(f"{label} {number}")
    return root


@pytest.mark.parametrize(("counts", "copies"), [([5, 40, 9], 1), ([6, 5], 4), ([40, 31], 2)])
def test_less_than_half_of_what_judges_is_sampled_and_nothing_twice(
    tmp_path: Path, counts: list[int], copies: int
) -> None:
    labels = {f"class {i}": count for i, count in enumerate(counts)}
    folder = scan_folder(_written(tmp_path / "data", labels, copies))

    sample = draw_sample(folder, Pictures())

    contents = [e.path.read_text() for e in sample.examples]
    assert len(set(contents)) == len(contents)
    for label, count in labels.items():
        assert sum(text.startswith(label) for text in contents) <= count // 2


def test_a_given_held_out_part_is_not_sampled(tmp_path: Path) -> None:
    for part in ("train", "val", "test"):
        for label in ("cat", "dog"):
            fill(tmp_path / part / label, label, range(6))

    sample = draw_sample(scan_folder(tmp_path), Pictures())

    assert {e.part for e in sample.examples} == {"train"}
    assert len(sample.examples) == 12


def test_a_sample_is_bounded_and_in_proportion(tmp_path: Path) -> None:
    folder = scan_folder(_written(tmp_path / "data", {"many": 900, "some": 300, "few": 20}))

    sample = draw_sample(folder, Pictures())

    labels = [folder.classes[e.class_index] for e in sample.examples]
    assert [labels.count(label) for label in ("many", "some", "few")] == [89, 30, 5]


def test_of_many_classes_a_few_are_asked(tmp_path: Path) -> None:
    folder = scan_folder(_written(tmp_path / "data", {f"{i:03}": 12 for i in range(100)}))

    sample = draw_sample(folder, Pictures())

    assert len({e.class_index for e in sample.examples}) == MOST_CLASSES
    assert len(sample.examples) == SIZE


def test_the_same_pictures_give_the_same_sample_wherever_they_lie(tmp_path: Path) -> None:
    first = draw_sample(scan_folder(_written(tmp_path / "data", {"a": 200, "b": 200})), Pictures())
    again = draw_sample(
        scan_folder(_written(tmp_path / "elsewhere", {"a": 200, "b": 200})), Pictures()
    )

    assert [e.name for e in again.examples] == [e.name for e in first.examples]
    numbers = [int(e.path.read_text().split()[1]) for e in first.examples]
    assert 80 < np.mean(numbers) < 120  # drawn from all over the folder, not from its beginning


def test_what_is_spread_is_of_all_classes_alike(tmp_path: Path) -> None:
    folder = scan_folder(_written(tmp_path / "data", {"a": 90, "b": 90}))

    chosen = spread(folder.examples, 96)

    assert len({example.path for example in chosen}) == 96
    assert sum(example.class_index for example in chosen) == 48
    assert spread(folder.examples[:3], 96) == list(folder.examples[:3])


def test_a_file_that_cannot_be_opened_is_not_drawn(tmp_path: Path) -> None:
    root = _written(tmp_path / "data", {"a": 10, "b": 10})
    for number in range(10):
        (root / "a" / f"gone {number}.jpg").symlink_to(root / "nowhere")

    sample = draw_sample(scan_folder(root), Pictures())

    assert all(e.path.exists() for e in sample.examples)
