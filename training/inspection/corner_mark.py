"""Finds marks that a part of a class's pictures bear in a corner: a stamp, a logo, a sticker.

A mark need be no brighter or more colourful than what is in corners anyway: it is always the same.
So a forest is asked what the grey pixels of each corner alone foretell. Where one corner foretells
more of a class than the other three do there is something in it; what all corners tell is the
background, which is asked about by the other rules.
"""

from collections.abc import Sequence
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.ensemble import ExtraTreesClassifier

from models.cores import granted_cores
from training.data.properties import Properties
from training.inspection.simple_rule import Rule

#: Pixels of a corner of the small grey picture.
_SIDE: Final = 8

#: Rows and columns of each corner, as properties call it.
_CORNERS: Final = {
    "top_left": (slice(_SIDE), slice(_SIDE)),
    "top_right": (slice(_SIDE), slice(-_SIDE, None)),
    "bottom_left": (slice(-_SIDE, None), slice(_SIDE)),
    "bottom_right": (slice(-_SIDE, None), slice(-_SIDE, None)),
}
_MEASURES: Final = ("brightness", "contrast", "saturation")

_TREES: Final = 60

#: A corner tells a picture's class where so many of the trees that have not seen it agree.
_AGREE: Final = 0.8

#: It tells so much more of a class than any other corner does.
_STANDS_OUT: Final = 0.1


def corner_rules(
    properties: Sequence[Properties], answered: npt.NDArray[np.int64]
) -> list[tuple[int, Rule]]:
    """What one corner tells of a class, and no other: classes by index, each with the rule.

    Args:
        properties: of N pictures.
        answered: int64 (N,), by the network.
    """
    known = np.unique(answered)
    says = np.array([_sure(_pixels(properties, c), answered, known) for c in _CORNERS])
    found: list[tuple[int, Rule]] = []
    for place, index in enumerate(known):
        told = says[:, :, place]
        covered = (told & (answered == index)).sum(axis=1) / (answered == index).sum()
        second, best = np.sort(covered)[-2:]
        if best - second >= _STANDS_OUT:
            corner = int(covered.argmax())
            found.append((int(index), _rule(list(_CORNERS)[corner], told[corner])))
    return found


def _pixels(properties: Sequence[Properties], corner: str) -> npt.NDArray[np.float32]:
    """What is in a corner, float32 (N, 8 * 8 + 3)."""
    rows, columns = _CORNERS[corner]
    greys = np.stack([one.thumbnail[rows, columns].ravel() for one in properties])
    measures = [[getattr(one, f"{corner}_{name}") for name in _MEASURES] for one in properties]
    return np.concatenate([greys, measures], axis=1).astype(np.float32)


def _sure(
    pixels: npt.NDArray[np.float32], answered: npt.NDArray[np.int64], known: npt.NDArray[np.int64]
) -> npt.NDArray[np.bool_]:
    """For which pictures a forest is sure of which class by its trees that have not seen them."""
    forest = ExtraTreesClassifier(
        _TREES, min_samples_leaf=3, max_features=0.3, bootstrap=True, oob_score=True,
        random_state=0, n_jobs=granted_cores(),
    )  # fmt: skip
    forest.fit(pixels, np.searchsorted(known, answered))
    sure: npt.NDArray[np.bool_] = forest.oob_decision_function_ >= _AGREE
    return sure


def _rule(corner: str, says: npt.NDArray[np.bool_]) -> Rule:
    properties = tuple(f"{corner}_{name}" for name in _MEASURES)
    return Rule(says, says, properties, f"what is in the {corner.replace('_', ' ')} corner")
