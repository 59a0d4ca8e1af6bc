"""What an inspection of a folder found, as all who tell of it read it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from training.inspection.finding import Finding, Kind
from training.inspection.shortcut import Shortcut


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        findings: by kind, the most important kind first, and in each by falling score.
        shortcuts: simple rules that do much of what the network does; they are findings, too.
    """

    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...] = ()

    @property
    def counts(self) -> dict[Kind, int]:
        """How many there are of each kind that was found."""
        return dict(Counter(finding.kind for finding in self.findings))

    def of_kind(self, kind: Kind) -> tuple[Finding, ...]:
        """The findings of one kind, the first one first."""
        return tuple(finding for finding in self.findings if finding.kind == kind)

    def as_json(self) -> dict[str, Any]:
        """The content of `inspection.json`."""
        return {
            "findings": [finding.as_json() for finding in self.findings],
            "shortcuts": [asdict(shortcut) for shortcut in self.shortcuts],
        }
