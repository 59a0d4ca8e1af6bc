"""Cloudy noise, the grain of grounds and of worn metal."""

import numpy as np

from training.drawing.solids import Array, Points

TILE = 256  # a power of two: coordinates wrap by a bit mask


class Noise:
    """Cloudy noise that repeats after a tile, in about [-1, 1]."""

    def __init__(self, rng: np.random.Generator, slope: float = 1.3) -> None:
        frequency = np.hypot(np.fft.fftfreq(TILE)[:, None], np.fft.rfftfreq(TILE)[None, :]) * TILE
        weight = 1.0 / np.maximum(frequency, 1.0) ** slope
        weight[0, 0] = 0.0
        spectrum = np.fft.rfft2(rng.standard_normal((TILE, TILE))) * weight
        tile = np.fft.irfft2(spectrum)
        self.tile = (tile / (2.0 * tile.std())).astype(np.float32)

    def __call__(self, u: Array, v: Array, scale: float) -> Array:
        """The noise at points, `scale` tiles to a world unit."""
        u, v = u * np.float32(scale * TILE), v * np.float32(scale * TILE)
        left, top = np.floor(u), np.floor(v)
        right_share, low_share = u - left, v - top
        column, row = left.astype(np.int32) & (TILE - 1), top.astype(np.int32) & (TILE - 1)
        index, below = row * TILE + column, ((row + 1) & (TILE - 1)) * TILE + column
        beside = ((column + 1) & (TILE - 1)) - column
        flat = self.tile.ravel()
        first = flat[index] * (1 - right_share) + flat[index + beside] * right_share
        second = flat[below] * (1 - right_share) + flat[below + beside] * right_share
        return first * (1 - low_share) + second * low_share

    def on_solid(self, p: Points, scale: float) -> Array:
        """The noise on a surface in space: two slanting projections, so that no side is streaked."""
        x, y, z = p
        first = self(x + 0.71 * z, y + 0.43 * z, scale)
        return (first + self(z - 0.62 * y, x + 0.57 * y + 0.3 * z, scale)) * 0.7
