"""One finished picture with the box of its object, from a seed and a number and nothing else."""

from dataclasses import dataclass

import numpy as np
from PIL import Image

from samples.painting import paint
from samples.photo import develop
from samples.scene import scene_of, style_of
from samples.solids import Mask

LABELS = ("screws", "nuts")


@dataclass(frozen=True)
class Box:
    """A rectangle in pixels; `right` and `bottom` are the first that lie outside."""

    left: int
    top: int
    right: int
    bottom: int


@dataclass(frozen=True)
class Picture:
    """A drawn picture, where its object is, and how it wants to be stored."""

    image: Image.Image
    label: str
    kind: str
    mask: Mask  # (H, W): the object covers at least a quarter of the pixel
    box: Box  # of the mask
    quality: int  # of the JPEG file; 0 means PNG


def draw(seed: int, index: int, sides: tuple[int, int]) -> Picture:
    """Draws picture number `index`: even ones are screws, odd ones are nuts.

    A picture depends on no other. What could tell the classes apart by chance (frame, metal,
    ground, file format) comes from a generator that a screw shares with the nut after it; all the
    rest comes from a generator of its own.

    Args:
        seed: chooses the whole set; not negative.
        index: the picture's number; not negative.
        sides: shortest and longest side of a frame, in pixels.
    """
    pair, label = index // 2, LABELS[index % 2]
    style = style_of(np.random.default_rng([seed, pair, 0]), *sides)
    rng = np.random.default_rng([seed, index, 1])
    scene = scene_of(label, style, pair, rng)
    frame, share = paint(scene)
    mask = share >= 0.25
    return Picture(develop(frame, rng), label, scene.kind, mask, _box_of(mask), style.quality)


def _box_of(mask: Mask) -> Box:
    """The smallest box around all that is true in a mask (H, W)."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    return Box(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
