from dataclasses import replace

import numpy as np

from tests.training.inspection.drawn_evidence import properties_of
from training.data.properties import Properties
from training.inspection.corner_mark import corner_rules

_ANSWERED = np.repeat([0, 1], 150)


def _noisy(marked: int) -> list[Properties]:
    """Pictures that are noise; the first so many bear a grey mark in a corner."""
    random = np.random.default_rng(0)
    found = []
    for row in range(len(_ANSWERED)):
        greys = random.integers(0, 255, (64, 64), dtype=np.uint8)
        if row < marked:
            greys[:4, -4:] = 120
        found.append(replace(properties_of(), thumbnail=greys))
    return found


def test_a_mark_that_is_no_brighter_than_corners_are_is_known_by_its_being_the_same() -> None:
    ((index, rule),) = corner_rules(_noisy(marked=50), _ANSWERED)

    assert index == 0
    assert rule.sentence == "what is in the top right corner"
    assert rule.says[:50].mean() > 0.8
    assert rule.says[50:].mean() < 0.05


def test_corners_that_are_noise_tell_nothing() -> None:
    assert not corner_rules(_noisy(marked=0), _ANSWERED)
