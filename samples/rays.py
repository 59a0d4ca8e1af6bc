"""Where solids stand, how a camera sees them, and which ground their shadow falls on.

The world's z is up, the ground is z = 0. Many points are one array (3, M), so that each coordinate
is contiguous: with numpy that is faster than rows of three.

Source for the soft shadow: I. Quilez, "Soft shadows in raymarched SDFs" (2010).
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from samples.solids import Array, Mask, Points, Rest, Solid

Vector = tuple[float, float, float]

STEPS = 30  # of a ray; the few that need more graze an edge
SHADOW_STEPS = 14


def unit(azimuth: float, elevation: float) -> Vector:
    """The direction with these angles, in radians."""
    flat = math.cos(elevation)
    return flat * math.cos(azimuth), flat * math.sin(azimuth), math.sin(elevation)


def dot(a: Points, b: Points | Vector) -> Array:
    """Scalar product, element by element."""
    product: Array = a[0] * b[0] + a[1] * b[1] + a[2] * b[2]
    return product


def normalised(a: Points) -> Points:
    """The same directions with length 1."""
    unit_length: Points = a * (1.0 / np.sqrt(np.maximum(dot(a, a), 1e-12)))
    return unit_length


def column(v: Vector) -> Array:
    """A vector as (3, 1), to be added to points."""
    return np.array(v, dtype=np.float32)[:, None]


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
        """World points (3, M) in the solid's own coordinates."""
        return self.own_direction(points - column(self.shift)) * (1.0 / self.scale)

    def own_direction(self, v: Points) -> Points:
        """World directions (3, M) turned into the solid's own."""
        return self.turn.T @ v

    def world(self, points: Points) -> Points:
        """Own points (3, M) in the world."""
        return self.world_direction(points) * self.scale + column(self.shift)

    def world_direction(self, v: Points) -> Points:
        """Own directions (3, M) turned into the world's."""
        return self.turn @ v

    def moved(self, x: float, y: float) -> "Placed":
        """The same, further along the ground."""
        return replace(self, shift=(self.shift[0] + x, self.shift[1] + y, self.shift[2]))

    def hull(self) -> Array:
        """The hull's points (P, 3) in the world; what is below the ground is lifted onto it."""
        points = self.world(self.solid.hull.T).T
        points[:, 2] = np.maximum(points[:, 2], 0.0)
        return points


def place(solid: Solid, rest: Rest, yaw: float, roll: float, size: float = 1.0) -> Placed:
    """Lays a solid on the ground about the origin, scaled to reach `size` from its middle.

    Args:
        solid: what to lay down.
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
        axes = np.array((self.right, self.up, self.forward), dtype=np.float32)
        across, up, depth = axes @ (points.T - column(self.position))
        x = self.centre[0] + self.focal * across / depth
        y = self.centre[1] - self.focal * up / depth
        return np.stack([x, y], axis=1)

    def on_ground(self, across: float, down: float) -> tuple[float, float]:
        """The point of the ground, x and y, seen at pixel coordinates."""
        ray = self.rays(np.array([across], np.float32), np.array([down], np.float32))
        x, y, _ = meet_ground(self.position, ray)
        return float(x[0]), float(y[0])

    def rays(self, columns: Array, rows: Array) -> Points:
        """Unit directions (3, M) through pixel coordinates (M,)."""
        across = (columns - self.centre[0]) * (1 / self.focal)
        up = (self.centre[1] - rows) * (1 / self.focal)
        return normalised(column(self.right) * across + column(self.up) * up + column(self.forward))


def meet_ground(position: Vector, rays: Points) -> Points:
    """Where rays meet the ground; one that would miss it is bent down to it, far away."""
    far = position[2] / np.maximum(-rays[2], 0.06)
    ground: Points = column(position) + rays * far
    return ground


def _cross(a: Vector, b: Vector) -> Vector:
    return a[1] * b[2] - a[2] * b[1], a[2] * b[0] - a[0] * b[2], a[0] * b[1] - a[1] * b[0]


def camera(azimuth: float, elevation: float, distance: float) -> Camera:
    """A camera on a sphere about the origin, with focal length 1 and its centre at (0, 0)."""
    outward = unit(azimuth, elevation)
    forward = (-outward[0], -outward[1], -outward[2])
    right = (-math.sin(azimuth), math.cos(azimuth), 0.0)
    position = (outward[0] * distance, outward[1] * distance, outward[2] * distance)
    return Camera(position, right, _cross(right, forward), forward, 1.0, (0.0, 0.0))


def _span(placed: Placed, origin: Points, rays: Points, margin: float) -> tuple[Array, Array]:
    """Where rays, in own coordinates, enter and leave the solid's bounding box."""
    low = placed.solid.hull.min(axis=0)[:, None] - margin
    high = placed.solid.hull.max(axis=0)[:, None] + margin
    inverse = 1.0 / np.where(np.abs(rays) < 1e-7, np.float32(1e-7), rays)
    a, b = (low - origin) * inverse, (high - origin) * inverse
    near, far = np.minimum(a, b).max(axis=0), np.maximum(a, b).min(axis=0)
    return np.maximum(near, 0.0), far


def trace(placed: Placed, position: Vector, rays: Points, pixel: float) -> tuple[Mask, Points]:
    """Follows rays from one point to a solid.

    Args:
        placed: the solid.
        position: where the rays start.
        rays: their directions (3, M).
        pixel: how close to the surface is close enough, in world units.

    Returns:
        Which rays hit above the ground (M,), and where (3, hits), in the solid's own coordinates.
    """
    origin, directions = placed.own(column(position)), placed.own_direction(rays)
    travelled = _march(placed, origin, directions, pixel / placed.scale)
    hit = np.isfinite(travelled)
    points = origin + directions[:, hit] * travelled[hit]
    above = placed.world(points)[2] > -2 * pixel
    hit[np.flatnonzero(hit)[~above]] = False
    return hit, points[:, above]


def _march(placed: Placed, origin: Points, directions: Points, enough: float) -> Array:
    """How far each ray goes until the solid, or infinity (M,), in own units."""
    near, far = _span(placed, origin, directions, 0.02)
    travelled = np.full_like(near, np.inf)
    alive = np.flatnonzero(near < far)
    t, end, ray = near[alive], far[alive], directions[:, alive]
    gap = np.full_like(t, np.inf)
    for _ in range(STEPS):
        gap = placed.solid.field(*(origin + ray * t))
        t = t + gap
        landed = gap < enough
        travelled[alive[landed]] = t[landed]
        on = np.flatnonzero(~landed & (t < end))
        if not on.size:
            return travelled
        # Sorting out the rays that are done costs as much as some steps of all of them.
        if on.size < 0.8 * alive.size:
            alive, t, end, gap = alive.take(on), t.take(on), end.take(on), gap.take(on)
            ray = ray.take(on, axis=1)
    # What still creeps along a surface is nearly there, or grazes it.
    nearly = (gap < 6 * enough) & (t < end)
    travelled[alive[nearly]] = t[nearly]
    return travelled


def normals(placed: Placed, p: Points, step: float) -> Points:
    """The surface's normals in own coordinates, by differences over `step`."""
    total = np.zeros_like(p)
    for corner in ((1.0, -1.0, -1.0), (-1.0, -1.0, 1.0), (-1.0, 1.0, -1.0), (1.0, 1.0, 1.0)):
        sign = column(corner)
        total += sign * placed.solid.field(*(p + sign * step))
    return normalised(total)


def shadow(placed: Placed, ground: Points, light: Vector, softness: float) -> tuple[Array, Array]:
    """What a solid takes from the light of the ground's points (3, M).

    Returns:
        The share of the lamp and the share of the surrounding light that still arrive, in [0, 1].
    """
    lamp, around = np.ones_like(ground[0]), np.ones_like(ground[0])
    own, ray = placed.own(ground), placed.own_direction(column(light))
    near, far = _span(placed, own, ray, 0.35 / placed.scale)
    chosen = np.flatnonzero(near < far)
    p = own[:, chosen]
    around[chosen] = 1.0 - 0.65 * np.exp(placed.solid.field(*p) * (-6.0 * placed.scale))
    t, end, share = near[chosen] + 0.01, far[chosen], np.ones_like(p[0])
    for _ in range(SHADOW_STEPS):
        gap = placed.solid.field(*(p + ray * t))
        share = np.minimum(share, gap / (softness * t + 1e-3))
        t = np.minimum(t + np.maximum(gap, 0.02 / placed.scale), end)
    share = np.clip(share, 0.0, 1.0)
    lamp[chosen] = share * share * (3.0 - 2.0 * share)
    return lamp, around
