"""Finds pictures that are much smaller than those around them."""

from typing import Final

import numpy as np

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: Pixels: what has as many on its shorter side is not called tiny, whatever others have.
_ENOUGH: Final = 64

#: Of the usual length of the shorter side.
_PART: Final = 0.5


def find_tiny(evidence: Evidence) -> list[Finding]:
    """Pictures of a few pixels in a folder whose usual ones have many."""
    shorter = np.array([min(one.width, one.height) for one in evidence.table.properties])
    usual = float(np.median(shorter)) if len(shorter) else 0.0
    found = []
    for row in np.flatnonzero(shorter < min(_ENOUGH, _PART * usual)):
        example, one = evidence.table.examples[row], evidence.table.properties[row]
        sentence = (
            f"{example.name} has {one.width} x {one.height} pixels; the shorter side of others "
            f"usually has {usual:.0f}"
        )
        found.append(Finding("tiny", (example.name,), float(1 - shorter[row] / usual), sentence))
    return found
