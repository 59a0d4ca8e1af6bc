"""The parts are made once: stratified, twins never parted, those of the folder kept."""

import logging
from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataFolderError
from tests.training.conftest import fill
from training.data.example import Example, ImageFolder, Part
from training.data.folder import scan_folder
from training.data.parts import Parts, check_counts, contents_of_classes, hold_out, make_parts


def folder_of(counts: dict[int, int], part: Part | None = None) -> ImageFolder:
    """A folder as it was found, whose files nobody opens."""
    examples = [
        Example(Path(f"{label}_{i}"), f"{label}_{i}", label, part)
        for label, count in sorted(counts.items())
        for i in range(count)
    ]
    classes = tuple(f"class {label}" for label in counts)
    return ImageFolder("pets", "a folder per class", classes, tuple(examples), ())


def parted(folder: ImageFolder, digests: list[str] | None = None, seed: int = 0) -> Parts:
    return make_parts(folder, folder.examples, digests or [e.name for e in folder.examples], seed)


def test_a_class_with_too_few_pictures_is_named_with_its_count(class_folder: Path) -> None:
    fill(class_folder / "emu", "emu", range(4))
    found = scan_folder(class_folder)

    with pytest.raises(DataFolderError, match=r"emu \(4\)"):
        check_counts(found, found.examples)


def test_copies_of_one_picture_are_not_many_pictures(class_folder: Path) -> None:
    found = scan_folder(class_folder)
    digests = [e.name if e.class_index else "the same" for e in found.examples]

    with pytest.raises(DataFolderError, match=r"different, readable pictures of cat \(1\)"):
        check_counts(found, found.examples, digests)


@given(
    counts=st.fixed_dictionaries({0: st.integers(10, 60), 1: st.integers(5, 60)}),
    copies=st.integers(0, 5),
    seed=st.integers(0, 2**32 - 1),
)
def test_a_split_is_stratified_and_never_parts_identical_files(
    counts: dict[int, int], copies: int, seed: int
) -> None:
    folder = folder_of(counts)
    digests = [e.name for e in folder.examples]
    digests[1 : 1 + copies] = [digests[0]] * len(digests[1 : 1 + copies])

    parts = parted(folder, digests, seed)

    train, test = ({digests[row] for row in rows} for rows in (parts.train, parts.test))
    assert not train & test
    assert sorted([*parts.train, *parts.test]) == list(range(len(digests)))
    for label, contents in contents_of_classes(folder.examples, digests).items():
        held = sum(digest in test for digest in contents)
        assert abs(held - len(contents) / 5) <= 1, label


def test_the_same_seed_gives_the_same_split_and_another_seed_another() -> None:
    folder = folder_of({0: 50, 1: 50})

    assert parted(folder, seed=3).test.tolist() == parted(folder, seed=3).test.tolist()
    assert parted(folder, seed=3).test.tolist() != parted(folder, seed=4).test.tolist()


def test_what_fine_tuning_sets_aside_is_a_part_of_what_is_learned_from() -> None:
    parts = parted(folder_of({0: 50, 1: 50}))

    assert set(parts.validation) < set(parts.train)
    assert len(parts.validation) == 16
    assert sorted([*parts.train_without_validation, *parts.validation]) == parts.train.tolist()
    assert parts.judged_by == "test"


def test_parts_that_the_folder_gives_are_kept(course_folder: Path) -> None:
    folder = scan_folder(course_folder)

    parts = parted(folder)

    given_parts = [e.part for e in folder.examples]
    assert {given_parts[row] for row in parts.train} == {"train"}
    assert {given_parts[row] for row in parts.test} == {"test"}
    assert (len(parts.train), len(parts.test)) == (16, 8)


def test_a_validation_part_judges_where_there_is_no_test_and_else_decides(tmp_path: Path) -> None:
    for part, numbers in (("train", range(6)), ("val", range(6, 9))):
        for label in ("cat", "dog"):
            fill(tmp_path / part / label, label, numbers)
    judging = parted(scan_folder(tmp_path))
    for label in ("cat", "dog"):
        fill(tmp_path / "test" / label, label, range(9, 11))
    deciding = parted(scan_folder(tmp_path))

    assert (judging.judged_by, len(judging.test)) == ("validation", 6)
    assert set(judging.validation) < set(judging.train)
    assert (deciding.judged_by, len(deciding.test)) == ("test", 4)
    assert len(deciding.validation) == 6
    assert not set(deciding.validation) & set(deciding.train)


def test_what_was_asked_before_is_never_held_out() -> None:
    folder = folder_of({0: 20, 1: 20})
    taught = {e.name for e in folder.examples[::2]}

    held = hold_out(folder.examples, [e.name for e in folder.examples], 0, taught)

    found = [e for e, is_held in zip(folder.examples, held, strict=True) if is_held]
    assert Counter(e.class_index for e in found) == {0: 4, 1: 4}
    assert not {e.name for e in found} & taught


def test_a_held_out_part_of_which_nothing_can_be_read_is_said(course_folder: Path) -> None:
    folder = scan_folder(course_folder)
    readable = [e for e in folder.examples if e.part == "train"]

    with pytest.raises(DataFolderError, match="no picture that is held out can be read"):
        make_parts(folder, readable, [e.name for e in readable], 0)


def test_twins_in_two_classes_and_across_given_parts_are_said(
    course_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    folder = scan_folder(course_folder)
    digests = [e.name for e in folder.examples]
    test_cat, train_cat, train_dog = (
        next(i for i, e in enumerate(folder.examples) if (e.part, e.class_index) == wanted)
        for wanted in (("test", 0), ("train", 0), ("train", 1))
    )
    digests[test_cat] = digests[train_dog] = digests[train_cat]

    with caplog.at_level(logging.WARNING):
        parted(folder, digests)

    assert "1 files are byte for byte in two classes" in caplog.text
    assert "1 held-out pictures are byte for byte in train/ too" in caplog.text
    assert np.all(np.diff(parted(folder).train) > 0)
