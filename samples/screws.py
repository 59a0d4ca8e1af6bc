"""Screws as solids, of random but workshop-like proportions.

The axis is z, the thread has radius 1. The shank hangs from z = 0 to z = -length, the head stands
above.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from samples.solids import (
    Array,
    Mask,
    Rest,
    Solid,
    hexagon,
    hull_of,
    ring,
    slab,
    smooth_max,
    smooth_min,
    thread,
)

HEX_CORNER = 1 / math.cos(math.pi / 6)
SLOPE = 0.62  # a thread's flank makes its field this much shorter than the true distance


@dataclass(frozen=True)
class Shank:
    """The threaded part of a screw."""

    length: float
    pitch: float
    depth: float
    plain: float  # length without a thread, under the head
    point: float  # length of the tapering tip, 0 for a blunt end
    crest: float

    @property
    def tip_radius(self) -> float:
        """Radius of the lower end."""
        return 0.04 if self.point else 0.85

    def field(self, x: Array, y: Array, z: Array, rho: Array) -> Array:
        """Distance to the shank; it reaches a little into the head."""
        below = z + self.length
        if self.point:
            taper = np.clip(below * (1 / self.point), self.tip_radius, 1.0)
        else:
            taper = np.clip(below * 0.75 + self.tip_radius, 0.0, 1.0)
        cut = thread(x, y, z, self.pitch, self.crest) * self.depth
        cut *= np.clip((-self.plain - z) * (1 / self.pitch), 0.0, 1.0)
        side = np.maximum(rho - taper, SLOPE * (rho - taper * (1.0 - cut)))
        distance: Array = np.maximum(side, slab(z, -self.length, 0.1))
        return distance


def _machine_shank(rng: np.random.Generator, shortest: float = 3.0) -> Shank:
    """A metric thread with a blunt end."""
    pitch = rng.uniform(0.32, 0.48)
    length = rng.uniform(shortest, 8.5)
    plain = rng.choice([0.0, 0.15, 0.4]) * length
    return Shank(length, pitch, pitch * 0.55, float(plain), 0.0, 0.12)


def _wood_shank(rng: np.random.Generator) -> Shank:
    """A coarse, sharp thread that runs into a point."""
    pitch = rng.uniform(0.6, 0.85)
    length = rng.uniform(5.0, 10.0)
    plain = float(rng.choice([0.1, 0.35])) * length
    return Shank(length, pitch, rng.uniform(0.28, 0.36), plain, rng.uniform(1.6, 2.6), 0.06)


@dataclass(frozen=True)
class Head:
    """A screw's head: its field, its ends, and where its rim touches the ground."""

    field: Callable[[Array, Array, Array, Array], Array]
    height: float
    radius: float  # of the rim, or of the flats
    rim: float  # height of the widest place
    corners: int = 16


def _dome(radius: float, height: float, rounding: float) -> Head:
    def field(_x: Array, _y: Array, z: Array, rho: Array) -> Array:
        return smooth_max(rho - radius, slab(z, 0.0, height), rounding)

    return Head(field, height, radius, 0.05)


def _pan_head(rng: np.random.Generator) -> Head:
    """A low cylinder with a well-rounded edge."""
    height = rng.uniform(0.95, 1.25)
    return _dome(rng.uniform(1.75, 2.1), height, height * 0.9)


def _round_head(rng: np.random.Generator) -> Head:
    """A cap of a sphere."""
    radius, height = rng.uniform(1.7, 2.0), rng.uniform(0.95, 1.25)
    ball = (radius * radius + height * height) / (2 * height)

    def field(_x: Array, _y: Array, z: Array, rho: Array) -> Array:
        above = z - (height - ball)
        return smooth_max(np.sqrt(rho * rho + above * above) - ball, -z, 0.15)

    return Head(field, height, radius, 0.0)


def _socket_head(rng: np.random.Generator) -> Head:
    """A tall cylinder with a knurled side."""
    radius, height = rng.uniform(1.45, 1.6), rng.uniform(1.6, 2.0)
    knurl = rng.choice([0.0, 0.035])

    def field(x: Array, y: Array, z: Array, rho: Array) -> Array:
        ridges = np.abs(np.sin(np.arctan2(y, x) * 22.0)) * np.float32(knurl)
        return smooth_max(rho - radius + ridges, slab(z, 0.0, height), 0.12)

    return Head(field, height, radius, 0.0)


def _countersunk_head(rng: np.random.Generator) -> Head:
    """A cone that ends flush."""
    radius, height = rng.uniform(1.8, 2.1), rng.uniform(0.85, 1.1)
    slope = (radius - 0.95) / height

    def field(_x: Array, _y: Array, z: Array, rho: Array) -> Array:
        cone = (rho - 0.95 - slope * z) * (1 / math.hypot(1.0, slope))
        return smooth_max(np.maximum(cone, rho - radius + 0.03), slab(z, -0.3, height), 0.04)

    return Head(field, height, radius, height)


def _hex_head(rng: np.random.Generator) -> Head:
    """A hexagon with a turned chamfer, on a flange now and then."""
    flat, height = rng.uniform(1.6, 1.85), rng.uniform(1.1, 1.45)
    flange = rng.choice([0.0, 0.0, 2.3])

    def field(x: Array, y: Array, z: Array, rho: Array) -> Array:
        body = smooth_max(hexagon(x, y, flat), slab(z, 0.0, height), 0.05)
        body = smooth_max(body, (rho - flat * 0.97) * 0.5 + (z - height) * 0.866, 0.03)
        if not flange:
            return body
        disc = smooth_max(rho - float(flange), slab(z, 0.0, 0.28), 0.12)
        return smooth_min(body, disc, 0.15)

    if flange:
        return Head(field, height, float(flange), 0.0)
    return Head(field, height, flat, 0.0, corners=6)


def _slot(x: Array, _y: Array, _depth: Array, size: float) -> Array:
    return np.abs(x) - 0.16 * size


def _cross(x: Array, y: Array, depth: Array, size: float) -> Array:
    reach = 0.72 * size - 0.5 * depth
    x, y = np.abs(x), np.abs(y)
    width = 0.15 * size
    arm, other = np.maximum(x - width, y - reach), np.maximum(y - width, x - reach)
    distance: Array = np.minimum(arm, other)
    return distance


def _star(x: Array, y: Array, _depth: Array, size: float) -> Array:
    lobes = np.cos(np.arctan2(y, x) * 6.0) * 0.09
    return (np.sqrt(x * x + y * y) - size * (0.5 + lobes)) * 0.8


def _hex_socket(x: Array, y: Array, _depth: Array, size: float) -> Array:
    return hexagon(x, y, 0.52 * size)


def _no_drive(x: Array, _y: Array, _depth: Array, _size: float) -> Array:
    return np.full_like(x, 9.0)


Drive = Callable[[Array, Array, Array, float], Array]


def _screw(kind: str, head: Head, drive: Drive, shank: Shank, rng: np.random.Generator) -> Solid:
    """Head and shank as one, the drive cut into the top."""
    depth, size = min(0.65 * head.height, 0.9), head.radius * 0.85

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        body = smooth_min(head.field(x, y, z, rho), shank.field(x, y, z, rho), 0.08)
        if drive is _no_drive:
            return body
        below_top = head.height - z
        cut = np.maximum(drive(x, y, below_top, size), below_top - depth)
        return smooth_max(body, -cut, 0.04)

    wide = head.radius * (HEX_CORNER if head.corners == 6 else 1.0)
    rings = [ring(wide, head.rim, head.corners), ring(min(wide, head.radius), head.height)]
    rings += [ring(1.0, -part * shank.length) for part in (0.25, 0.5)]
    rings += [ring(1.0, -shank.length + shank.point), ring(shank.tip_radius, -shank.length)]
    lying = math.atan2(shank.length + head.rim, head.radius - shank.tip_radius)
    roll = math.pi / 6 if head.corners == 6 else None
    rests: tuple[Rest, ...] = (Rest(lying, roll),) * 6 + (Rest(rng.uniform(0.0, 0.25), sunk=0.55),)
    if not shank.point:
        rests += (Rest(math.pi),)
    return Solid(kind, field, hull_of(rings), rests, _patch(shank, rng))


def _patch(shank: Shank, rng: np.random.Generator) -> Callable[[Array, Array, Array], Mask] | None:
    """Thread locker on as many screws as there are lock nuts: colour must not tell the class."""
    if shank.point or rng.random() > 0.24:
        return None
    low = -shank.length * rng.uniform(0.75, 0.9)
    high = low + shank.length * 0.3

    def plastic(_x: Array, _y: Array, z: Array) -> Mask:
        return (z > low) & (z < high)

    return plastic


def _set_screw(rng: np.random.Generator) -> Solid:
    """A thread from end to end."""
    shank = _machine_shank(rng, shortest=2.6)
    shank = Shank(min(shank.length, 5.5), shank.pitch, shank.depth, -0.3, 0.0, shank.crest)
    drive: Drive = _slot if rng.random() < 0.35 else _hex_socket
    bottom = -shank.length

    def field(x: Array, y: Array, z: Array) -> Array:
        rho = np.sqrt(x * x + y * y)
        body = np.maximum(shank.field(x, y, z, rho), (rho - 0.85 + z) * 0.7)
        return smooth_max(body, -np.maximum(drive(x, y, -z, 1.0), -z - 0.8), 0.04)

    hull = hull_of([ring(1.0, part * bottom) for part in (0.0, 0.5, 1.0)])
    rests = (Rest(math.pi / 2),) * 4 + (Rest(0.0),)
    return Solid("set screw", field, hull, rests, _patch(shank, rng))


def _pick_drive(rng: np.random.Generator) -> Drive:
    drives: tuple[Drive, ...] = (_cross, _cross, _slot, _star)
    return drives[int(rng.integers(len(drives)))]


def _hex_screw(rng: np.random.Generator) -> Solid:
    return _screw("hex head screw", _hex_head(rng), _no_drive, _machine_shank(rng), rng)


def _pan_screw(rng: np.random.Generator) -> Solid:
    return _screw("pan head screw", _pan_head(rng), _pick_drive(rng), _machine_shank(rng), rng)


def _round_screw(rng: np.random.Generator) -> Solid:
    return _screw("round head screw", _round_head(rng), _pick_drive(rng), _wood_shank(rng), rng)


def _socket_screw(rng: np.random.Generator) -> Solid:
    return _screw("socket cap screw", _socket_head(rng), _hex_socket, _machine_shank(rng), rng)


def _countersunk_screw(rng: np.random.Generator) -> Solid:
    head = _countersunk_head(rng)
    return _screw("countersunk screw", head, _pick_drive(rng), _machine_shank(rng), rng)


def _wood_screw(rng: np.random.Generator) -> Solid:
    return _screw("wood screw", _countersunk_head(rng), _pick_drive(rng), _wood_shank(rng), rng)


SCREWS: tuple[Callable[[np.random.Generator], Solid], ...] = (
    _hex_screw,
    _pan_screw,
    _wood_screw,
    _socket_screw,
    _countersunk_screw,
    _set_screw,
    _round_screw,
)
