"""What an inspection of a folder found, as all who tell of it read it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any

from training.inspection.finding import Finding, Kind
from training.inspection.learning_curve import LearningCurve
from training.inspection.mean_maps import MeanMap
from training.inspection.shortcut import Shortcut


@dataclass(frozen=True)
class Inspection:
    """What was found.

    Attributes:
        findings: by kind, the most important kind first, and in each by falling score.
        shortcuts: simple rules that do much of what the network does; they are findings, too.
        learning_curve: whether more pictures would help; None where there are too few to say.
        mean_maps: where the network looks in pictures of each class; none where none was exported.
    """

    findings: tuple[Finding, ...]
    shortcuts: tuple[Shortcut, ...] = ()
    learning_curve: LearningCurve | None = None
    mean_maps: tuple[MeanMap, ...] = ()

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
            "learning_curve": self.learning_curve and self.learning_curve.as_json(),
            "mean_maps": [one.as_json() for one in self.mean_maps],
        }
