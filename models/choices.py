"""What a person may choose of a network and its pictures: known before anything is loaded."""

from dataclasses import dataclass
from typing import Literal

#: What a backbone computes with.
Precision = Literal["fp32", "int8", "fp16"]

#: What an operating point is asked for by: of the pictures of a class those that are found, or of
#: those that are taken for it those that are right.
Measure = Literal["recall", "precision"]


@dataclass(frozen=True)
class AtLeast:
    """How much of what a person wants for a class: `recall=defect:0.98`."""

    measure: Measure
    label: str
    share: float

    def __str__(self) -> str:
        return f"{self.measure}={self.label}:{self.share:g}"


#: The lowest and the highest grey of something.
Levels = tuple[float, float]


def check_grey_range(grey_range: Levels) -> None:
    """Refuses what is no range of black to white: a ValueError."""
    low, high = grey_range
    if not -1e9 <= low < high <= 1e9:
        raise ValueError(f"black is {low:g} and white {high:g}; the first is the smaller number")
