"""What is in a picture: an object on a ground among clutter, in a light, before a camera.

The class chooses the object's shape and nothing else. What could otherwise tell the classes apart
by chance, the size of the frame, the metal, the ground and the file format, is a `Style` that a
screw and a nut share; everything else is drawn for each picture.
"""

import math
from dataclasses import dataclass, replace

import numpy as np

from samples.clutter import CLUTTER, CRUMB
from samples.grounds import GROUNDS, Ground
from samples.nuts import NUTS
from samples.rays import Camera, Placed, camera, place
from samples.screws import SCREWS
from samples.solids import Array
from samples.surfaces import METALS, PLASTICS, Finish, Light, light_of

ASPECTS = (1.0, 1.0, 4 / 3, 3 / 4, 3 / 2, 2 / 3, 5 / 4)
DULL = (
    Finish((0.04, 0.04, 0.04), (0.65, 0.63, 0.58), 0.5),
    Finish((0.04, 0.04, 0.04), (0.03, 0.03, 0.03), 0.5),
    Finish((0.04, 0.04, 0.04), (0.45, 0.28, 0.14), 0.7),
    Finish((0.04, 0.04, 0.04), (0.42, 0.08, 0.05), 0.6),
)


@dataclass(frozen=True)
class Style:
    """What a screw and a nut of the same pair have in common."""

    width: int
    height: int
    finish: Finish
    ground: int  # index into GROUNDS
    quality: int  # of the JPEG file; 0 means PNG


@dataclass(frozen=True)
class Scene:
    """All that is in a picture before the camera's own faults."""

    style: Style
    kind: str
    object: Placed
    clutter: tuple[tuple[Placed, Finish], ...]
    camera: Camera
    ground: Ground
    turn: float  # of the ground's grain
    light: Light


def style_of(rng: np.random.Generator, shortest: int, longest: int) -> Style:
    """Draws what a pair shares; each side of the frame lies from `shortest` to `longest`."""
    aspect = ASPECTS[int(rng.integers(len(ASPECTS)))]
    stretch = max(aspect, 1 / aspect)
    long = rng.uniform(min(shortest * stretch, longest), longest)
    sides = round(long), max(shortest, round(long / stretch))
    width, height = sides if aspect >= 1 else sides[::-1]
    finish = tuple(METALS.values())[int(rng.integers(len(METALS)))]
    finish = replace(
        finish,
        roughness=float(np.clip(finish.roughness + rng.normal(0, 0.07), 0.1, 0.8)),
        plastic=PLASTICS[int(rng.integers(len(PLASTICS)))],
    )
    quality = 0 if rng.random() < 0.2 else int(rng.integers(62, 96))
    return Style(width, height, finish, int(rng.integers(len(GROUNDS))), quality)


def _aimed(view: Camera, hull: Array, style: Style, rng: np.random.Generator) -> Camera:
    """The camera with focal length and centre such that the hull is inside the frame, somewhere."""
    seen = view.project(hull)
    low, high = seen.min(axis=0), seen.max(axis=0)
    wide, tall = (float(v) for v in high - low)
    share = rng.uniform(0.55, 0.92)
    focal = share * min(style.width, style.height) / max(wide, tall)
    room_x, room_y = style.width - focal * wide, style.height - focal * tall
    left, top = room_x * rng.uniform(0.1, 0.9), room_y * rng.uniform(0.1, 0.9)
    return replace(
        view, focal=focal, centre=(left - focal * float(low[0]), top - focal * float(low[1]))
    )


def scene_of(label: str, style: Style, number: int, rng: np.random.Generator) -> Scene:
    """Puts a scene together.

    Args:
        label: "screws" or "nuts".
        style: what the pair shares.
        number: chooses the kind, so that kinds are equally frequent.
        rng: the picture's own generator.
    """
    makers = SCREWS if label == "screws" else NUTS
    solid = makers[number % len(makers)](rng)
    rest = solid.rests[int(rng.integers(len(solid.rests)))]
    placed = place(solid, rest, rng.uniform(0, 2 * math.pi), rng.uniform(0, 2 * math.pi))
    elevation = math.radians(rng.uniform(35, 88))
    view = camera(rng.uniform(0, 2 * math.pi), elevation, rng.uniform(7.0, 15.0))
    ground = GROUNDS[style.ground](rng)
    axis = np.linspace(-1, 1, 12, dtype=np.float32)
    red, green, blue = ground(*np.meshgrid(axis, axis)).reshape(-1, 3).mean(axis=0).tolist()
    light = light_of(rng, (red, green, blue))
    scene = Scene(
        style=style,
        kind=solid.kind,
        object=placed,
        clutter=(),
        camera=_aimed(view, placed.hull(), style, rng),
        ground=ground,
        turn=rng.uniform(0, 2 * math.pi),
        light=light,
    )
    return replace(scene, clutter=_clutter(scene, rng))


def _clutter(scene: Scene, rng: np.random.Generator) -> tuple[tuple[Placed, Finish], ...]:
    """Things around the object, each where it neither hides it nor touches another."""
    things = [
        CLUTTER[int(rng.integers(len(CLUTTER)))] for _ in range(int(rng.choice((0, 1, 1, 2, 3))))
    ]
    things += [CRUMB] * int(rng.choice((0, 0, 1, 3)))
    corners = scene.object.hull()[::2]
    between = (corners[:, None, :] + corners[None, :, :]) / 2  # fills the hull with points
    taken = scene.camera.project(between.reshape(-1, 3))
    found: list[tuple[Placed, Finish]] = []
    for thing in things:
        solid, size = thing.make(rng), rng.uniform(thing.smallest, thing.largest)
        placed = place(solid, solid.rests[0], rng.uniform(0, 6.28), rng.uniform(0, 6.28), size)
        finishes = tuple(METALS.values()) if thing.metal else DULL
        finish = finishes[int(rng.integers(len(finishes)))]
        moved = _free_place(scene, placed, taken, rng)
        if moved is not None:
            found.append((moved, finish))
            taken = np.concatenate([taken, scene.camera.project(moved.hull())])
    return tuple(found)


def _free_place(
    scene: Scene, placed: Placed, taken: Array, rng: np.random.Generator
) -> Placed | None:
    """The thing moved to a free place in view, or None where eight tries found none."""
    style, view = scene.style, scene.camera
    for _ in range(8):
        column, row = rng.uniform(0, style.width), rng.uniform(0, style.height)
        moved = placed.moved(*view.on_ground(column, row))
        seen = view.project(moved.hull())
        middle = seen.mean(axis=0)
        reach = float(np.linalg.norm(seen - middle, axis=1).max())
        if float(np.linalg.norm(taken - middle, axis=1).min()) > reach + 3:
            return moved
    return None
