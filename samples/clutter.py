"""Small things that lie about in a workshop and belong to neither class."""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from samples.solids import (
    Array,
    Rest,
    Solid,
    hull_of,
    ring,
    slab,
    smooth_max,
)

FLAT = (Rest(0.0),)
LYING = (Rest(math.pi / 2),)


def _washer(rng: np.random.Generator) -> Solid:
    hole, half = rng.uniform(0.35, 0.62), rng.uniform(0.04, 0.09)

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        return smooth_max(np.abs(rho - (1 + hole) / 2) - (1 - hole) / 2, np.abs(z) - half, 0.04)

    return Solid("washer", field, hull_of([ring(1.0, -half), ring(1.0, half)]), FLAT)


def _coin(rng: np.random.Generator) -> Solid:
    half, inner = rng.uniform(0.05, 0.08), rng.uniform(0.3, 0.6)

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        relief = np.float32(0.03) * (rho < 0.88)
        relief -= np.float32(0.02) * (np.abs(rho - inner) < 0.06)
        return smooth_max(rho - 1.0, np.abs(z) - half + relief, 0.04)

    return Solid("coin", field, hull_of([ring(1.0, -half), ring(1.0, half)]), FLAT)


def _pin(rng: np.random.Generator) -> Solid:
    length, thick, ball = 1.0, rng.uniform(0.03, 0.06), rng.uniform(0.1, 0.16)

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        needle = np.maximum(
            rho - thick * np.clip((z + length) * 4.0, 0.1, 1.0), slab(z, -length, 1.0)
        )
        distance: Array = np.minimum(needle, np.sqrt(rho * rho + (z - 1.0) ** 2) - ball)
        return distance

    hull = hull_of([ring(ball, 1.0 + ball), ring(ball, 1.0), ring(thick, -length)])
    return Solid("pin", field, hull, (Rest(math.pi / 2 - ball / 2),))


def _cable_tie(rng: np.random.Generator) -> Solid:
    bend, width, thick = rng.uniform(1.2, 2.5), rng.uniform(0.06, 0.1), 0.05
    half_angle = 1.0 / bend

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt((x + bend) ** 2 + y * y)
        along = np.abs(np.arctan2(y, x + bend)) - half_angle
        strip = np.maximum(np.abs(rho - bend) - thick, along * bend)
        strip = smooth_max(strip, np.abs(z) - width, 0.03)
        end_x, end_y = bend * math.cos(half_angle) - bend, bend * math.sin(half_angle)
        lock = np.maximum(np.abs(x - end_x), np.abs(y - end_y)) - 0.13
        return np.minimum(strip, smooth_max(lock, np.abs(z) - width - 0.03, 0.05))

    hull = hull_of([ring(1.25, -width - 0.03), ring(1.25, width + 0.03)])
    return Solid("cable tie", field, hull, FLAT)


def _crumb(rng: np.random.Generator) -> Solid:
    a, b, c = (float(v) for v in rng.uniform(0.45, 1.0, size=3))
    bump = rng.uniform(0.05, 0.16)

    def field(x: Array, y: Array, z: Array) -> Array:
        reach = np.sqrt((x / a) ** 2 + (y / b) ** 2 + (z / c) ** 2) - 1.0
        rough = np.sin(5 * x + 3 * y) * np.sin(6 * z - 4 * y)
        distance: Array = (reach * min(a, b, c) + bump * rough) * 0.7
        return distance

    return Solid("crumb", field, hull_of([ring(1.1, -c - 0.1), ring(1.1, c + 0.1)]), FLAT)


def _dowel(rng: np.random.Generator) -> Solid:
    radius = rng.uniform(0.06, 0.16)

    def field(x: Array, y: Array, z: Array) -> Array:
        return smooth_max(np.sqrt(x * x + y * y) - radius, np.abs(z) - 1.0, 0.03)

    return Solid("dowel", field, hull_of([ring(radius, -1.0), ring(radius, 1.0)]), LYING)


def _ring(rng: np.random.Generator) -> Solid:
    thick, squash = rng.uniform(0.06, 0.14), rng.uniform(1.0, 1.35)
    centre = 1.0 - thick

    def field(x: Array, y: Array, z: Array) -> Array:
        flat = np.sqrt(x * x + (y * squash) ** 2) - centre
        return (np.sqrt(flat * flat + z * z) - thick) * (1 / squash)

    return Solid("rubber ring", field, hull_of([ring(1.0, -thick), ring(1.0, thick)]), FLAT)


@dataclass(frozen=True)
class _Thing:
    """What can lie about: how it is made, its least and largest size, whether it is of metal.

    Sizes are beside an object that reaches 1 from its middle.
    """

    make: Callable[[np.random.Generator], Solid]
    smallest: float
    largest: float
    metal: bool


CLUTTER = (
    _Thing(_washer, 0.25, 0.5, metal=True),
    _Thing(_coin, 0.3, 0.6, metal=True),
    _Thing(_pin, 0.4, 0.9, metal=True),
    _Thing(_cable_tie, 0.6, 1.1, metal=False),
    _Thing(_dowel, 0.4, 0.9, metal=True),
    _Thing(_dowel, 0.4, 0.9, metal=False),
    _Thing(_ring, 0.25, 0.5, metal=True),
    _Thing(_ring, 0.25, 0.5, metal=False),
)
CRUMB = _Thing(_crumb, 0.02, 0.07, metal=False)
