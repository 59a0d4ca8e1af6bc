"""The parts are made once: what belongs together is never parted, the folder's own are kept."""

import logging
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import DataFolderError
from tests.training.conftest import fill
from training.data.example import Example, ImageFolder, Part
from training.data.folder import scan_folder
from training.data.parts import Parts, check_counts, make_parts


def folder_of(counts: dict[int, int], part: Part | None = None) -> ImageFolder:
    """A folder as it was found, whose files nobody opens."""
    examples = [
        Example(Path(f"{label}_{i}"), f"{label}_{i}", label, part)
        for label, count in sorted(counts.items())
        for i in range(count)
    ]
    classes = tuple(f"class {label}" for label in counts)
    return ImageFolder("pets", "a folder per class", classes, tuple(examples), ())


def grouped(folder: ImageFolder, named: list[str]) -> ImageFolder:
    pairs = zip(folder.examples, named, strict=True)
    return replace(folder, examples=tuple(replace(e, group=name) for e, name in pairs))


def digests_of(folder: ImageFolder) -> list[str]:
    return [e.name for e in folder.examples]


def parted(folder: ImageFolder, digests: list[str] | None = None) -> Parts:
    return make_parts(folder, folder.examples, digests or digests_of(folder))


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
)
def test_where_nothing_is_held_out_all_judge_and_identical_files_share_a_fold(
    counts: dict[int, int], copies: int
) -> None:
    folder = folder_of(counts)
    digests = [e.name for e in folder.examples]
    digests[1 : 1 + copies] = [digests[0]] * len(digests[1 : 1 + copies])

    parts = parted(folder, digests)

    assert parts.judged_by == "cross-validation"
    assert parts.train.tolist() == list(range(len(digests)))
    assert not len(parts.test)
    fold_of = dict(zip(digests, parts.folds.tolist(), strict=True))
    assert [fold_of[digest] for digest in digests] == parts.folds.tolist()


def test_what_decides_about_fine_tuning_and_what_judges_it_are_two_folds() -> None:
    parts = parted(folder_of({0: 40, 1: 40}))

    assert len(parts.validation) == len(parts.set_aside) == 16
    assert not set(parts.validation) & set(parts.set_aside)
    asked = {*parts.validation, *parts.set_aside}
    assert parts.fine_tuned_on.tolist() == [row for row in parts.train if row not in asked]
    assert parts.folds_of(parts.validation).tolist() == [1] * 16


def test_twins_and_what_the_user_names_are_not_parted() -> None:
    folder = grouped(folder_of({0: 40, 1: 40}), [f"patient {row // 10}" for row in range(80)])

    parts = make_parts(folder, folder.examples, digests_of(folder), [(5, 15)])

    for patient in range(8):
        assert len(set(parts.folds[10 * patient : 10 * patient + 10].tolist())) == 1
    assert parts.folds[5] == parts.folds[15]
    assert parts.groups.max() == 6


def test_a_class_of_one_group_alone_cannot_be_judged() -> None:
    named = ["anna"] * 20 + [f"{row}" for row in range(20)]
    folder = grouped(folder_of({0: 20, 1: 20}), named)

    with pytest.raises(DataFolderError, match=r"--groups: all pictures of class 0 belong together"):
        make_parts(folder, folder.examples, digests_of(folder))


def test_a_class_that_looks_like_one_picture_is_parted_and_that_is_said(
    caplog: pytest.LogCaptureFixture,
) -> None:
    folder = folder_of({0: 20, 1: 20})
    twins = [(row, row + 1) for row in range(19)]

    parts = make_parts(folder, folder.examples, digests_of(folder), twins)

    assert len(set(parts.folds[:20].tolist())) == 5
    assert "all pictures of class 0 look like copies of each other" in caplog.text


def test_groups_that_a_given_part_shares_with_train_are_said(
    course_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    found = scan_folder(course_folder)
    folder = grouped(found, [f"{row % 6}" for row in range(len(found.examples))])

    make_parts(folder, folder.examples, digests_of(folder))

    assert "8 held-out pictures are of groups that are in train/ too" in caplog.text


def test_what_an_earlier_run_had_keeps_its_fold_and_what_is_moved_is_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    few, more = folder_of({0: 20, 1: 20}), folder_of({0: 30, 1: 20})
    known = dict(zip(digests_of(few), parted(few).folds.tolist(), strict=True))
    later = make_parts(more, more.examples, digests_of(more), known=known)
    folds = dict(zip(digests_of(more), later.folds.tolist(), strict=True))
    assert {digest: folds[digest] for digest in known} == known
    assert "in another fold than then" not in caplog.text

    make_parts(few, few.examples, digests_of(few), [(row, row + 1) for row in range(9)], known)

    assert "of 40 pictures that an earlier run had are in another fold than then" in caplog.text
    assert "five folds of" in caplog.text


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

    assert (judging.judged_by, len(judging.test)) == ("validation part", 6)
    assert set(judging.validation) < set(judging.train)
    assert (deciding.judged_by, len(deciding.test)) == ("test part", 4)
    assert len(deciding.validation) == 6
    assert not set(deciding.validation) & set(deciding.train)


def test_a_held_out_part_of_which_nothing_can_be_read_is_said(course_folder: Path) -> None:
    folder = scan_folder(course_folder)
    readable = [e for e in folder.examples if e.part == "train"]

    with pytest.raises(DataFolderError, match="no picture that is held out can be read"):
        make_parts(folder, readable, [e.name for e in readable])


def test_copies_across_given_parts_stay_where_the_folder_puts_them(course_folder: Path) -> None:
    """A finding says so; what judges is the user's choice."""
    folder = scan_folder(course_folder)
    digests = [e.name for e in folder.examples]
    test, train = (
        next(i for i, e in enumerate(folder.examples) if e.part == part)
        for part in ("test", "train")
    )
    digests[test] = digests[train]

    parts = parted(folder, digests)

    assert test in parts.test
    assert train in parts.train
    assert np.all(np.diff(parts.train) > 0)
