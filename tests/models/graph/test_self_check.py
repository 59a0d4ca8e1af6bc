import io

import numpy as np
import pytest
from PIL import Image

from models.graph.self_check import draw_self_check_pictures
from models.preprocessing import Preprocessing, decode_image, read_pixels


def test_the_pictures_are_the_same_every_time() -> None:
    assert draw_self_check_pictures() == draw_self_check_pictures()


def test_the_pictures_go_different_ways_through_decoding() -> None:
    opened = [Image.open(io.BytesIO(data)) for data in draw_self_check_pictures()]

    assert [(image.format, image.mode) for image in opened] == [
        ("PNG", "RGB"),
        ("PNG", "RGBA"),
        ("JPEG", "RGB"),
    ]
    assert opened[2].getexif()[0x0112] == 6


def test_the_photograph_is_large_enough_to_be_decoded_at_half_its_size() -> None:
    photograph = draw_self_check_pictures()[2]

    assert decode_image(photograph).size == (900, 1000)
    assert decode_image(photograph, smallest=2 * 224).size == (450, 500)


@pytest.mark.parametrize("framing", ["crop", "short-side", "squash"])
def test_the_pictures_are_unlike_each_other(framing: str) -> None:
    preprocessing = Preprocessing(64, 64, framing)  # type: ignore[arg-type]

    pixels = [read_pixels(data, preprocessing).astype(int) for data in draw_self_check_pictures()]

    for first, second in ((0, 1), (0, 2), (1, 2)):
        assert np.abs(pixels[first] - pixels[second]).mean() > 10


def test_the_pictures_are_small() -> None:
    assert sum(map(len, draw_self_check_pictures())) < 60_000
