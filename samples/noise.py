"""Cloudy noise, the grain of grounds and of worn metal."""

from functools import lru_cache

import numpy as np

from samples.solids import Array, Points

TILE = 256  # a power of two: coordinates wrap by a bit mask


@lru_cache
def _weight(slope: float) -> Array:
    """How strong each frequency is: the weaker the finer."""
    frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
    weight: Array = (1.0 / np.maximum(frequency, 1.0) ** slope).astype(np.float32)
    weight[0, 0] = 0.0
    return weight


class Noise:
    """Cloudy noise that repeats after a tile, in about [-1, 1]."""

    def __init__(self, rng: np.random.Generator, slope: float = 1.3) -> None:
        grains = rng.standard_normal((TILE, TILE), dtype=np.float32)
        tile = np.fft.irfft2(np.fft.rfft2(grains) * _weight(slope))
        self.tile = (tile / (2.0 * tile.std())).astype(np.float32).ravel()

    def __call__(self, u: Array, v: Array, scale: float) -> Array:
        """The noise at points, `scale` tiles to a world unit."""
        u, v = u * np.float32(scale * TILE), v * np.float32(scale * TILE)
        left, top = np.floor(u), np.floor(v)
        right_share, low_share = u - left, v - top
        column, row = left.astype(np.intp) & (TILE - 1), top.astype(np.intp) & (TILE - 1)
        index, below = row * TILE + column, ((row + 1) & (TILE - 1)) * TILE + column
        beside = ((column + 1) & (TILE - 1)) - column
        tile = self.tile
        first = tile.take(index)
        first += (tile.take(index + beside) - first) * right_share
        second = tile.take(below)
        second += (tile.take(below + beside) - second) * right_share
        value: Array = first + (second - first) * low_share
        return value

    def grain(self, u: Array, v: Array, scale: float) -> Array:
        """The same without smoothing between points: a third of the time, for the finest grain."""
        column = (u * np.float32(scale * TILE)).astype(np.intp) & (TILE - 1)
        row = (v * np.float32(scale * TILE)).astype(np.intp) & (TILE - 1)
        value: Array = self.tile.take(row * TILE + column)
        return value

    def on_solid(self, p: Points, scale: float) -> Array:
        """The noise on a surface in space: two slanting views, so that no side is streaked."""
        x, y, z = p
        first = self(x + 0.71 * z, y + 0.43 * z, scale)
        return (first + self(z - 0.62 * y, x + 0.57 * y + 0.3 * z, scale)) * 0.7

    def grain_on_solid(self, p: Points, scale: float) -> Array:
        """Fine grain on a surface in space."""
        x, y, z = p
        return self.grain(x + 0.71 * z - 0.3 * y, y + 0.43 * z + 0.2 * x, scale)
