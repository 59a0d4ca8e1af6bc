"""Where solids stand, how a camera sees them, and which ground their shadow falls on.

The world's z is up, the ground is z = 0. Coordinates are kept apart as x, y, z arrays of the same
shape: with numpy that is faster than rows of three.

Source for the soft shadow: I. Quilez, "Soft shadows in raymarched SDFs" (2010).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from training.drawing.solids import Array, Mask, Points, Rest, Solid

Vector = tuple[float, float, float]


def unit(azimuth: float, elevation: float) -> Vector:
    """The direction with these angles, in radians."""
    flat = math.cos(elevation)
    return flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)


def dot(a: Points, b: Points | Vector) -> Array:
    """Scalar product, element by element."""
    return a[0] * b[0] + a[1] * b[1] + a[2] * b[2]


def normalised(a: Points) -> Points:
    """The same directions with length 1."""
    inverse = 1.0 / np.sqrt(np.maximum(dot(a, a), 1e-12))
    return a[0] * inverse, a[1] * inverse, a[2] * inverse


def _turn(angle: float, axis: int) -> Array:
    """Rotation matrix about one axis."""
    c, s = math.cos(angle), math.sin(angle)
    first, second = (axis + 1) % 3, (axis + 2) % 3
    matrix = np.eye(3, dtype=np.float32)
    matrix[first, first] = matrix[second, second] = c
    matrix[first, second], matrix[second, first] = -s, s
    return matrix


@dataclass(frozen=True)
class Placed:
    """A solid in the world: world = turn @ (scale * own) + shift."""

    solid: Solid
    turn: Array
    shift: Vector
    scale: float

    def own(self, points: Points) -> Points:
        """World points in the solid's own coordinates."""
        x, y, z = (points[i] - self.shift[i] for i in range(3))
        return self.own_direction((x, y, z), 1.0 / self.scale)

    def own_direction(self, v: Points, scale: float = 1.0) -> Points:
        """World directions turned into the solid's own."""
        t = (self.turn * scale).tolist()
        x, y, z = (t[0][i] * v[0] + t[1][i] * v[1] + t[2][i] * v[2] for i in range(3))
        return x, y, z

    def world_direction(self, v: Points) -> Points:
        """Own directions turned into the world's."""
        t = self.turn.tolist()
        x, y, z = (t[i][0] * v[0] + t[i][1] * v[1] + t[i][2] * v[2] for i in range(3))
        return x, y, z

    def moved(self, x: float, y: float) -> "Placed":
        """The same, further along the ground."""
        return replace(self, shift=(self.shift[0] + x, self.shift[1] + y, self.shift[2]))

    def hull(self) -> Array:
        """The hull's points (P, 3) in the world; what is below the ground is lifted onto it."""
        points = (self.solid.hull * self.scale) @ self.turn.T + np.float32(self.shift)
        points[:, 2] = np.maximum(points[:, 2], 0.0)
        return points.astype(np.float32)


def place(solid: Solid, rest: Rest, yaw: float, roll: float, size: float = 1.0) -> Placed:
    """Lays a solid on the ground about the origin, scaled to reach `size` from its middle.

    Args:
        rest: how it lies.
        yaw: turn about the world's z.
        roll: turn about its own axis where `rest` leaves that open.
        size: half its largest extent, in world units.
    """
    own_roll = roll if rest.roll is None else rest.roll
    turn = _turn(yaw, 2) @ _turn(rest.tilt, 1) @ _turn(own_roll, 2)
    points = solid.hull @ turn.T
    low, high = points.min(axis=0), points.max(axis=0)
    scale = size / float(np.linalg.norm(points - (low + high) / 2, axis=1).max())
    x, y = (float(value) * -scale for value in (low + high)[:2] / 2)
    ground = float(low[2] + rest.sunk * (high[2] - low[2]))
    return Placed(solid, turn.astype(np.float32), (x, y, -scale * ground), scale)


@dataclass(frozen=True)
class Camera:
    """A pinhole camera that looks at the origin's height; its centre may be off the frame's."""

    position: Vector
    right: Vector
    up: Vector
    forward: Vector
    focal: float
    centre: tuple[float, float]

    def project(self, points: Array) -> Array:
        """World points (P, 3) as pixel coordinates (P, 2)."""
        away = points - np.float32(self.position)
        depth = away @ np.float32(self.forward)
        x = self.centre[0] + self.focal * (away @ np.float32(self.right)) / depth
        y = self.centre[1] - self.focal * (away @ np.float32(self.up)) / depth
        return np.stack([x, y], axis=1).astype(np.float32)

    def on_ground(self, column: float, row: float) -> tuple[float, float]:
        """The point of the ground, x and y, seen at pixel coordinates."""
        ray = self.rays(np.float32([column]), np.float32([row]))
        x, y, _ = meet_ground(self.position, ray)
        return float(x[0]), float(y[0])

    def rays(self, columns: Array, rows: Array) -> Points:
        """Unit directions through pixel coordinates."""
        a = (columns - self.centre[0]) * (1 / self.focal)
        b = (self.centre[1] - rows) * (1 / self.focal)
        x, y, z = (self.forward[i] + a * self.right[i] + b * self.up[i] for i in range(3))
        return normalised((x, y, z))


def meet_ground(position: Vector, rays: Points) -> Points:
    """Where rays meet the ground; one that would miss it is bent down to it, far away."""
    far = position[2] / np.maximum(-rays[2], 0.06)
    return position[0] + rays[0] * far, position[1] + rays[1] * far, np.zeros_like(far)


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def camera(azimuth: float, elevation: float, distance: float) -> Camera:
    """A camera on a sphere about the origin, with focal length 1 and its centre at (0, 0)."""
    outward = unit(azimuth, elevation)
    forward = (-outward[0], -outward[1], -outward[2])
    right = (-math.sin(azimuth), math.cos(azimuth), 0.0)
    position = (outward[0] * distance, outward[1] * distance, outward[2] * distance)
    return Camera(position, right, _cross(right, forward), forward, 1.0, (0.0, 0.0))


def _span(placed: Placed, origin: Points, ray: Points, margin: float) -> tuple[Array, Array]:
    """Where rays, in own coordinates, enter and leave the solid's bounding box."""
    low = placed.solid.hull.min(axis=0) - margin
    high = placed.solid.hull.max(axis=0) + margin
    near, far = np.zeros_like(ray[0]), np.full_like(ray[0], 1e6)
    for axis in range(3):
        inverse = 1.0 / np.where(np.abs(ray[axis]) < 1e-7, np.float32(1e-7), ray[axis])
        a = (low[axis] - origin[axis]) * inverse
        b = (high[axis] - origin[axis]) * inverse
        near = np.maximum(near, np.minimum(a, b))
        far = np.minimum(far, np.maximum(a, b))
    return near, far


def trace(placed: Placed, position: Vector, rays: Points, pixel: float) -> tuple[Mask, Points]:
    """Follows rays (M,) from one point to the solid.

    Args:
        pixel: how close to the surface is close enough, in world units.

    Returns:
        Which rays hit above the ground (M,), and where, in the solid's own coordinates.
    """
    origin = placed.own((np.float32(position[0]), np.float32(position[1]), np.float32(position[2])))
    direction = placed.own_direction(rays)
    near, far = _span(placed, origin, direction, 0.02)
    alive = np.flatnonzero(near < far)
    travelled, hit = near.copy(), np.zeros(near.shape, dtype=np.bool_)
    enough = pixel / placed.scale
    t, end = near[alive], far[alive]
    dx, dy, dz = (d[alive] for d in direction)
    for _ in range(56):
        gap = placed.solid.field(origin[0] + dx * t, origin[1] + dy * t, origin[2] + dz * t)
        t = t + gap
        landed = gap < enough
        hit[alive[landed]] = True
        travelled[alive] = t
        on = ~landed & (t < end)
        alive, t, end, dx, dy, dz = (v[on] for v in (alive, t, end, dx, dy, dz))
        if not alive.size:
            break
    points = tuple(origin[i] + direction[i][hit] * travelled[hit] for i in range(3))
    height = dot(points, tuple(placed.turn[2].tolist())) * placed.scale + placed.shift[2]
    above = height > -2 * pixel
    hit[np.flatnonzero(hit)[~above]] = False
    return hit, (points[0][above], points[1][above], points[2][above])


def normals(placed: Placed, p: Points, step: float) -> Points:
    """The surface's normals in own coordinates, by differences over `step`."""
    total = [np.zeros_like(p[0]) for _ in range(3)]
    for sign in ((1, -1, -1), (-1, -1, 1), (-1, 1, -1), (1, 1, 1)):
        value = placed.solid.field(*(p[i] + sign[i] * step for i in range(3)))
        for i in range(3):
            total[i] += sign[i] * value
    return normalised((total[0], total[1], total[2]))


def shadow(placed: Placed, ground: Points, light: Vector, softness: float) -> tuple[Array, Array]:
    """What a solid takes from the ground's light.

    Returns:
        The share of the lamp and the share of the surrounding light that still arrive, in [0, 1].
    """
    lamp, around = np.ones_like(ground[0]), np.ones_like(ground[0])
    own = placed.own(ground)
    ray = tuple(np.float32(v) for v in placed.own_direction(tuple(map(np.float32, light))))
    margin = 0.35 / placed.scale
    rays = tuple(np.full_like(own[0], v) for v in ray)
    near, far = _span(placed, own, rays, margin)
    chosen = np.flatnonzero(near < far)
    p = tuple(axis[chosen] for axis in own)
    around[chosen] = 1.0 - 0.65 * np.exp(placed.solid.field(*p) * (-6.0 * placed.scale))
    t, end, open_share = near[chosen] + 0.01, far[chosen], np.ones_like(p[0])
    for _ in range(18):
        gap = placed.solid.field(*(p[i] + ray[i] * t for i in range(3)))
        open_share = np.minimum(open_share, gap / (softness * t + 1e-3))
        t = np.minimum(t + np.maximum(gap, 0.02 / placed.scale), end)
    open_share = np.clip(open_share, 0.0, 1.0)
    lamp[chosen] = open_share * open_share * (3.0 - 2.0 * open_share)
    return lamp, around
