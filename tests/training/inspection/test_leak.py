from dataclasses import replace

import numpy as np

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.evidence import Evidence
from training.inspection.leak import find_leaks
from training.inspection.twins import Twin


def given_split(*twins: Twin) -> Evidence:
    """Rows 0 to 29 are learned from, 30 to 39 judge; the answers to 30 and 31 alone are wrong."""
    evidence = evidence_of([0, 1] * 20)
    train, test = np.arange(30), np.arange(30, 40)
    answers = np.eye(2, dtype=np.float32)[evidence.labels]
    answers[30:32] = 1 - answers[30:32]
    parts = replace(
        evidence.parts, train=train, test=test, validation=train[:5], judged_by="test part"
    )
    return replace(evidence, parts=parts, twins=twins, answers=answers)


def test_the_accuracy_is_told_with_and_without_what_leaks() -> None:
    twins = [Twin(3, row, 0.9, "alike") for row in (35, 36)]

    of_all, first, second = find_leaks(given_split(*twins))

    assert "2 of 10 pictures of the test part" in of_all.sentence
    assert of_all.sentence.endswith("80.0% of all of them are right, without these 75.0%")
    assert first.files == ("dog/35.png", "dog/3.png")
    assert second.score == 0.9


def test_what_is_alike_by_a_chain_leaks_too() -> None:
    chain = Twin(3, 35, 0.9, "alike"), Twin(35, 36, 0.9, "mirrored")

    assert len(find_leaks(given_split(*chain))[0].files) == 2


def test_it_is_told_with_the_picture_that_it_shows_itself() -> None:
    chain = Twin(1, 3, 0.8, "alike"), Twin(3, 35, 0.9, "alike")

    _, only = find_leaks(given_split(*chain))

    assert (only.files, only.score) == (("dog/35.png", "dog/3.png"), 0.9)


def test_twins_within_one_part_are_no_leak() -> None:
    assert find_leaks(given_split(Twin(3, 4, 1.0, "copy"), Twin(35, 36, 0.9, "alike"))) == []


def test_where_all_that_judges_leaks_there_is_no_accuracy_without() -> None:
    twins = [Twin(row - 30, row, 1.0, "copy") for row in range(30, 40)]

    assert find_leaks(given_split(*twins))[0].sentence.endswith("and none are left")


def test_folds_of_our_own_cannot_leak() -> None:
    evidence = replace(evidence_of([0, 1] * 20), twins=(Twin(3, 35, 0.9, "alike"),))

    assert find_leaks(evidence) == []
