"""What an inspection of a folder found, as all who tell of it read it."""

from collections import Counter
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt

from training.inspection.finding import Finding, Kind

Leaning = Literal["yes", "no", "unknown"]

#: Of the way from always the commonest answer to all answers one question goes so far at least.
IMITATES: Final = 0.25

#: A difference in accuracy that is worth some work.
_WORTH: Final = 0.005

_LEANS: Final[dict[Leaning, str]] = {
    "yes": "within a class the network is surer of pictures for which it holds: it leans on it",
    "no": "within a class the network is no surer of pictures for which it holds: the classes "
    "differ in it, but the network hardly leans on it",
    "unknown": "it is the same for all of a class, so these pictures cannot say whether the "
    "network goes by it or by what it should see",
}
_WEIGHTS: Final[dict[Leaning, float]] = {"yes": 1.0, "unknown": 0.8, "no": 0.5}


@dataclass(frozen=True)
class Shortcut:
    """A simple rule that does much of what the network does.

    Attributes:
        rule: in words.
        properties: that it asks for.
        label: the class that it speaks of.
        fidelity: how often it agrees with the network on whether a picture is of that class.
        commonest: how often always the same answer would.
        shuffled: how often a rule like it that was fitted to shuffled answers does; None where that
            was not asked.
        precision: of the pictures for which it holds, those that are answered so.
        coverage: of the pictures that are answered so, those for which it holds.
        leans: whether the network seems to live by it.
        files: names of pictures for which it holds and that are answered so.
    """

    rule: str
    properties: tuple[str, ...]
    label: str
    fidelity: float
    commonest: float
    shuffled: float | None
    precision: float
    coverage: float
    leans: Leaning
    files: tuple[str, ...]

    @property
    def gain(self) -> float:
        """How far it comes from always the same answer to all of the network's."""
        return (self.fidelity - self.commonest) / (1 - self.commonest)

    @property
    def sentence(self) -> str:
        """For people."""
        told = (
            f"the rule “{self.rule}: {self.label}” knows {self.fidelity:.0%} of the network's "
            f"answers (always the same answer: {self.commonest:.0%})"
            if self.gain >= IMITATES
            else f"the rule “{self.rule}: {self.label}” knows {self.coverage:.0%} of what the "
            f"network answers so, and is right about {self.precision:.0%} of such pictures"
        )
        return f"{told}; {_LEANS[self.leans]}"

    def as_finding(self) -> Finding:
        """The same as a finding; what the network hardly leans on matters less."""
        matters = max(self.gain, self.coverage * self.precision) * _WEIGHTS[self.leans]
        return Finding("shortcut", self.files, matters, self.sentence)


@dataclass(frozen=True)
class CurvePoint:
    """How good a head is that was fitted on so many pictures.

    Attributes:
        pictures: how many, on average.
        accuracy: on pictures that it has not seen.
        interval: of that, at 95 %.
    """

    pictures: int
    accuracy: float
    interval: tuple[float, float]


@dataclass(frozen=True)
class LearningCurve:
    """How good heads are that were fitted on more and more pictures.

    Attributes:
        measured: the fewest pictures first.
        carried_on: what twice as many as the most promise.
        gain_interval: of the accuracy there less that of today, at 95 %.
    """

    measured: tuple[CurvePoint, ...]
    carried_on: CurvePoint
    gain_interval: tuple[float, float]

    @property
    def sentence(self) -> str:
        """For people."""
        low, high = self.carried_on.interval
        least, most = self.gain_interval
        helps = "may help"
        if least > _WORTH or most < _WORTH:
            helps = "should help" if least > _WORTH else "would hardly help"
        return (
            f"more pictures like these {helps}: with twice as many, about "
            f"{self.carried_on.accuracy:.1%} would be right ({low:.1%} to {high:.1%}; now "
            f"{self.measured[-1].accuracy:.1%})"
        )

    def as_json(self) -> dict[str, Any]:
        """A part of `inspection.json`."""
        return {**asdict(self), "sentence": self.sentence}


@dataclass(frozen=True, eq=False)
class MeanMap:
    """The mean heatmap of pictures of a class that are answered rightly.

    Attributes:
        label: the class.
        heatmap: float32 (h, w), in [0, 1], over what the network is shown.
        pictures: of how many.
    """

    label: str
    heatmap: npt.NDArray[np.float32]
    pictures: int

    def as_json(self) -> dict[str, Any]:
        """An element of `mean_maps` in `inspection.json`."""
        return {
            "label": self.label,
            "pictures": self.pictures,
            "heatmap": self.heatmap.round(4).tolist(),
        }


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
