"""Nuts as solids, of random but workshop-like proportions.

The axis is z, the thread has radius 1, and the body reaches from about -half to half.
"""

import math
from collections.abc import Callable

import numpy as np

from samples.solids import (
    Array,
    Field,
    Mask,
    Rest,
    Solid,
    hexagon,
    hull_of,
    ring,
    slab,
    smooth_max,
    smooth_min,
    square,
    thread,
)

HEX_CORNER = 1 / math.cos(math.pi / 6)
SLOPE = 0.62  # a thread's flank makes its field this much shorter than the true distance
FLAT, UPSIDE_DOWN, ON_EDGE = Rest(0.0), Rest(math.pi), Rest(math.pi / 2, math.pi / 6)


def _hexagonal(flat: float, low: float, high: float, x: Array, y: Array, z: Array) -> Array:
    """A hexagonal body, turned at both faces."""
    layer = slab(z, low, high)
    rho = np.sqrt(x * x + y * y)
    body = smooth_max(hexagon(x, y, flat), layer, 0.05)
    return smooth_max(body, (rho - flat * 0.97) * 0.5 + layer * 0.866, 0.03)


def _bored(body: Field, low: float, high: float, rng: np.random.Generator) -> Field:
    """The body with a threaded hole, its mouths at `low` and `high` countersunk."""
    pitch = rng.uniform(0.24, 0.36)
    minor = 1.0 - pitch * 0.55

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        mouth = np.clip(np.maximum(z - high, low - z) + 0.2, 0.0, 0.6)
        bore = minor + (1.0 - minor) * thread(x, y, z, pitch) + mouth
        wall = np.maximum(SLOPE * (bore - rho), minor - rho)
        return smooth_max(body(x, y, z), wall, 0.03)

    return field


def _hex_rings(flat: float, low: float, high: float) -> list[Array]:
    return [ring(flat * HEX_CORNER, low, 6), ring(flat * HEX_CORNER, high, 6)]


def _hex_nut(rng: np.random.Generator) -> Solid:
    flat, half = rng.uniform(1.55, 1.85), rng.uniform(0.45, 0.9)

    def body(x: Array, y: Array, z: Array) -> Array:
        return _hexagonal(flat, -half, half, x, y, z)

    field = _bored(body, -half, half, rng)
    return Solid("hex nut", field, hull_of(_hex_rings(flat, -half, half)), (FLAT, FLAT, ON_EDGE))


def _square_nut(rng: np.random.Generator) -> Solid:
    flat, half = rng.uniform(1.5, 1.8), rng.uniform(0.35, 0.7)
    edge = rng.uniform(0.05, 0.2)

    def body(x: Array, y: Array, z: Array) -> Array:
        bar = smooth_max(np.abs(x) - flat, np.abs(y) - flat, edge)
        return smooth_max(np.maximum(bar, square(x, y, flat)), np.abs(z) - half, 0.06)

    corner = flat * math.sqrt(2)
    hull = hull_of([ring(corner, -half, 4), ring(corner, half, 4)])
    rests = (FLAT, FLAT, Rest(math.pi / 2, 0.0))
    return Solid("square nut", _bored(body, -half, half, rng), hull, rests)


def _flange_nut(rng: np.random.Generator) -> Solid:
    flat, half = rng.uniform(1.5, 1.7), rng.uniform(0.7, 0.9)
    skirt = rng.uniform(2.15, 2.5)
    teeth = float(rng.choice([0.0, 0.05]))

    def body(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        cone = (rho - skirt) * 0.42 + (z + half - 0.2) * 0.9
        edge = rho - skirt + teeth * np.abs(np.sin(np.arctan2(y, x) * 15.0))
        disc = smooth_max(smooth_max(edge, cone, 0.08), -half - z, 0.05)
        return smooth_min(_hexagonal(flat, -half, half, x, y, z), disc, 0.1)

    rings = [ring(skirt, -half), ring(skirt, 0.2 - half), *_hex_rings(flat, 0.0, half)]
    leaning = Rest(math.pi / 2 - math.atan2(skirt - flat, 2 * half - 0.2), math.pi / 6)
    field = _bored(body, -half, half, rng)
    return Solid("flange nut", field, hull_of(rings), (FLAT, FLAT, UPSIDE_DOWN, leaning))


def _wing_nut(rng: np.random.Generator) -> Solid:
    half, span = rng.uniform(0.7, 0.9), rng.uniform(1.9, 2.4)
    wing, thick = rng.uniform(0.95, 1.25), rng.uniform(0.2, 0.3)
    lift = rng.uniform(0.3, 0.8)

    def hub(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        return smooth_max((rho - 1.5 + 0.2 * z) * 0.95, np.abs(z) - half, 0.12)

    bored = _bored(hub, -half, half, rng)

    def field(x: Array, y: Array, z: Array) -> Array:
        side = np.abs(x)
        disc = np.sqrt((side - span) ** 2 + (z - lift) ** 2) - wing
        root = np.maximum(np.abs(z) - half * 0.75, side - span)
        blade = smooth_max(smooth_min(disc, root, 0.4), np.abs(y) - thick, 0.15)
        blade = smooth_max(blade, 1.22 - side, 0.1)
        return smooth_min(bored(x, y, z), blade, 0.12)

    reach, top, low = span + wing, lift + wing, lift - wing
    corner = (reach - 0.3 * wing, top - 0.3 * wing)
    profile = ((reach, lift), (span, top), (span, low), corner)
    ends = [(s * r, t * thick, z) for s in (-1, 1) for t in (-1, 1) for r, z in profile]
    hull = hull_of([ring(1.75, -half), ring(1.55, half), np.array(ends, dtype=np.float32)])
    rests = (FLAT, Rest(1.25, math.pi / 2), Rest(1.8, math.pi / 2))
    return Solid("wing nut", field, hull, rests)


def _cap_nut(rng: np.random.Generator) -> Solid:
    flat, high = rng.uniform(1.5, 1.75), rng.uniform(0.9, 1.2)
    radius = flat * rng.uniform(0.86, 0.93)
    centre = high + rng.uniform(0.0, 0.3)

    def body(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        above = np.maximum(z - centre, 0.0)
        dome = np.maximum(np.sqrt(rho * rho + above * above) - radius, -z)
        return smooth_min(_hexagonal(flat, 0.0, high, x, y, z), dome, 0.08)

    open_field = _bored(body, 0.0, 9.0, rng)

    def field(x: Array, y: Array, z: Array) -> Array:
        # The hole is blind: above its end only the body counts.
        return np.where(z < high, open_field(x, y, z), body(x, y, z))

    top = centre + radius
    rings = [*_hex_rings(flat, 0.0, high), ring(radius, centre), ring(radius * 0.72, top)]
    rests = (FLAT, FLAT, Rest(math.pi / 2, math.pi / 6), Rest(2.1, math.pi / 6))
    return Solid("cap nut", field, hull_of(rings), rests)


def _lock_nut(rng: np.random.Generator) -> Solid:
    flat, half = rng.uniform(1.55, 1.8), rng.uniform(0.75, 0.95)
    collar, step = flat * rng.uniform(0.86, 0.93), half - rng.uniform(0.35, 0.5)

    def shell(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        cap = smooth_max(rho - collar, slab(z, -half, half), 0.25)
        return smooth_min(_hexagonal(flat, -half, step, x, y, z), cap, 0.06)

    threaded = _bored(shell, -half, half - 0.3, rng)

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        nylon = np.maximum(0.88 - rho, slab(z, step - 0.1, half - 0.12))
        nylon = smooth_max(nylon, rho - 1.25, 0.05)
        return np.minimum(threaded(x, y, z), nylon)

    def plastic(x: Array, y: Array, z: Array) -> Mask:
        return (np.sqrt(x * x + y * y) < 1.24) & (z > step - 0.12) & (z < half - 0.08)

    rings = [*_hex_rings(flat, -half, step), ring(collar, half)]
    rests = (FLAT, FLAT, FLAT, ON_EDGE, UPSIDE_DOWN)
    return Solid("lock nut", field, hull_of(rings), rests, plastic)


NUTS: tuple[Callable[[np.random.Generator], Solid], ...] = (
    _hex_nut,
    _square_nut,
    _flange_nut,
    _wing_nut,
    _cap_nut,
    _lock_nut,
)
