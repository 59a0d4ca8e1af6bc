"""Metals and plastics, and the room that they mirror.

All colours are linear light, (3,) floats from 0 to about 1. A metal is seen by what it reflects, so
the room has a bright ceiling, a horizon, soft boxes and the ground's own colour.
"""

from dataclasses import dataclass

import numpy as np

from training.drawing.noise import Noise
from training.drawing.rays import Placed, Vector, dot, normalised, normals, unit
from training.drawing.solids import Array, Points

Colour = tuple[float, float, float]


@dataclass(frozen=True)
class Finish:
    """How a surface takes light.

    `mirror` is its reflection seen head-on, `body` what it scatters, `roughness` in [0, 1] blurs
    the mirror, `rust` in [0, 1] is the share that is rusty or worn.
    """

    mirror: Colour
    body: Colour
    roughness: float
    rust: float = 0.0


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
RUST = np.array((0.23, 0.075, 0.025), dtype=np.float32)


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
    return share * share * (3.0 - 2.0 * share)


def _room(light: Light, direction: Points, blur: float) -> Array:
    """What the room sends from a direction, (M, 3)."""
    rise = direction[2]
    to_ceiling = _smooth_step(-0.05, 0.9, rise)[:, None]
    above = np.float32(light.horizon) * (1 - to_ceiling) + np.float32(light.ceiling) * to_ceiling
    wave = np.sin(dot(direction, light.stripes[0]) * 7.0 + light.stripes[1])
    above *= (1.0 + (0.55 * (1 - blur)) * np.tanh(2.0 * wave))[:, None]
    is_above = _smooth_step(-0.02 - blur * 0.5, 0.06 + blur * 0.5, rise)[:, None]
    seen = np.float32(light.floor) * (1 - is_above) + above * is_above
    for towards, cosine, strength in light.boxes:
        wide = 0.015 + 0.3 * blur
        glow = _smooth_step(cosine - wide, cosine + wide, dot(direction, towards))
        seen += (strength * (1 - 0.6 * blur)) * glow[:, None]
    peak = 8.0 + 400.0 * (1 - blur) ** 4
    spot = np.exp(peak * (dot(direction, light.lamp) - 1.0)) * (0.4 + peak * 0.006)
    seen += np.float32(light.lamp_colour) * spot[:, None]
    return seen.astype(np.float32)


def _free(placed: Placed, p: Points, towards: Points, reach: float) -> Array:
    """How little the solid itself is in the way, in [0, 1], by two looks into a direction."""
    share = np.ones_like(p[0])
    for far in (0.35 * reach, reach):
        gap = placed.solid.field(*(p[i] + towards[i] * far for i in range(3)))
        share = np.minimum(share, gap * (1.6 / far) + 0.25)
    return np.clip(share, 0.0, 1.0)


def shade(
    placed: Placed, p: Points, eye: Vector, finish: Finish, light: Light, step: float
) -> Array:
    """The light (M, 3) that leaves a solid's surface towards the eye.

    Args:
        placed: the solid.
        p: points on it, in its own coordinates, each (M,).
        eye: where the camera is, in the world.
        finish: what the solid is made of.
        light: the room.
        step: distance, in own units, over which the normal is taken: about a pixel.
    """
    seed = placed.shift[0] * 50 + placed.scale * 90
    own_normal = normals(placed, p, step)
    blotch = light.wear.on_solid(p, 0.09 * placed.scale)
    grain = light.wear.on_solid(p, 0.9 * placed.scale)
    rust = np.clip((blotch + 0.25 * grain + 2.6 * finish.rust - 1.5) * 3.0, 0.0, 1.0)
    rust *= finish.rust > 0
    bump = grain * (0.03 + 0.12 * rust) + 0.035 * blotch
    own_normal = normalised((own_normal[0] + bump, own_normal[1] - bump, own_normal[2] + bump))
    normal = placed.world_direction(own_normal)
    away = placed.world_direction(p)
    world = tuple(away[i] * placed.scale + placed.shift[i] for i in range(3))
    view = normalised((eye[0] - world[0], eye[1] - world[1], eye[2] - world[2]))
    facing = dot(normal, view)
    mirrored = tuple(2.0 * facing * normal[i] - view[i] for i in range(3))

    around = _free(placed, p, own_normal, 0.9) * (1.0 - 0.5 * np.exp(-5.0 * world[2].clip(0.0)))
    lamp = np.maximum(dot(normal, light.lamp), 0.0)
    to_lamp = placed.own_direction(tuple(np.full_like(p[0], v) for v in light.lamp))
    lamp *= _free(placed, p, to_lamp, 1.1)
    to_mirrored = placed.own_direction(mirrored)
    reflected = (
        _room(light, mirrored, finish.roughness) * _free(placed, p, to_mirrored, 0.8)[:, None]
    )

    sky = (0.5 + 0.5 * normal[2])[:, None]
    soft = np.float32(light.ceiling) * sky + np.float32(light.floor) * (1 - sky)
    scattered = soft * around[:, None] + np.float32(light.lamp_colour) * lamp[:, None]
    rim = ((1.0 - np.clip(facing, 0.0, 1.0)) ** 5)[:, None]
    mirror, body = np.float32(finish.mirror), np.float32(finish.body)
    mirror, body = mirror * (1.0 + 0.12 * blotch)[:, None], body * np.ones_like(rim)
    if placed.solid.plastic is not None:
        coated = placed.solid.plastic(*p)[:, None]
        mirror = np.where(coated, np.float32(0.05), mirror)
        body = np.where(coated, np.float32(_plastic(seed)), body)
    spread = rust[:, None]
    mirror = mirror * (1 - 0.92 * spread)
    body = body * (1 - spread) + RUST * (1.0 + 0.35 * blotch + 0.4 * grain)[:, None] * spread
    mirror = mirror + (1.0 - mirror) * rim * (0.35 * (1 - finish.roughness)) * (1 - spread)
    result: Array = mirror * reflected * (0.35 + 0.65 * around[:, None]) + body * scattered
    return result.astype(np.float32)


def _plastic(seed: float) -> Colour:
    return PLASTICS[int(abs(seed) * 97) % len(PLASTICS)]
