"""Folders of drawn pictures in the layouts that train-transfer understands."""

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

MakeFolder = Callable[..., Path]

_COLOURS = {"cat": (200, 120, 60), "dog": (60, 120, 200), "emu": (90, 190, 90)}


def draw(label: str, number: int, size: tuple[int, int] = (48, 40)) -> Image.Image:
    """A noisy picture whose colour tells its class."""
    rng = np.random.default_rng([number, *label.encode()])
    noise = rng.integers(-60, 60, (6, 6, 3)) + np.array(_COLOURS[label])
    return Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize(size)


def fill(folder: Path, label: str, numbers: range) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for number in numbers:
        draw(label, number).save(folder / f"{label}_{number:02}.png")


@pytest.fixture
def class_folder(tmp_path: Path) -> Path:
    """A folder per class: 12 cats, 12 dogs."""
    root = tmp_path / "pets"
    for label in ("cat", "dog"):
        fill(root / label, label, range(12))
    return root


@pytest.fixture
def course_folder(tmp_path: Path) -> Path:
    """train/ and test/ with the class in the file name."""
    root = tmp_path / "course"
    for part, numbers in (("train", range(8)), ("test", range(8, 12))):
        (root / part).mkdir(parents=True)
        for label in ("cat", "dog"):
            for number in numbers:
                draw(label, number).save(root / part / f"{label}.{number}.jpg")
    return root
