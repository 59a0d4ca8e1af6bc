"""Names the files that could not be read."""

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding


def find_unreadable(evidence: Evidence) -> list[Finding]:
    """Every file that was left out, and why."""
    return [
        Finding("unreadable", (file.name,), 1.0, f"{file.name} cannot be read: {file.reason}")
        for file in evidence.table.left_out
    ]
