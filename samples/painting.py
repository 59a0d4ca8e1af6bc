"""A scene as light on a sensor: the ground with its shadows, then the solids, far ones first."""

import math
from collections.abc import Callable
from functools import partial

import numpy as np
from PIL import Image

from samples.rays import Placed, meet_ground, shadow, trace
from samples.scene import Scene
from samples.solids import Array, Mask, Points
from samples.surfaces import Finish, shade

Look = Callable[[Array, Array], Array]

SPOTS = ((0.375, 0.125), (0.875, 0.375), (0.625, 0.875), (0.125, 0.625))  # of a pixel's samples
UNEVEN = 0.06  # a step in linear light from pixel to pixel that would look jagged
FEW = 1500  # pixels that are sampled sooner than looked at for evenness


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
    x, y, _ = _ground_points(scene, width, height)
    c, s = math.cos(scene.turn), math.sin(scene.turn)
    colour = scene.ground(c * x + s * y, c * y - s * x)
    light = scene.light
    lamp, around = _shadows(scene)
    arriving = np.array(light.lamp_colour, dtype=np.float32) * (light.lamp[2] * lamp)[..., None]
    arriving += np.array(light.ceiling, dtype=np.float32) * around[..., None]
    return colour.reshape(height, width, 3) * arriving


def _shadows(scene: Scene) -> tuple[Array, Array]:
    """The lamp's and the surrounding light's share on the ground, each (H, W).

    They are soft, so one point for four pixels is enough.
    """
    width, height = scene.style.width, scene.style.height
    shape = (height + 1) // 2, (width + 1) // 2
    ground = _ground_points(scene, shape[1], shape[0])
    lamp, around = np.ones_like(ground[0]), np.ones_like(ground[0])
    for placed in (scene.object, *(placed for placed, _ in scene.clutter)):
        one_lamp, one_around = shadow(placed, ground, scene.light.lamp, scene.light.softness)
        lamp, around = lamp * one_lamp, around * one_around
    coarse = (Image.fromarray(share.reshape(shape)) for share in (lamp, around))
    fine = [np.asarray(part.resize((width, height), Image.Resampling.BILINEAR)) for part in coarse]
    return fine[0], fine[1]


def _ground_points(scene: Scene, across: int, down: int) -> Points:
    """The ground (3, down × across) seen by the middles of that many cells of the frame."""
    columns = (np.arange(across, dtype=np.float32) + 0.5) * (scene.style.width / across)
    rows = (np.arange(down, dtype=np.float32) + 0.5) * (scene.style.height / down)
    across_all, down_all = np.meshgrid(columns, rows)
    rays = scene.camera.rays(across_all.ravel(), down_all.ravel())
    return meet_ground(scene.camera.position, rays)


def _paint_solid(frame: Array, scene: Scene, placed: Placed, finish: Finish) -> Array:
    """Paints one solid into the frame and returns its share of each pixel (H, W)."""
    height, width = frame.shape[:2]
    share = np.zeros((height, width), dtype=np.float32)
    seen = scene.camera.project(placed.hull())
    left, top = (max(0, math.floor(v) - 1) for v in seen.min(axis=0))
    right, bottom = math.ceil(seen[:, 0].max()) + 1, math.ceil(seen[:, 1].max()) + 1
    right, bottom = min(right, width), min(bottom, height)
    if left >= right or top >= bottom:
        return share
    columns, rows = np.meshgrid(
        np.arange(left, right, dtype=np.float32), np.arange(top, bottom, dtype=np.float32)
    )
    look = partial(_look, scene, placed, finish)
    pixels = _sampled(look, columns, rows)
    window = frame[top:bottom, left:right]
    window *= 1.0 - pixels[..., 3:]
    window += pixels[..., :3]
    share[top:bottom, left:right] = pixels[..., 3]
    return share


def _sampled(look: Look, columns: Array, rows: Array) -> Array:
    """Colour and share (h, w, 4) of pixels: one sample in even places, four in others."""
    if columns.size < FEW:
        return _finer(look, columns.ravel(), rows.ravel()).reshape(*columns.shape, 4)
    pixels = look(columns.ravel() + 0.5, rows.ravel() + 0.5).reshape(*columns.shape, 4)
    uneven = _uneven(pixels)
    if uneven.any():
        pixels[uneven] = _finer(look, columns[uneven], rows[uneven])
    return pixels


def _look(scene: Scene, placed: Placed, finish: Finish, columns: Array, rows: Array) -> Array:
    """Colour and presence (M, 4) of one solid at points of the frame."""
    position = scene.camera.position
    pixel = math.dist(position, (0, 0, 0)) / scene.camera.focal
    hit, points = trace(placed, position, scene.camera.rays(columns, rows), 0.15 * pixel)
    seen = np.zeros((columns.size, 4), dtype=np.float32)
    if hit.any():
        step = 0.3 * pixel / placed.scale
        colour = shade(placed, points, position, finish, scene.light, step)
        # A highlight is cut off before samples are averaged, or its edge would be jagged.
        seen[hit, :3] = np.minimum(colour.T, 1.6)
        seen[hit, 3] = 1.0
    return seen


def _uneven(pixels: Array) -> Mask:
    """Where a pixel differs from one beside it: only there does one sample not do (H, W)."""
    value = pixels[..., 1] + pixels[..., 3]
    uneven = np.zeros(value.shape, dtype=np.bool_)
    across = np.abs(np.diff(value, axis=1)) > UNEVEN
    down = np.abs(np.diff(value, axis=0)) > UNEVEN
    uneven[:, 1:] |= across
    uneven[:, :-1] |= across
    uneven[1:] |= down
    uneven[:-1] |= down
    return uneven


def _finer(look: Look, columns: Array, rows: Array) -> Array:
    """The mean (M, 4) of four samples in each pixel, on a turned square."""
    spots = np.array(SPOTS, dtype=np.float32)
    samples = look((columns[:, None] + spots[:, 0]).ravel(), (rows[:, None] + spots[:, 1]).ravel())
    mean: Array = samples.reshape(-1, len(spots), 4).mean(axis=1)
    return mean
