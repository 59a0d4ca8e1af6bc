import io
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.drawing import Drawing, Sketch, draw_png
from models.errors import ImageTooLargeError
from models.heatmap import MapGeometry
from models.preprocessing import Preprocessing
from tests.conftest import encoded

HEATMAP = np.eye(4, dtype=np.float32)
SKETCH = Sketch("overlay", HEATMAP, Preprocessing(24, 32), MapGeometry(4, 3, 8, 6))


@pytest.mark.parametrize("style", ["overlay", "heatmap"])
def test_a_drawing_is_a_png_of_the_pictures_own_size(picture: Image.Image, style: Drawing) -> None:
    png = draw_png(encoded(picture, "JPEG"), 10**6, replace(SKETCH, style=style))

    with Image.open(io.BytesIO(png)) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", picture.size)


def test_a_picture_above_the_limit_is_not_drawn(picture: Image.Image) -> None:
    with pytest.raises(ImageTooLargeError, match="at most 100 are read"):
        draw_png(encoded(picture), 100, SKETCH)


@pytest.mark.parametrize("size", [(1, 1), (96, 72), (500, 300), (1000, 20)])
def test_a_legend_stands_below_the_picture_and_hides_nothing(size: tuple[int, int]) -> None:
    data = encoded(Image.new("RGB", size, "green"))

    plain, explained = (
        Image.open(io.BytesIO(draw_png(data, 10**6, replace(SKETCH, has_legend=has_legend))))
        for has_legend in (False, True)
    )

    assert explained.height > size[1]
    assert explained.width >= size[0]
    assert explained.crop((0, 0, *size)).tobytes() == plain.tobytes()
    below = np.asarray(explained)[size[1] :]
    assert (below == (252, 255, 164)).all(2).any(), "the brightest colour"
    assert (below[len(below) // 2 :] < 128).all(2).any(), "words"


@given(st.text(max_size=300))
def test_a_file_carries_any_name_as_its_metadata(name: str) -> None:
    data = encoded(Image.new("RGB", (8, 8)))

    png = draw_png(data, 10**6, replace(SKETCH, texts={"Class": name, "Method": "Grad-CAM"}))

    with Image.open(io.BytesIO(png)) as drawn:
        drawn.load()
        assert drawn.info["Class"] == name.replace("\0", "\N{REPLACEMENT CHARACTER}")
        assert drawn.info["Method"] == "Grad-CAM"
