"""Finds pictures on which there is nothing, or nearly nothing, to see."""

from typing import Final

import numpy as np

from training.data.properties import Properties
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: In greys of 255: 99 of 100 pixels are darker, or brighter, than these.
_DARK, _BRIGHT = 32, 245

#: In [0, 1]: a standard deviation of greys that is hardly to be seen.
_FAINT: Final = 0.01

#: What is so for this part of the pictures is how the folder is.
_USUAL: Final = 0.1


def find_blank(evidence: Evidence) -> list[Finding]:
    """Pictures of one colour, and, where few are so, those that are nearly black or white."""
    table = evidence.table
    said = [_said(properties) for properties in table.properties]
    few = {what for what in set(said) if said.count(what) <= _USUAL * len(said)}
    return [
        Finding("blank", (example.name,), 1 - properties.contrast, f"{example.name} is {what}")
        for example, properties, what in zip(table.examples, table.properties, said, strict=True)
        if what and (what in few or properties.shows_nothing)
    ]


def _said(properties: Properties) -> str:
    """What is wrong with a picture; empty: nothing."""
    if properties.shows_nothing:
        return "all one colour, as the network sees it, and teaches it nothing"
    darkest, brightest = np.percentile(properties.thumbnail, [1, 99])
    if brightest < _DARK:
        return "nearly black"
    if darkest > _BRIGHT:
        return "nearly white"
    return "nearly all one colour" if properties.contrast < _FAINT else ""
