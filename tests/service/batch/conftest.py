"""A bundle file, and a folder of drawn pictures in two folders, for the command."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.conftest import encoded


@pytest.fixture(scope="session")
def bundle_file(bundle_data: bytes, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "drawn.onnx"
    path.write_bytes(bundle_data)
    return path


def draw(folder: Path, count: int) -> Path:
    """Half of the pictures in `nuts/`, half in `other/`; `other/broken.jpg` is none."""
    rng = np.random.default_rng(0)
    for number in range(count):
        small = rng.integers(0, 256, (6, 8, 3), dtype=np.uint8)
        path = folder / ("nuts", "other")[number % 2] / f"{number:04}.png"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(encoded(Image.fromarray(small).resize((48, 36))))
    (folder / "other" / "broken.jpg").write_bytes(b"nothing like a picture")
    return folder


@pytest.fixture(scope="session")
def photos(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """24 pictures, and one file that is none."""
    return draw(tmp_path_factory.mktemp("photos"), 24)
