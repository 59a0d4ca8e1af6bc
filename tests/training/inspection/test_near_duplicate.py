from dataclasses import replace

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.finding import Finding
from training.inspection.near_duplicate import find_near_duplicates
from training.inspection.twins import Twin


def found_of(*twins: Twin) -> list[Finding]:
    evidence = evidence_of([0] * 10 + [1] * 10)
    return find_near_duplicates(replace(evidence, twins=twins))


def test_a_pair_is_named_with_its_similarity() -> None:
    (found,) = found_of(Twin(2, 4, 0.875, "alike"))

    assert found.files == ("cat/2.png", "cat/4.png")
    assert found.score == 0.875
    assert found.sentence == "cat/4.png shows the same as cat/2.png (similarity 0.88)"


def test_a_mirror_image_in_another_class_is_said_to_be_both() -> None:
    (found,) = found_of(Twin(2, 14, 0.9, "mirrored"))

    assert "dog/14.png shows the mirror image of cat/2.png" in found.sentence
    assert "is of dog where that is of cat: one of the labels is wrong" in found.sentence


def test_copies_are_named_elsewhere() -> None:
    assert found_of(Twin(2, 4, 1.0, "copy")) == []
