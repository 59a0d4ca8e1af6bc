"""Finds pictures that are much less sharp than those around them."""

from typing import Final

import numpy as np

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: How far from the middle a sharpness is, in robust standard deviations of its logarithm. Of 150
#: photographs none was as far, and of those blurred by a hundredth of their size nearly all were.
_FAR: Final = 3.0

#: Of the usual sharpness: more is not much less, however alike all others are.
_PART: Final = 0.5

#: Fewer pictures do not say what is usual.
_FEWEST: Final = 20

#: From the median distance from the median to a standard deviation.
_ROBUST: Final = 1.4826


def find_blurred(evidence: Evidence) -> list[Finding]:
    """Pictures without fine detail in a folder whose usual ones have it."""
    table = evidence.table
    if len(table.properties) < _FEWEST:
        return []
    sharpness = np.log([max(properties.sharpness, 1e-3) for properties in table.properties])
    middle = np.median(sharpness)
    spread = max(_ROBUST * float(np.median(np.abs(sharpness - middle))), 1e-3)
    found = np.flatnonzero(sharpness < middle - max(_FAR * spread, -np.log(_PART)))
    return [
        Finding(
            "blurred",
            (table.examples[row].name,),
            float(1 - np.exp(sharpness[row] - middle)),
            f"{table.examples[row].name} is {np.exp(middle - sharpness[row]):.1f} times less sharp "
            "than is usual here",
        )
        for row in found
        # What is all one colour is said to be that.
        if not table.properties[row].shows_nothing
    ]
