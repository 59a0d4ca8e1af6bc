import numpy as np

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.imbalance import find_imbalance


def test_classes_of_about_one_size_are_nothing_to_speak_of() -> None:
    assert not find_imbalance(evidence_of([0] * 20 + [1] * 30))


def test_a_class_with_a_third_of_the_largest_is_named_with_its_size() -> None:
    (found,) = find_imbalance(evidence_of([0] * 60 + [1] * 10))

    assert "cat has 60 pictures" in found.sentence
    assert "dog (10)" in found.sentence
    assert found.score > 0.8


def test_of_many_small_classes_the_first_ten_are_named_and_all_are_counted() -> None:
    classes = tuple(f"c{number:02}" for number in range(15))
    labels = [0] * 60 + [label for label in range(1, 15) for _ in range(10)]

    (found,) = find_imbalance(evidence_of(labels, classes))

    assert "c01 (10)" in found.sentence
    assert "(14 in all)" in found.sentence


def test_a_network_that_has_learned_nothing_is_held_against_always_the_same_answer() -> None:
    noise = np.random.default_rng(1).normal(size=(100, 4))

    (found,) = find_imbalance(evidence_of([0] * 55 + [1] * 45, features=noise))

    assert "always answering cat" in found.sentence
    assert found.score == 1
