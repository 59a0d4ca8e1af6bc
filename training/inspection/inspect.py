"""Runs every finder over what a run knows, and collects what they found."""

from collections.abc import Callable, Sequence
from typing import Final

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding
from training.inspection.imbalance import find_imbalance
from training.inspection.inspection import Inspection
from training.inspection.outlier import find_outliers
from training.inspection.suspect_label import find_suspect_labels

#: What is found, the most important kind first.
_FINDERS: Final[Sequence[Callable[[Evidence], list[Finding]]]] = (
    find_imbalance,
    find_suspect_labels,
    find_outliers,
)


def inspect(evidence: Evidence) -> Inspection:
    """Looks for everything that a person should look at."""
    found = [finding for find in _FINDERS for finding in _ranked(find(evidence))]
    return Inspection(tuple(found))


def _ranked(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -finding.score)
