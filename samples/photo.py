"""What a camera and its owner do to a picture: exposure, white balance, blur, vignette, noise."""

import math

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samples.solids import Array


def develop(frame: Array, rng: np.random.Generator) -> Image.Image:
    """Turns linear light (H, W, 3) into an RGB picture, with random faults of moderate size."""
    height, width = frame.shape[:2]
    exposed: Array = frame * _exposure(frame, rng) * _vignette(height, width, rng)[..., None]
    balance = 1.0 + rng.uniform(-0.10, 0.10, size=3) * (1.0, 0.25, 1.0)
    exposed = _blurred(exposed * balance.astype(np.float32), rng)
    grain = rng.uniform(0.002, 0.016)
    noise = rng.standard_normal(frame.shape, dtype=np.float32)
    exposed += noise * (grain * np.sqrt(np.maximum(exposed, 0.0) + 0.08))
    return Image.fromarray(_encoded(exposed, rng.uniform(0.9, 1.15)))


def _exposure(frame: Array, rng: np.random.Generator) -> float:
    """As a camera's own meter would choose, halfway: dark scenes stay darker than light ones."""
    mean = max(float(np.minimum(frame, 1.0).mean()), 0.02)
    return float((0.24 / mean) ** 0.6 * rng.uniform(0.75, 1.3))


def _vignette(height: int, width: int, rng: np.random.Generator) -> Array:
    """The fall of light towards the corners, and a slope across the frame."""
    y, x = np.linspace(-1, 1, height)[:, None], np.linspace(-1, 1, width)[None, :]
    slope_x, slope_y = rng.uniform(-0.14, 0.14, size=2)
    fall = 1.0 - rng.uniform(0.0, 0.3) * (x * x + y * y) / 2
    light: Array = (fall * (1.0 + slope_x * x + slope_y * y)).astype(np.float32)
    return light


def _blurred(frame: Array, rng: np.random.Generator) -> Array:
    """Defocus of about a pixel; in one picture of ten a short shake instead."""
    radius, angle = float(rng.choice((0.0, 0.4, 0.6, 0.9))), rng.uniform(0, math.pi)
    if rng.random() < 0.1:
        dx, dy = 1.6 * math.cos(angle), 1.6 * math.sin(angle)
        return _weighted(
            frame, [(round(dx * s), round(dy * s), 1.0) for s in (-1, -0.5, 0, 0.5, 1)]
        )
    if not radius:
        return frame
    bell = [(k, math.exp(-0.5 * (k / radius) ** 2)) for k in (-2, -1, 0, 1, 2)]
    across = _weighted(frame, [(k, 0, weight) for k, weight in bell])
    return _weighted(across, [(0, k, weight) for k, weight in bell])


def _weighted(frame: Array, taps: list[tuple[int, int, float]]) -> Array:
    """The weighted mean of the frame moved by up to two pixels: (across, down, weight) each."""
    height, width = frame.shape[:2]
    padded = np.pad(frame, ((2, 2), (2, 2), (0, 0)), mode="edge")
    total = sum(weight for _, _, weight in taps)
    mean = np.zeros_like(frame)
    for across, down, weight in taps:
        moved = padded[2 + down : 2 + down + height, 2 + across : 2 + across + width]
        mean += moved * (weight / total)
    return mean


def _encoded(frame: Array, contrast: float) -> NDArray[np.uint8]:
    """Linear light as 8-bit values, highlights rolled off rather than cut."""
    # A table of 4096 steps: powers of every pixel would take longer than the ground's grain.
    light = np.linspace(0.0, 2.0, 4096)
    light = np.where(light < 0.7, light, 0.7 + 0.3 * np.tanh((light - 0.7) / 0.3))
    values = (np.clip(light ** (contrast / 2.2), 0.0, 1.0) * 255.0 + 0.5).astype(np.uint8)
    steps = np.clip(frame * (4095 / 2.0), 0.0, 4095.0).astype(np.intp)
    encoded: NDArray[np.uint8] = values[steps]
    return encoded
