"""The twenty lines of docs/bundle.md give the service's answer, where nothing else is installed."""

import ast
import importlib
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.bundle import Bundle, write_bundle
from models.preprocessing import Framing, read_pixels
from models.session import Session
from tests.conftest import resealed

PAGE = Path(__file__).parents[2] / "docs" / "bundle.md"
PACKAGES = ("numpy", "onnxruntime", "PIL")


@pytest.fixture(scope="module")
def only_what_is_needed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of packages with three in it, and the libraries that lie beside them."""
    folder = tmp_path_factory.mktemp("packages")
    for name in PACKAGES:
        package = Path(str(importlib.import_module(name).__file__)).parent
        libraries = package.with_name(f"{'pillow' if name == 'PIL' else name}.libs")
        for found in (package, libraries):
            if found.is_dir():
                (folder / found.name).symlink_to(found)
    return folder


def pictures(folder: Path) -> list[Path]:
    """Wide, high, on its side, transparent, grey, and large enough to be decoded at a half."""
    rng = np.random.default_rng(3)
    noise = rng.integers(0, 256, (24, 40, 4), dtype=np.uint8)
    image = Image.fromarray(noise).resize((400, 240))
    large = image.convert("RGB").resize((1600, 1200))
    exif = Image.Exif()
    exif[0x0112] = 6
    image.save(folder / "transparent.png")
    image.convert("L").rotate(90, expand=True).save(folder / "grey.png")
    image.convert("RGB").save(folder / "turned.jpg", exif=exif)
    large.save(folder / "large.jpg")
    return sorted(folder.iterdir())


@pytest.mark.parametrize("framing", ["squash", "short-side", "crop"])
def test_the_lines_of_the_page_give_the_service_s_answer(
    bundle: Bundle, framing: Framing, tmp_path: Path, only_what_is_needed: Path
) -> None:
    (lines,) = re.findall(r"```python\n(.*?)```", PAGE.read_text("utf-8"), re.DOTALL)
    (tmp_path / "answer.py").write_text(lines)
    preprocessing = replace(bundle.metadata.preprocessing, framing=framing)
    write_bundle(resealed(bundle, preprocessing=preprocessing).data, tmp_path / "bundle.onnx")
    session = Session(bundle)
    (tmp_path / "pictures").mkdir()

    for picture in pictures(tmp_path / "pictures"):
        printed = answered(tmp_path, picture, only_what_is_needed)
        found = ast.literal_eval(printed.partition("}")[0] + "}")

        pixels = read_pixels(picture.read_bytes(), preprocessing)
        (expected,) = session.predict(pixels[None])
        assert tuple(found) == session.classes
        np.testing.assert_allclose(list(found.values()), expected.probabilities, atol=1e-6)
        possible = [name for name in session.classes if name in expected.prediction_set]
        assert f"it could be {possible}" in printed
        assert f"like those it learned from: {expected.is_familiar}" in printed


def answered(folder: Path, picture: Path, packages: Path) -> str:
    """What the lines print of a picture, where they find these packages alone."""
    done = subprocess.run(
        [sys.executable, "-S", folder / "answer.py", folder / "bundle.onnx", picture],
        env={"PYTHONPATH": str(packages), "PYTHONIOENCODING": "utf-8"},
        capture_output=True,
        encoding="utf-8",
        check=True,
    )
    return done.stdout
