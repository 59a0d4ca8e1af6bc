"""Counts, and what folders say of them."""

import pytest
from scipy.stats import binomtest

from service.batch.record import Record
from service.batch.tally import Tally, class_of_folders, wilson_interval


@pytest.mark.parametrize(
    ("file", "expected"),
    [
        ("nuts/1.jpg", "nuts"),
        ("nuts/screws/1.jpg", "screws"),
        ("Nuts/other/1.jpg", "nuts"),
        ("a\u0308pfel/1.jpg", "äpfel"),
        ("CATS/1.jpg", None),
        ("nuts.jpg", None),
    ],
)
def test_the_nearest_folder_that_is_called_like_a_class_counts(
    file: str, expected: str | None
) -> None:
    assert class_of_folders(file, ("nuts", "screws", "äpfel", "cats", "Cats")) == expected


@pytest.mark.parametrize(("right", "count"), [(0, 1), (1, 1), (97, 100), (5000, 9999)])
def test_the_interval_is_wilson_s(right: int, count: int) -> None:
    expected = binomtest(right, count).proportion_ci(method="wilson")

    assert wilson_interval(right, count) == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_only_what_was_answered_is_judged() -> None:
    tally = Tally(("nuts", "screws"))
    for record in (
        Record("nuts/1.jpg", "", "nuts", 0.9, familiar=True),
        Record("nuts/2.jpg", "", "screws", 0.9, familiar=False),
        Record("nuts/3.jpg", "", error="broken"),
        Record("4.jpg", "", "nuts", 0.9, familiar=True),
    ):
        tally.add(record)

    assert (tally.answered, tally.unreadable, tally.unfamiliar) == (3, 1, 1)
    assert (tally.right, tally.judged) == (1, 2)
