"""Every picture is answered by a head that knows nothing of it."""

from dataclasses import replace

import numpy as np
import pytest

from training.head.fit import Task, fit_head, fit_head_at
from training.head.out_of_fold import answers_like, cross_fit


def task_of(counts: list[int], folds: int = 5, noise: float = 1.0) -> Task:
    """Clouds of points, a class each."""
    rng = np.random.default_rng(0)
    labels = np.repeat(np.arange(len(counts)), counts)
    centres = rng.normal(size=(len(counts), 10)) * 1.5
    features = (centres[labels] + noise * rng.normal(size=(len(labels), 10))).astype(np.float32)
    rows = np.arange(len(labels))
    return Task(features, rows, labels, rows % folds, len(counts))


@pytest.mark.parametrize("counts", [[40, 40], [30, 50, 20, 5], [5] * 12])
def test_the_head_is_that_of_all_pictures_and_every_one_has_an_answer(counts: list[int]) -> None:
    task = task_of(counts)

    found = cross_fit(task)

    np.testing.assert_array_equal(found.fitted.head.weight, fit_head(task).head.weight)
    np.testing.assert_allclose(found.answers.sum(1), 1, rtol=1e-5)
    assert (found.answers.argmax(1) == task.labels).mean() > 0.8


def test_answers_to_a_fold_owe_nothing_to_its_labels() -> None:
    """Not even the strength of the head that gives them, which is another for all pictures."""
    task = task_of([40, 40, 40], noise=2)
    turned = np.where(task.folds == 2, (task.labels + 1) % 3, task.labels)

    before, after = cross_fit(task), cross_fit(replace(task, labels=turned))

    asked = task.folds == 2
    assert before.strengths[2] == after.strengths[2]
    assert before.fitted.strength != after.fitted.strength
    np.testing.assert_array_equal(before.answers[asked], after.answers[asked])
    assert not np.array_equal(before.answers[~asked], after.answers[~asked])


def test_answers_like_those_of_a_head_are_of_heads_held_back_as_it_is() -> None:
    task = task_of([40, 40, 40], noise=2)
    found = cross_fit(task)
    assert found.strengths[4] != found.fitted.strength

    alike = answers_like(task, found)

    asked, rest = task.folds == 4, np.flatnonzero(task.folds != 4)
    head = fit_head_at(found.fitted.strength, task.features, task.labels[rest], 3, rest)
    np.testing.assert_array_equal(alike[asked], head.probabilities(task.features[asked]))


def test_rows_that_are_not_named_have_no_part_in_it() -> None:
    task = task_of([40, 40])
    rows = np.flatnonzero(np.arange(80) % 4)
    some = replace(task, rows=rows, labels=task.labels[rows], folds=task.folds[rows])
    others = some.features.copy()
    others[::4] = 1e6

    one, other = cross_fit(some), cross_fit(replace(some, features=others))

    np.testing.assert_array_equal(one.answers, other.answers)


def test_where_nothing_tells_classes_apart_it_is_right_by_chance_alone() -> None:
    task = task_of([100, 100])
    noise = np.random.default_rng(1).normal(size=(200, 300)).astype(np.float32)

    found = cross_fit(replace(task, features=noise))

    assert abs((found.answers.argmax(1) == task.labels).mean() - 0.5) < 0.1


def test_a_class_of_which_nothing_is_left_gets_no_probability() -> None:
    task = task_of([30, 30])
    folds = np.where(task.labels == 1, 3, task.folds)

    found = cross_fit(replace(task, folds=folds))

    assert (found.answers[folds == 3][:, 1] == 0).all()
    np.testing.assert_allclose(found.answers.sum(1), 1, rtol=1e-5)


def test_a_fold_may_be_empty() -> None:
    task = task_of([6, 6], folds=3)

    assert set(cross_fit(task).strengths) == {0, 1, 2}
