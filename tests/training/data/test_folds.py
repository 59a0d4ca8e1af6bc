"""Folds part no group, hold every class, and stay as a folder grows."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.data.folds import FOLDS, deal_folds

Rows = np.ndarray


def digests_of(count: int, first: int = 0) -> list[str]:
    return [f"picture {number}" for number in range(first, first + count)]


def dealt(labels: Rows, groups: Rows | None = None, known: dict[str, int] | None = None) -> Rows:
    each = np.arange(len(labels)) if groups is None else groups
    return deal_folds(labels, each, digests_of(len(labels)), known or {})


@given(
    pictures=st.lists(st.tuples(st.integers(0, 3), st.integers(0, 12)), min_size=2, max_size=120)
)
def test_no_group_is_parted_and_no_class_with_two_lies_in_one_fold(
    pictures: list[tuple[int, int]],
) -> None:
    labels, groups = np.array(pictures).T

    folds = dealt(labels, groups)

    for group in np.unique(groups):
        assert len(np.unique(folds[groups == group])) == 1
    for label in np.unique(labels):
        has_two = len(np.unique(groups[labels == label])) > 1
        assert (len(np.unique(folds[labels == label])) > 1) == has_two


@pytest.mark.parametrize("count", [5, 6, 12, 49])
def test_a_small_class_is_dealt_evenly(count: int) -> None:
    folds = dealt(np.repeat([0, 1], [count, 400]))

    assert np.ptp(np.bincount(folds[:count], minlength=FOLDS)) <= 1


def test_large_groups_are_dealt_evenly_among_small_ones() -> None:
    """Chance alone would put two of them into one fold more often than not."""
    groups = np.concatenate([np.repeat(np.arange(5), 40), np.arange(5, 205)])

    folds = dealt(np.zeros(400, np.int64), groups)

    assert sorted(folds[:200:40].tolist()) == [0, 1, 2, 3, 4]


def test_large_classes_are_near_to_stratified() -> None:
    folds = dealt(np.repeat([0, 1], [300, 700]))

    for rows in (slice(300), slice(300, 1000)):
        share = np.bincount(folds[rows], minlength=FOLDS) / len(folds[rows])
        assert (abs(share - 0.2) < 0.07).all()


def test_in_a_large_class_what_is_new_moves_nothing_without_any_memory() -> None:
    before, after = dealt(np.repeat([0], 250)), dealt(np.repeat([0], 300))

    np.testing.assert_array_equal(after[:250], before)


def test_what_an_earlier_run_had_keeps_its_fold_whatever_joins_it() -> None:
    labels, groups = np.zeros(80, np.int64), np.arange(80)
    before = dealt(labels[:40], groups[:40])
    known = dict(zip(digests_of(40), before.tolist(), strict=True))
    groups[40:] = np.arange(40)  # each new picture is the twin of one that was there

    after = dealt(labels, groups, known)

    np.testing.assert_array_equal(after[:40], before)
    np.testing.assert_array_equal(after[40:], before)


def test_a_group_that_joins_two_folds_goes_where_most_of_it_was() -> None:
    labels, groups = np.zeros(60, np.int64), np.arange(60)
    groups[:3] = 0
    known = {"picture 0": 4, "picture 1": 2, "picture 2": 2}

    assert dealt(labels, groups, known)[:3].tolist() == [2, 2, 2]


def test_folds_of_which_all_but_one_have_gone_are_dealt_anew() -> None:
    known = dict.fromkeys(digests_of(6), 3)

    folds = dealt(np.zeros(6, np.int64), known=known)

    assert len(set(folds.tolist())) == FOLDS
