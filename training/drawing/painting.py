"""A scene as light on a sensor: the ground with its shadows, then the solids, far ones first."""

import math

import numpy as np
from PIL import Image

from training.drawing.rays import Placed, meet_ground, shadow, trace
from training.drawing.scene import Scene
from training.drawing.solids import Array, Points
from training.drawing.surfaces import Finish, shade

SUPERSAMPLING = 2  # samples across a pixel on solids; the ground needs one


def paint(scene: Scene) -> tuple[Array, Array]:
    """Paints a scene without any fault of a camera.

    Returns:
        Linear light (H, W, 3), and the object's share of each pixel (H, W) in [0, 1].
    """
    frame = _paint_ground(scene)
    things = [*scene.clutter, (scene.object, scene.style.finish)]
    things.sort(key=lambda thing: -_distance(thing[0], scene))
    share: Array = np.zeros(frame.shape[:2], dtype=np.float32)
    for placed, finish in things:
        cover = _paint_solid(frame, scene, placed, finish)
        if placed is scene.object:
            share = cover
    return frame, share


def _distance(placed: Placed, scene: Scene) -> float:
    return math.dist(placed.shift, scene.camera.position)


def _paint_ground(scene: Scene) -> Array:
    width, height = scene.style.width, scene.style.height
    x, y, _ = (axis.ravel() for axis in _ground_points(scene, width, height))
    c, s = math.cos(scene.turn), math.sin(scene.turn)
    colour = scene.ground(c * x + s * y, c * y - s * x)
    light = scene.light
    lamp, around = _shadows(scene)
    arriving = np.float32(light.lamp_colour) * (light.lamp[2] * lamp)[..., None]
    arriving += np.float32(light.ceiling) * around[..., None]
    return colour.reshape(height, width, 3) * arriving


def _shadows(scene: Scene) -> tuple[Array, Array]:
    """The lamp's and the surrounding light's share on the ground, each (H, W).

    They are soft, so one point for four pixels is enough.
    """
    width, height = scene.style.width, scene.style.height
    points = _ground_points(scene, (width + 1) // 2, (height + 1) // 2)
    shape = points[0].shape
    ground = tuple(axis.ravel() for axis in points)
    lamp, around = np.ones_like(ground[0]), np.ones_like(ground[0])
    for placed in (scene.object, *(placed for placed, _ in scene.clutter)):
        one_lamp, one_around = shadow(placed, ground, scene.light.lamp, scene.light.softness)
        lamp, around = lamp * one_lamp, around * one_around
    coarse = (Image.fromarray(share.reshape(shape)) for share in (lamp, around))
    fine = [np.asarray(part.resize((width, height), Image.Resampling.BILINEAR)) for part in coarse]
    return fine[0], fine[1]


def _ground_points(scene: Scene, across: int, down: int) -> Points:
    """The ground seen by the middles of `across` × `down` cells of the frame."""
    columns = (np.arange(across, dtype=np.float32) + 0.5) * (scene.style.width / across)
    rows = (np.arange(down, dtype=np.float32) + 0.5) * (scene.style.height / down)
    rays = scene.camera.rays(*np.meshgrid(columns, rows))
    return meet_ground(scene.camera.position, rays)


def _paint_solid(frame: Array, scene: Scene, placed: Placed, finish: Finish) -> Array:
    """Paints one solid into the frame and returns its share of each pixel (H, W)."""
    height, width = frame.shape[:2]
    share = np.zeros((height, width), dtype=np.float32)
    seen = scene.camera.project(placed.hull())
    left, top = (max(0, math.floor(v) - 1) for v in seen.min(axis=0))
    right, bottom = (math.ceil(v) + 2 for v in seen.max(axis=0))
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return share
    n = SUPERSAMPLING
    across = (np.arange((right - left) * n, dtype=np.float32) + 0.5) / n + left
    down = (np.arange((bottom - top) * n, dtype=np.float32) + 0.5) / n + top
    rays = scene.camera.rays(*np.meshgrid(across, down))
    sample = math.dist(scene.camera.position, (0, 0, 0)) / scene.camera.focal / n
    hit, points = trace(
        placed, scene.camera.position, tuple(a.ravel() for a in rays), 0.25 * sample
    )
    colour = np.zeros((hit.size, 4), dtype=np.float32)
    if hit.any():
        step = 0.5 * sample / placed.scale
        colour[hit, :3] = shade(placed, points, scene.camera.position, finish, scene.light, step)
        colour[hit, 3] = 1.0
    # A highlight is cut off before the samples of a pixel are averaged, or its edge would be jagged.
    blocks = np.minimum(colour, 1.6).reshape(bottom - top, n, right - left, n, 4).mean(axis=(1, 3))
    cover = blocks[..., 3]
    window = frame[top:bottom, left:right]
    window *= 1.0 - cover[..., None]
    window += blocks[..., :3]
    share[top:bottom, left:right] = cover
    return share
