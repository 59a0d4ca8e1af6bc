from dataclasses import replace

import numpy as np
from cleanlab.filter import find_label_issues
from cleanlab.rank import get_label_quality_scores
from hypothesis import given
from hypothesis import strategies as st

from tests.training.inspection.drawn_evidence import clouds, evidence_of
from training.inspection.suspect_label import (
    find_suspect_labels,
    rank_labels,
    self_confidence,
    suspect_rows,
)
from training.inspection.twins import Twin

_THREE = ("cat", "dog", "emu")


def _answers(seed: int, classes: int = 3) -> tuple[np.ndarray, np.ndarray]:
    """Answers that mostly know their class, and labels of which some are wrong."""
    random = np.random.default_rng(seed)
    true = np.tile(np.arange(classes), 20)
    logits = random.normal(size=(len(true), classes)) + 3 * np.eye(classes)[true]
    odds = np.exp(logits)
    labels = np.where(random.random(len(true)) < 0.1, (true + 1) % classes, true)
    return (odds / odds.sum(1, keepdims=True)).astype(np.float32), labels


@given(st.integers(0, 1000))
def test_pictures_are_ranked_as_cleanlab_ranks_them(seed: int) -> None:
    answers, labels = _answers(seed)

    theirs = get_label_quality_scores(labels, answers, method="self_confidence")

    np.testing.assert_allclose(self_confidence(answers, labels), theirs, rtol=1e-6)
    np.testing.assert_allclose(theirs[rank_labels(answers, labels)], np.sort(theirs))


@given(st.integers(0, 1000))
def test_what_cleanlab_calls_an_issue_is_a_suspect(seed: int) -> None:
    answers, labels = _answers(seed)

    theirs = find_label_issues(labels, answers, filter_by="confident_learning", n_jobs=1)

    assert set(np.flatnonzero(theirs)) <= set(suspect_rows(answers, labels))


def test_swapped_labels_are_named_with_what_they_should_be() -> None:
    true = [0] * 40 + [1] * 40 + [2] * 40
    features, labels = clouds(true), list(true)
    labels[3], labels[50] = 1, 2

    found = find_suspect_labels(evidence_of(labels, _THREE, features))

    assert {finding.files for finding in found} == {("dog/3.png",), ("emu/50.png",)}
    assert "dog/3.png is labelled dog" in str(found)
    assert "says cat" in str(found)
    assert all(finding.score > 0.5 for finding in found)


def test_of_twins_in_two_classes_the_one_whose_label_is_less_probable_is_suspect() -> None:
    evidence = evidence_of([0] * 30 + [1] * 30)
    answers = evidence.answers.copy()
    answers[0], answers[30] = (0.9, 0.1), (0.6, 0.4)
    twins = (Twin(0, 30, 0.98, "alike"), Twin(1, 2, 1.0, "copy"))

    (found,) = find_suspect_labels(replace(evidence, answers=answers, twins=twins))

    assert found.files == ("dog/30.png",)
    assert "shows the same as cat/0.png, which is cat" in found.sentence
    assert found.suggested == "cat"


def test_of_a_clean_folder_nothing_is_suspect() -> None:
    assert not find_suspect_labels(evidence_of([0] * 30 + [1] * 30))


def test_an_answer_that_is_hardly_surer_than_chance_makes_no_suspect() -> None:
    labels = np.array([0] * 20 + [1] * 20)
    answers = np.tile(np.array([[0.9, 0.1]], np.float32), (40, 1))
    answers[20:] = (0.1, 0.9)
    answers[0], answers[1] = (0.45, 0.55), (0.2, 0.8)

    np.testing.assert_array_equal(suspect_rows(answers, labels), [1])
