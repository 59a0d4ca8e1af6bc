"""Runs every finder over what a run knows, and collects what they found."""

from collections.abc import Callable, Sequence
from typing import Final

from training.inspection.blank import find_blank
from training.inspection.blurred import find_blurred
from training.inspection.evidence import Evidence
from training.inspection.exact_duplicate import find_exact_duplicates
from training.inspection.finding import Finding
from training.inspection.imbalance import find_imbalance
from training.inspection.inspection import Inspection
from training.inspection.leak import find_leaks
from training.inspection.learning_curve import learning_curve
from training.inspection.near_duplicate import find_near_duplicates
from training.inspection.outlier import find_outliers
from training.inspection.shortcut import find_shortcuts
from training.inspection.suspect_label import find_suspect_labels
from training.inspection.tiny import find_tiny
from training.inspection.unreadable import find_unreadable
from training.inspection.wrong_ending import find_wrong_endings

#: What is found, the most important kind first.
_FINDERS: Final[Sequence[Callable[[Evidence], list[Finding]]]] = (
    find_leaks,
    find_imbalance,
    find_suspect_labels,
    find_exact_duplicates,
    find_near_duplicates,
    find_unreadable,
    find_wrong_endings,
    find_blank,
    find_blurred,
    find_tiny,
    find_outliers,
)


def inspect(evidence: Evidence) -> Inspection:
    """Looks for everything that a person should look at."""
    shortcuts = find_shortcuts(evidence)
    found = [finding for find in _FINDERS for finding in _ranked(find(evidence))]
    told = _ranked([shortcut.as_finding() for shortcut in shortcuts])
    return Inspection((*told, *found), shortcuts, learning_curve(evidence))


def _ranked(findings: Sequence[Finding]) -> list[Finding]:
    return sorted(findings, key=lambda finding: -finding.score)
