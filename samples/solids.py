"""Solids as distance fields: how far a point is from the surface, negative inside.

A field may understate the distance, never overstate it: that is what lets `rays.trace` step along
a ray without passing through a thread. Lengths are the solid's own; `rays.Placed` scales them.

Source: J. C. Hart, "Sphere tracing", The Visual Computer 12 (1996); the smooth maximum is the
quadratic one of I. Quilez.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

# float32 throughout; but numpy's types take float32 times a plain float for float64.
Array = NDArray[np.floating[Any]]
Mask = NDArray[np.bool_]
Points = Array  # (3, ...): x, y and z of many points or directions
Field = Callable[[Array, Array, Array], Array]


@dataclass(frozen=True)
class Rest:
    """A way to lie: the axis leans by `tilt` from upright, after a turn by `roll` about itself.

    `sunk` is how much of the solid's height is below the ground.
    """

    tilt: float
    roll: float | None = None
    sunk: float = 0.0


@dataclass(frozen=True)
class Solid:
    """A body: its field, points (P, 3) whose hull holds it, how it can lie, what is plastic."""

    kind: str
    field: Field
    hull: Array
    rests: tuple[Rest, ...]
    plastic: Callable[[Array, Array, Array], Mask] | None = None


def smooth_max(a: Array, b: Array, width: float) -> Array:
    """The larger of two distances, the edge between them rounded over `width`."""
    # In place: these few lines are a third of the drawing's time.
    overlap = np.abs(a - b)
    np.subtract(width, overlap, out=overlap)
    np.maximum(overlap, 0.0, out=overlap)
    overlap *= overlap
    overlap *= 0.25 / width
    overlap += np.maximum(a, b)
    return overlap


def smooth_min(a: Array, b: Array, width: float) -> Array:
    """The smaller of two distances, the corner between them filled over `width`."""
    return -smooth_max(-a, -b, width)


def slab(z: Array, low: float, high: float) -> Array:
    """Distance to the layer between two heights."""
    distance: Array = np.abs(z - (low + high) / 2) - (high - low) / 2
    return distance


def hexagon(x: Array, y: Array, apothem: float) -> Array:
    """Distance to an endless hexagonal bar; its flats face ±y and 30° beside ±x."""
    across = np.abs(y)
    return np.maximum(np.abs(x) * math.cos(math.pi / 6) + across * 0.5, across) - apothem


def square(x: Array, y: Array, apothem: float) -> Array:
    """Distance to an endless square bar; its flats face ±x and ±y."""
    return np.maximum(np.abs(x), np.abs(y)) - apothem


def thread(x: Array, y: Array, z: Array, pitch: float, crest: float = 0.14) -> Array:
    """Depth of a helical thread in [0, 1]: 0 on the crest, 1 in the root.

    The share `crest` of the pitch is flat on top, and as much at the bottom.
    """
    turns = z * (1 / pitch) - np.arctan2(y, x) * (0.5 / math.pi)
    ramp = np.abs(2.0 * (turns - np.floor(turns)) - 1.0)
    return np.clip((ramp - crest) * (1 / (1 - 2 * crest)), 0.0, 1.0)


def ring(radius: float, z: float, corners: int = 16) -> Array:
    """Points (corners, 3) on a circle about the axis; for a hexagon, its corners.

    A round section gets its circumscribed polygon, so that the hull really holds it.
    """
    reach = radius / math.cos(math.pi / corners) if corners > 6 else radius
    angles = np.arange(corners) * (2 * math.pi / corners) + (math.pi / 4 if corners == 4 else 0.0)
    rows = [reach * np.cos(angles), reach * np.sin(angles), np.full(corners, z)]
    return np.stack(rows, axis=1).astype(np.float32)


def hull_of(rings: Sequence[Array]) -> Array:
    """All rings' points, as one (P, 3)."""
    return np.concatenate(rings).astype(np.float32)
