"""What becomes of an answer at an operating point: a class, or a person looks at the picture.

The rule, and why: docs/decisions/0033.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

from models.bundle import OperatingPoint

Reason = Literal["operating_point", "prediction_set", "familiarity"]


@dataclass(frozen=True)
class Decision:
    """What becomes of an answer.

    Attributes:
        label: the class that is decided; None: a person must look at the picture. No name of a
            class can be taken for that.
        reason: what decided it, or leaves it open.
    """

    label: str | None
    reason: Reason

    @property
    def refer(self) -> bool:
        """Whether a person must look at the picture."""
        return self.label is None


def decide(
    point: OperatingPoint, probability: float, *, is_familiar: bool, prediction_set: Sequence[str]
) -> Decision:
    """Decides on an answer.

    Args:
        point: that was chosen for a class.
        probability: of that class.
        is_familiar: whether the picture is like those that were learned from.
        prediction_set: the classes that it could be of.
    """
    if not is_familiar:
        return Decision(None, "familiarity")
    if point.threshold is not None and probability >= point.threshold:
        return Decision(point.label, "operating_point")
    if len(prediction_set) != 1:
        return Decision(None, "prediction_set")
    if prediction_set[0] == point.label:
        return Decision(None, "operating_point")
    return Decision(prediction_set[0], "prediction_set")
