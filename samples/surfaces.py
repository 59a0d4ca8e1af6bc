"""Metals and plastics, and the room that they mirror.

All colours are linear light, (3,) floats from 0 to about 1. A metal is seen by what it reflects, so
the room has a bright ceiling, a horizon, soft boxes and the ground's own colour.
"""

from dataclasses import dataclass

import numpy as np

from samples.noise import Noise
from samples.rays import Placed, Vector, column, dot, normalised, normals, unit
from samples.solids import Array, Points

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """How a surface takes light.

    `mirror` is its reflection seen head-on, `body` what it scatters, `roughness` in [0, 1] blurs
    the mirror, `rust` in [0, 1] is the share that is rusty. `plastic` is what the solid's plastic
    part scatters, where it has one.
    """

    mirror: Colour
    body: Colour
    roughness: float
    rust: float = 0.0
    plastic: Colour = (0.05, 0.16, 0.55)


METALS: dict[str, Finish] = {
    "zinc": Finish((0.62, 0.65, 0.70), (0.13, 0.14, 0.15), 0.30),
    "stainless steel": Finish((0.60, 0.58, 0.55), (0.07, 0.07, 0.07), 0.18),
    "galvanised steel": Finish((0.42, 0.43, 0.45), (0.22, 0.23, 0.24), 0.62),
    "yellow zinc": Finish((0.68, 0.56, 0.30), (0.15, 0.12, 0.05), 0.32),
    "brass": Finish((0.80, 0.60, 0.25), (0.13, 0.09, 0.03), 0.22),
    "copper": Finish((0.78, 0.42, 0.28), (0.12, 0.06, 0.04), 0.26),
    "black oxide": Finish((0.085, 0.085, 0.09), (0.018, 0.018, 0.02), 0.34),
    "rusty steel": Finish((0.38, 0.34, 0.31), (0.11, 0.09, 0.08), 0.5, 0.62),
    "old brass": Finish((0.50, 0.38, 0.18), (0.13, 0.09, 0.04), 0.45, 0.2),
}
PLASTICS: tuple[Colour, ...] = (
    (0.05, 0.16, 0.55),
    (0.70, 0.70, 0.66),
    (0.60, 0.07, 0.05),
    (0.06, 0.32, 0.14),
)
RUST: Colour = (0.23, 0.075, 0.025)


@dataclass(frozen=True)
class Light:
    """A lamp, the room around it, and what of both the ground sends back."""

    lamp: Vector
    lamp_colour: Colour
    ceiling: Colour
    horizon: Colour
    floor: Colour
    boxes: tuple[tuple[Vector, float, float], ...]  # direction, cosine of its half width, strength
    stripes: tuple[Vector, float]  # direction and phase of light and dark in the room
    softness: float  # tangent of the lamp's half width
    wear: Noise  # blotches, rust and grain of everything in the room


def light_of(rng: np.random.Generator, floor: Colour) -> Light:
    """A random room with a lamp above, white but for a little warmth or cold."""
    warmth = rng.uniform(-0.12, 0.12)
    tone = (1.0 + warmth, 1.0, 1.0 - warmth)
    lamp, ceiling, horizon = rng.uniform(0.75, 1.3), rng.uniform(0.45, 0.8), rng.uniform(0.15, 0.45)
    boxes = tuple(
        (
            unit(rng.uniform(0, 6.28), rng.uniform(0.25, 1.4)),
            rng.uniform(0.80, 0.96),
            rng.uniform(0.5, 1.3),
        )
        for _ in range(int(rng.integers(2, 5)))
    )
    return Light(
        lamp=unit(rng.uniform(0, 6.28), rng.uniform(0.6, 1.3)),
        lamp_colour=(lamp * tone[0], lamp, lamp * tone[2]),
        ceiling=(ceiling / tone[0], ceiling, ceiling / tone[2]),
        horizon=(horizon, horizon, horizon),
        floor=floor,
        boxes=boxes,
        stripes=(unit(rng.uniform(0, 6.28), rng.uniform(-0.5, 0.8)), rng.uniform(0, 6.28)),
        softness=rng.uniform(0.06, 0.4),
        wear=Noise(rng, 1.5),
    )


def _smooth_step(low: float, high: float, x: Array) -> Array:
    share = np.clip((x - low) * (1 / (high - low)), 0.0, 1.0)
    smooth: Array = share * share * (3.0 - 2.0 * share)
    return smooth


def _room(light: Light, direction: Points, blur: float) -> Array:
    """What the room sends from directions (3, M), as colours (3, M)."""
    rise = direction[2]
    to_ceiling = _smooth_step(-0.05, 0.9, rise)
    above = column(light.horizon) * (1 - to_ceiling) + column(light.ceiling) * to_ceiling
    wave = np.sin(dot(direction, light.stripes[0]) * 7.0 + light.stripes[1])
    above *= 1.0 + (0.55 * (1 - blur)) * np.tanh(2.0 * wave)
    is_above = _smooth_step(-0.02 - blur * 0.5, 0.06 + blur * 0.5, rise)
    seen: Array = column(light.floor) * (1 - is_above) + above * is_above
    wide = 0.015 + 0.3 * blur
    for towards, cosine, strength in light.boxes:
        glow = _smooth_step(cosine - wide, cosine + wide, dot(direction, towards))
        seen += (strength * (1 - 0.6 * blur)) * glow
    peak = 8.0 + 400.0 * (1 - blur) ** 4
    spot = np.exp(peak * (dot(direction, light.lamp) - 1.0)) * (0.4 + peak * 0.006)
    seen += column(light.lamp_colour) * spot
    return seen


def _free(placed: Placed, p: Points, towards: Points, reach: float) -> Array:
    """How little the solid itself is in the way, in [0, 1], by two looks into a direction."""
    share = np.ones_like(p[0])
    for far in (0.35 * reach, reach):
        gap = placed.solid.field(*(p + towards * far))
        share = np.minimum(share, gap * (1.6 / far) + 0.25)
    clipped: Array = np.clip(share, 0.0, 1.0)
    return clipped


@dataclass(frozen=True)
class _Skin:
    """What a solid's surface is like at M points."""

    mirror: Array  # (3, M)
    body: Array  # (3, M)
    gloss: Array  # (M,): how much brighter it mirrors at a grazing angle
    bump: Array  # (M,): how far the normal is pushed about


def _skin(placed: Placed, p: Points, finish: Finish, wear: Noise) -> _Skin:
    """The finish with its blotches, its rust, and the plastic where there is some."""
    blotch = wear.on_solid(p, 0.09 * placed.scale)
    grain = wear.grain_on_solid(p, 0.9 * placed.scale)
    rust = np.zeros_like(blotch)
    if finish.rust:
        rust = np.clip((blotch + 0.25 * grain + 2.6 * finish.rust - 1.5) * 3.0, 0.0, 1.0)
    mirror = column(finish.mirror) * (1.0 + 0.12 * blotch) * (1.0 - 0.92 * rust)
    rusty = column(RUST) * (1.0 + 0.35 * blotch + 0.4 * grain)
    body = column(finish.body) * (1.0 - rust) + rusty * rust
    if placed.solid.plastic is not None:
        coated = placed.solid.plastic(*p)
        mirror = np.where(coated, np.float32(0.05), mirror)
        body = np.where(coated, column(finish.plastic), body)
    gloss = (0.35 * (1 - finish.roughness)) * (1.0 - rust)
    return _Skin(mirror, body, gloss, grain * (0.03 + 0.12 * rust) + 0.035 * blotch)


def shade(
    placed: Placed, p: Points, eye: Vector, finish: Finish, light: Light, step: float
) -> Array:
    """The light (3, M) that leaves a solid's surface towards the eye.

    Args:
        placed: the solid.
        p: points on it (3, M), in its own coordinates.
        eye: where the camera is, in the world.
        finish: what the solid is made of.
        light: the room.
        step: distance, in own units, over which the normal is taken: about a pixel.
    """
    skin = _skin(placed, p, finish, light.wear)
    own_normal = normalised(normals(placed, p, step) + column((1.0, -1.0, 1.0)) * skin.bump)
    normal, world = placed.world_direction(own_normal), placed.world(p)
    view = normalised(column(eye) - world)
    facing = dot(normal, view)
    mirrored = 2.0 * facing * normal - view

    open_share = _free(placed, p, own_normal, 0.9)
    open_share *= 1.0 - 0.5 * np.exp(-5.0 * np.maximum(world[2], 0.0))
    lamp = np.maximum(dot(normal, light.lamp), 0.0)
    lamp *= _free(placed, p, placed.own_direction(column(light.lamp)), 1.1)
    reflected = _room(light, mirrored, finish.roughness)
    reflected *= _free(placed, p, placed.own_direction(mirrored), 0.8) * (0.35 + 0.65 * open_share)
    sky = 0.5 + 0.5 * normal[2]
    around = column(light.ceiling) * sky + column(light.floor) * (1.0 - sky)
    scattered = around * open_share + column(light.lamp_colour) * lamp

    rim = (1.0 - np.clip(facing, 0.0, 1.0)) ** 5 * skin.gloss
    mirror = skin.mirror + (1.0 - skin.mirror) * rim
    leaving: Array = mirror * reflected + skin.body * scattered
    return leaving
