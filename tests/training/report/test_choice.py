"""Which pictures a report shows."""

import numpy as np

from training.report.choice import cross_section, nearest, similarity, surest_mistakes


def second(probabilities: list[float]) -> np.ndarray:
    """Answers of two classes, by the probability of the second."""
    found = np.array(probabilities, np.float32)
    return np.stack([1 - found, found], axis=1)


def test_the_surest_mistakes_come_first() -> None:
    answers, labels = second([0.7, 0.1, 0.9, 0.8]), np.array([0, 0, 0, 1])

    assert surest_mistakes(answers, labels, most=5) == [2, 0]
    assert surest_mistakes(answers, labels, most=1) == [2]


def test_a_cross_section_goes_from_the_hardest_to_the_easiest() -> None:
    answers = second([0.5, 0.1, 0.9, 0.3, 0.7, 0.2, 0.8, 0.4, 0.6, 0.0])

    found = cross_section(answers, np.array([1] * 9 + [0]), class_index=1, most=3)

    assert found == [1, 0, 2]


def test_a_cross_section_of_few_pictures_has_each_once() -> None:
    answers, labels = second([0.5, 0.1, 0.9]), np.array([1, 1, 0])

    assert cross_section(answers, labels, class_index=1, most=12) == [1, 0]
    assert cross_section(answers[:2], np.zeros(2, np.int64), class_index=1, most=12) == []


def test_neighbours_are_those_of_other_sides_by_their_angle() -> None:
    features = np.array([[1, 0], [9, 0], [1, 1], [0, 5], [0, 0]], np.float32)

    near = nearest(features, [0, 3], np.array([0, 0, 1, 2, 3]), most=2)

    assert near == [[2, 3], [2, 0]]


def test_where_all_are_of_one_side_there_is_no_neighbour() -> None:
    assert nearest(np.eye(3, dtype=np.float32), [1], np.zeros(3, np.int64), most=2) == [[]]


def test_features_without_a_length_are_like_nothing() -> None:
    features = np.array([[0, 0], [2, 1]], np.float32)

    assert similarity(features, 0, 1) == 0
    assert np.isclose(similarity(features, 1, 1), 1)
