"""What a person may choose of a network and its pictures: known before anything is loaded."""

from typing import Literal

#: What a backbone computes with.
Precision = Literal["fp32", "int8", "fp16"]

#: What an operating point is asked for by: of the pictures of a class those that are found, or of
#: those that are taken for it those that are right.
Measure = Literal["recall", "precision"]

#: The lowest and the highest grey of something.
Levels = tuple[float, float]


def check_grey_range(grey_range: Levels) -> None:
    """Refuses what is no range of black to white: a ValueError."""
    low, high = grey_range
    if not -1e9 <= low < high <= 1e9:
        raise ValueError(f"black is {low:g} and white {high:g}; the first is the smaller number")
