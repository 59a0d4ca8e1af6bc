"""Finds files that are byte for byte the same."""

from training.data.names import listed
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

_OF_ONE_CLASS, _OF_SEVERAL = 0.5, 1.0


def find_exact_duplicates(evidence: Evidence) -> list[Finding]:
    """Files with the same bytes, all of one content together; those in two classes first."""
    rows: dict[str, list[int]] = {}
    for row, digest in enumerate(evidence.table.digests):
        rows.setdefault(digest, []).append(row)
    return [_finding(evidence, same) for same in rows.values() if len(same) > 1]


def _finding(evidence: Evidence, rows: list[int]) -> Finding:
    files = tuple(evidence.table.examples[row].name for row in rows)
    classes = sorted({evidence.classes[evidence.table.examples[row].class_index] for row in rows})
    sentence = f"{listed(files)} are the same file"
    if len(classes) == 1:
        return Finding("exact_duplicate", files, _OF_ONE_CLASS, sentence)
    sentence += f", and of {listed(classes)}: at most one of these labels is right"
    return Finding("exact_duplicate", files, _OF_SEVERAL, sentence)
