"""Grounds to lie on: wood, cloth, paper, metal and more, as colours of points on a plane.

Every ground is a function of two coordinates in world units, where an object reaches about 1 from
its middle, so that a ground's grain tells nothing of the object on it.
"""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from samples.noise import Noise
from samples.solids import Array

Ground = Callable[[Array, Array], Array]


def _mix(dark: NDArray[np.float64], light: NDArray[np.float64], share: Array) -> Array:
    share = np.clip(share, 0.0, 1.0)[..., None]
    return np.float32(dark) * (1 - share) + np.float32(light) * share


def _pick(rng: np.random.Generator, *colours: tuple[float, float, float]) -> NDArray[np.float64]:
    chosen = np.array(colours[int(rng.integers(len(colours)))])
    return chosen * rng.uniform(0.94, 1.06, size=3) * rng.uniform(0.75, 1.25)


def _line(x: Array, width: float) -> Array:
    """1 on lines at whole numbers, fading over half a width."""
    return np.clip(1.5 - np.abs(x - np.round(x)) * (2.0 / width), 0.0, 1.0)


def wood(rng: np.random.Generator) -> Ground:
    """Planed boards with year rings and fine pores."""
    noise = Noise(rng)
    light = _pick(
        rng, (0.62, 0.42, 0.24), (0.45, 0.26, 0.13), (0.72, 0.56, 0.38), (0.25, 0.13, 0.07)
    )
    dark = light * rng.uniform(0.45, 0.7)
    board, rings = rng.uniform(1.6, 4.0), rng.uniform(2.0, 5.0)

    def ground(u: Array, v: Array) -> Array:
        number = np.floor(v / board)
        u = u + number * 3.7
        bend = noise(u * 0.12, v * 0.5 + number * 0.37, 0.12)
        wave = (v + 1.1 * bend) * rings
        ring = wave - np.floor(wave)
        pores = noise(u * 0.06, v, 0.9)
        share = 0.25 + 0.65 * (1 - ring) ** 2 + 0.28 * pores + 0.25 * noise(u * 0.3, v, 0.1)
        seam = _line(v / board, 0.03)
        return _mix(light, dark, share) * (1 - 0.75 * seam)[..., None]

    return ground


def cloth(rng: np.random.Generator) -> Ground:
    """A plain or checked weave."""
    noise = Noise(rng)
    base = _pick(
        rng,
        (0.10, 0.18, 0.38),
        (0.55, 0.52, 0.45),
        (0.35, 0.08, 0.08),
        (0.16, 0.17, 0.18),
        (0.18, 0.30, 0.20),
    )
    second = base * rng.uniform(0.4, 1.6) if rng.random() < 0.4 else base
    count, check = rng.uniform(11, 20), rng.uniform(1.0, 2.5)

    def ground(u: Array, v: Array) -> Array:
        u, v = u + 0.02 * noise(u, v, 0.3), v + 0.02 * noise(v, u, 0.3)
        warp, weft = np.sin(u * (count * 3.14)), np.sin(v * (count * 3.14))
        over = np.where(warp * weft > 0, np.abs(warp), np.abs(weft))
        light = 0.45 + 0.6 * over + 0.2 * noise.grain(u, v, 0.9) + 0.1 * noise(u, v, 0.08)
        bands = 0.5 * (np.floor(u / check) % 2 + np.floor(v / check) % 2)
        colour: Array = _mix(base, second, bands) * light[..., None]
        return colour

    return ground


def paper(rng: np.random.Generator) -> Ground:
    """A sheet: blank, ruled, squared or printed with lines of text."""
    noise = Noise(rng, 0.9)
    sheet = _pick(
        rng, (0.80, 0.80, 0.78), (0.78, 0.74, 0.62), (0.62, 0.72, 0.78), (0.52, 0.37, 0.23)
    )
    ink = _pick(rng, (0.06, 0.06, 0.07), (0.10, 0.16, 0.45), (0.45, 0.12, 0.10))
    print_kind, gap = int(rng.integers(4)), rng.uniform(0.25, 0.5)

    def ground(u: Array, v: Array) -> Array:
        fibre = 1.0 + 0.035 * noise.grain(u, v, 1.1) + 0.05 * noise(u, v, 0.06)
        mark = np.zeros_like(u)
        if print_kind in (1, 2):
            mark = 0.55 * _line(v / gap, 0.07)
        if print_kind == 2:
            mark = np.maximum(mark, 0.55 * _line(u / gap, 0.07))
        if print_kind == 3:
            row = np.floor(v / gap)
            stroke = noise(u, row * 0.173, 0.85) + 0.9 * noise(u * 0.35, row * 0.37, 0.6)
            inside = np.abs(v / gap - row - 0.5) < 0.26
            curl = noise.grain(u * 2.0, v * 2.0, 0.8)
            mark = 0.75 * np.clip((stroke + curl - 0.1) * 2.5, 0.0, 1.0) * inside
        return _mix(sheet, ink, mark) * fibre[..., None]

    return ground


def metal(rng: np.random.Generator) -> Ground:
    """A brushed and scratched sheet."""
    noise = Noise(rng, 0.7)
    base = _pick(rng, (0.42, 0.43, 0.45), (0.22, 0.23, 0.25), (0.52, 0.50, 0.47))
    scratches = [
        (rng.uniform(0, 3.14), rng.uniform(-2, 2), rng.uniform(0.1, 0.5)) for _ in range(9)
    ]

    def ground(u: Array, v: Array) -> Array:
        light = 1.0 + 0.20 * noise(u * 0.02, v, 1.0) + 0.12 * noise(u * 0.6, v, 0.07)
        for angle, offset, strength in scratches:
            across = u * np.float32(np.cos(angle)) + v * np.float32(np.sin(angle)) - offset
            along = noise(v * 0.4, u * 0.4, 0.15) > 0.1
            light += strength * np.clip(1.0 - np.abs(across) * 90.0, 0.0, 1.0) * along
        return np.float32(base) * light[..., None]

    return ground


def mat(rng: np.random.Generator) -> Ground:
    """A cutting mat with a printed grid."""
    noise = Noise(rng, 0.8)
    base = _pick(
        rng, (0.05, 0.22, 0.16), (0.07, 0.12, 0.26), (0.09, 0.09, 0.10), (0.32, 0.33, 0.34)
    )
    gap = rng.uniform(0.35, 0.8)

    def ground(u: Array, v: Array) -> Array:
        fine = np.maximum(_line(u / gap, 0.045), _line(v / gap, 0.045)) * 0.3
        coarse = np.maximum(_line(u / (gap * 5), 0.014), _line(v / (gap * 5), 0.014)) * 0.65
        grain = 1.0 + 0.16 * noise.grain(u, v, 1.2) + 0.12 * noise(u, v, 0.07)
        return _mix(base, np.array((0.62, 0.62, 0.45)), np.maximum(fine, coarse)) * grain[..., None]

    return ground


def stone(rng: np.random.Generator) -> Ground:
    """Concrete or a speckled worktop."""
    noise = Noise(rng, 1.0)
    base = _pick(rng, (0.38, 0.37, 0.35), (0.24, 0.24, 0.25), (0.55, 0.50, 0.44))
    speckle = rng.uniform(0.0, 0.7)

    def ground(u: Array, v: Array) -> Array:
        grain = noise.grain(u, v, 0.6)
        light = 1.0 + 0.3 * noise(u, v, 0.12) + 0.15 * grain
        spots = np.clip((np.abs(noise.grain(v, u, 1.0)) - 0.75) * 5.0, 0.0, 1.0) * np.sign(grain)
        return np.float32(base) * (light + speckle * spots)[..., None]

    return ground


def plain(rng: np.random.Generator) -> Ground:
    """A painted board, or the sweep of a photo table that runs from light to dark."""
    noise = Noise(rng, 1.2)
    base = _pick(
        rng,
        (0.70, 0.70, 0.70),
        (0.30, 0.32, 0.36),
        (0.12, 0.25, 0.42),
        (0.50, 0.18, 0.12),
        (0.62, 0.52, 0.20),
        (0.14, 0.15, 0.16),
    )
    slope = rng.uniform(0.0, 0.16)

    def ground(u: Array, v: Array) -> Array:
        light = 1.0 + np.tanh(u * np.float32(slope)) * 0.7 + 0.06 * noise(u, v, 0.08)
        light += 0.025 * noise.grain(u, v, 1.3)
        colour: Array = np.float32(base) * light[..., None]
        return colour

    return ground


GROUNDS: tuple[Callable[[np.random.Generator], Ground], ...] = (
    wood,
    cloth,
    paper,
    metal,
    mat,
    stone,
    plain,
)
