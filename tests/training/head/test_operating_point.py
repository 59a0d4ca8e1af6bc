import logging

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import norm

from models.choices import AtLeast
from models.errors import UsageError
from tests.conftest import operating_point
from training.head.operating_point import (
    Answered,
    ChosenPoint,
    check_at_least,
    choose_point,
    say_what_was_chosen,
    share_referred,
    threshold_for_precision,
    threshold_for_recall,
)

CLASSES = ("defect", "good", "scrap")


def alone(count: int) -> np.ndarray:
    """Groups of one picture each."""
    return np.arange(count)


@pytest.mark.parametrize(
    ("count", "at_least", "place"), [(99, 0.9, 10), (98, 0.9, 9), (49, 0.98, 1), (100, 0.98, 2)]
)
def test_for_recall_it_is_the_conformal_quantile(count: int, at_least: float, place: int) -> None:
    scores = np.random.default_rng(0).permutation(np.linspace(0.1, 0.9, count, dtype=np.float32))

    found = threshold_for_recall(scores, np.full(count, fill_value=True), alone(count), at_least)

    assert found == np.sort(scores)[place - 1]


@given(
    st.lists(
        st.lists(st.sampled_from((0.1, 0.2, 0.4, 0.6, 0.8)), min_size=1, max_size=4),
        min_size=2,
        max_size=12,
    ),
    st.sampled_from((0.3, 0.5, 0.7, 0.8, 0.9)),
)
def test_of_whatever_groups_whichever_is_new_so_few_of_it_are_missed_on_average(
    scores: list[list[float]], at_least: float
) -> None:
    """The law that makes recall hold: each group in turn is the new one, and fares as the rest."""
    missed = []
    for new in scores:
        rest = [one for one in scores if one is not new]
        groups = np.repeat(alone(len(rest)), [len(one) for one in rest])
        known = np.concatenate(rest).astype(np.float32)
        found = threshold_for_recall(known, np.full(len(known), fill_value=True), groups, at_least)
        missed.append(np.mean(np.array(new, np.float32) < (0 if found is None else found)))

    assert np.mean(missed) <= 1 - at_least + 1e-9


def test_pictures_of_other_classes_do_not_move_the_recall() -> None:
    scores = np.linspace(0, 1, 40, dtype=np.float32)
    is_true = np.arange(40) >= 20

    found = threshold_for_recall(scores, is_true, alone(40), 0.9)

    assert found == threshold_for_recall(scores[20:], is_true[20:], alone(20), 0.9)


@pytest.mark.parametrize(
    ("scores", "is_true", "expected"),
    [
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 1, 1, 0], 0.6),
        ([0.9, 0.8, 0.7, 0.6, 0.5], [1, 1, 0, 1, 1], None),
        ([0.9, 0.8, 0.7, 0.5, 0.5], [1, 1, 1, 1, 0], 0.7),
        ([0.9, 0.8], [1, 1], None),
    ],
)
def test_for_precision_one_failure_more_than_was_seen_is_allowed_for(
    scores: list[float], is_true: list[int], expected: float | None
) -> None:
    """At 0.75 three right ones and the failure that is not there yet are the fewest."""
    given = np.array(scores, np.float32), np.array(is_true, bool), alone(len(scores))

    found = threshold_for_precision(*given, 0.75)

    assert found == (None if expected is None else np.float32(expected))


def test_copies_count_once_for_precision_too() -> None:
    scores, is_true = np.full(40, 0.9, np.float32), np.full(40, fill_value=True)

    assert threshold_for_precision(scores, is_true, alone(40), 0.9) is not None
    assert threshold_for_precision(scores, is_true, np.repeat([0, 1], 20), 0.9) is None


def test_the_precision_of_new_pictures_is_on_average_what_was_asked_for() -> None:
    """Without the failure more that is counted it would be 0.87."""
    rng, reached = np.random.default_rng(0), []
    for _ in range(300):
        is_true = rng.random(60) < 0.5
        scores = rng.normal(is_true).astype(np.float32)
        found = threshold_for_precision(scores, is_true, alone(60), 0.9)
        right, wrong = norm.sf(np.array([-1, 0]) + (found or 9))
        reached.append(right / (right + wrong))

    assert 0.9 <= np.mean(reached) < 0.98


@pytest.mark.parametrize(
    ("asked", "sentence"),
    [
        (AtLeast("recall", "defekt", 0.9), "there is no class 'defekt'; did you mean defect?"),
        (AtLeast("recall", "x", 0.9), "no class 'x'; there are defect, good, scrap"),
        (
            AtLeast("recall", "good", 0.98),
            "takes 49 pictures of good to choose by, and there are 6",
        ),
        (AtLeast("precision", "good", 0.9), "takes 9 pictures .* 6 .*; they allow 0.857 at most"),
    ],
)
def test_what_pictures_cannot_show_is_refused(asked: AtLeast, sentence: str) -> None:
    labels, groups = np.ones(12, np.int64), np.repeat(np.arange(6), 2)

    with pytest.raises(UsageError, match=sentence):
        check_at_least(asked, CLASSES, labels, groups)

    check_at_least(AtLeast("recall", "good", 0.85), CLASSES, labels, groups)


def answered(scores: list[float], labels: list[int]) -> Answered:
    """Answers with these probabilities of the first class."""
    first = np.array(scores, np.float32)
    rest = (1 - first) / 2
    return Answered(np.stack([first, rest, rest], 1), np.array(labels), alone(len(labels)))


def test_a_point_is_judged_by_pictures_that_need_not_have_chosen_it() -> None:
    unseen = answered([0.3, 0.5, 0.7, 0.9], [0, 0, 0, 0])
    judged = answered([0.2, 0.3, 0.8, 0.4, 0.1, 0.2, 0.2], [0, 0, 0, 1, 1, 2, 2])

    found = choose_point(AtLeast("recall", "defect", 0.8), CLASSES, unseen, judged)

    assert found.threshold == np.float32(0.3)
    assert (found.recall, found.precision, found.specificity) == pytest.approx(
        (2 / 3, 2 / 3, 3 / 4)
    )
    for share, around in (
        (found.recall, found.recall_interval),
        (found.specificity, found.specificity_interval),
    ):
        assert share is not None
        assert around is not None
        assert 0 < around[0] < share < around[1] < 1


def test_who_is_referred_is_counted() -> None:
    probabilities = answered([0.9, 0.2, 0.2, 0.1], [0, 1, 1, 1]).probabilities
    sets = np.array([[1, 1, 0], [0, 1, 0], [0, 1, 1], [0, 1, 0]], bool)
    is_familiar = np.array([True, True, True, False])

    found = share_referred(
        operating_point("defect", 0.5), CLASSES, probabilities, sets, is_familiar
    )

    assert found == 0.5


@pytest.mark.parametrize(
    ("threshold", "level", "sentence"),
    [
        (0.1234, "INFO", "a probability of 0.123 on, recall (sensitivity) 98.5% (95% interval 9"),
        (None, "WARNING", "no probability of defect from which on that is reached, so it is never"),
    ],
)  # fmt: skip
def test_what_was_chosen_is_said_and_what_so_many_pictures_allow(
    threshold: float | None, level: str, sentence: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        say_what_was_chosen(ChosenPoint(operating_point("defect", threshold), 199, 0.06))

    first, second = caplog.records
    assert first.levelname == level
    assert sentence in first.message
    assert "6.0% of all pictures are referred to a person" in first.message
    assert (
        "199 pictures of defect, by which it was chosen, could show recall of 99.5%"
        in second.message
    )
