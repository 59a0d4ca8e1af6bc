import io

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageTooLargeError
from models.heatmap import MapGeometry
from models.preprocessing import Preprocessing
from service.inference.drawing import Drawing, draw_png
from tests.conftest import encoded

HEATMAP = np.eye(4, dtype=np.float32)
EVEN = MapGeometry(4, 3, 8, 6)


@pytest.mark.parametrize("style", ["overlay", "heatmap"])
def test_a_drawing_is_a_png_of_the_pictures_own_size(picture: Image.Image, style: Drawing) -> None:
    png = draw_png(encoded(picture, "JPEG"), 10**6, style, HEATMAP, Preprocessing(24, 32), EVEN)

    with Image.open(io.BytesIO(png)) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", picture.size)


def test_a_picture_above_the_limit_is_not_drawn(picture: Image.Image) -> None:
    with pytest.raises(ImageTooLargeError, match="at most 100 are read"):
        draw_png(encoded(picture), 100, "overlay", HEATMAP, Preprocessing(24, 32), EVEN)
