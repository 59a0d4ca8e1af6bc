from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.heatmap import heatmap_picture, overlay
from models.preprocessing import Preprocessing

CROP = Preprocessing(32, 32, "crop", 0.5)
SQUASH = Preprocessing(32, 32, "squash")

NOTHING = np.zeros((7, 7), np.float32)
TOP_LEFT = NOTHING.copy()
TOP_LEFT[1, 1] = 1

DRAWINGS = [overlay, heatmap_picture]


def is_grey(pixels: Any) -> Any:
    """Which pixels have no colour."""
    return (pixels[..., 0] == pixels[..., 1]) & (pixels[..., 1] == pixels[..., 2])


@pytest.mark.parametrize("draw", DRAWINGS)
@pytest.mark.parametrize("framing", ["crop", "short-side", "squash"])
@pytest.mark.parametrize("size", [(96, 72), (72, 96), (1, 1), (1, 900), (900, 1), (2, 2), (5, 333)])
def test_a_drawing_has_the_picture_s_own_size(
    draw: Any, framing: Any, size: tuple[int, int]
) -> None:
    image = Image.new("RGB", size, "red")

    found = draw(image, TOP_LEFT, Preprocessing(24, 48, framing))

    assert found.size == size
    assert found.mode == "RGB"


def test_where_nothing_speaks_the_picture_stays_as_it_is(picture: Image.Image) -> None:
    found = overlay(picture, NOTHING, SQUASH)

    assert np.array_equal(np.asarray(found), np.asarray(picture))


def test_what_the_crop_has_cut_off_is_grey_and_the_rest_is_not(picture: Image.Image) -> None:
    left, top, right, bottom = (int(edge) for edge in CROP.box(*picture.size))

    found = np.asarray(overlay(picture, NOTHING, CROP))

    assert (left, top, right, bottom) == (30, 18, 66, 54)
    seen = np.zeros(found.shape[:2], dtype=bool)
    seen[top:bottom, left:right] = True
    assert is_grey(found)[~seen].all()
    assert np.array_equal(found[seen], np.asarray(picture)[seen])


def test_under_squash_nothing_is_grey() -> None:
    found = np.asarray(overlay(Image.new("RGB", (96, 72), "red"), TOP_LEFT, SQUASH))

    assert not is_grey(found).any()


@pytest.mark.parametrize("draw", DRAWINGS)
def test_the_hot_place_is_where_the_map_is_hot(draw: Any) -> None:
    grey = Image.new("RGB", (70, 140), (100, 100, 100))

    found = np.asarray(draw(grey, TOP_LEFT, SQUASH), dtype=int)

    brightest = np.unravel_index(found.sum(2).argmax(), found.shape[:2])
    assert 20 <= brightest[0] <= 39
    assert 10 <= brightest[1] <= 19


def test_under_crop_the_heat_lies_inside_of_what_was_seen() -> None:
    black = Image.new("RGB", (100, 200))

    found = np.asarray(heatmap_picture(black, np.ones((7, 7), np.float32), CROP))

    assert (found[75:125, 25:75] == (252, 255, 164)).all()
    assert (found[:75] == 128).all()
    assert (found[125:] == 128).all()
    assert (found[:, :25] == 128).all()


def test_even_the_hottest_place_lets_the_picture_through() -> None:
    black, white = (Image.new("RGB", (8, 8), colour) for colour in ("black", "white"))
    everywhere = np.ones((2, 2), np.float32)

    difference = np.asarray(overlay(white, everywhere, SQUASH), dtype=int) - np.asarray(
        overlay(black, everywhere, SQUASH), dtype=int
    )

    assert difference.min() >= 70


def test_more_heat_is_brighter() -> None:
    steps = np.linspace(0, 1, 64, dtype=np.float32)[None]

    drawn = heatmap_picture(Image.new("RGB", (64, 1)), steps, SQUASH).convert("L")

    assert (np.diff(np.asarray(drawn, dtype=int)[0]) >= 0).all()


def test_the_picture_itself_is_not_drawn_on(picture: Image.Image) -> None:
    before = picture.tobytes()

    overlay(picture, TOP_LEFT, CROP)

    assert picture.tobytes() == before
