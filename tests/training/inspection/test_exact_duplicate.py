from dataclasses import replace

from tests.training.inspection.drawn_evidence import evidence_of
from training.inspection.evidence import Evidence
from training.inspection.exact_duplicate import find_exact_duplicates


def with_digests(*same: int) -> Evidence:
    """Ten cats and ten dogs; some files have the same bytes."""
    evidence = evidence_of([0] * 10 + [1] * 10)
    digests = tuple("same" if row in same else f"{row}" for row in range(20))
    return replace(evidence, table=replace(evidence.table, digests=digests))


def test_different_files_are_no_duplicates() -> None:
    assert find_exact_duplicates(with_digests(3)) == []


def test_all_files_of_one_content_are_one_finding() -> None:
    (found,) = find_exact_duplicates(with_digests(3, 5, 7))

    assert found.files == ("cat/3.png", "cat/5.png", "cat/7.png")
    assert found.sentence == "cat/3.png, cat/5.png, cat/7.png are the same file"


def test_one_content_in_two_classes_is_worse_and_says_so() -> None:
    (found,) = find_exact_duplicates(with_digests(3, 12))

    assert "of cat, dog: at most one of these labels is right" in found.sentence
    assert found.score == 1 > find_exact_duplicates(with_digests(3, 4))[0].score
