from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.heatmap import MapGeometry, enlarge, heatmap_picture, overlay, with_legend
from models.preprocessing import Preprocessing

CROP = Preprocessing(32, 32, "crop", 0.5)
SQUASH = Preprocessing(32, 32, "squash")

NOTHING = np.zeros((7, 7), np.float32)
TOP_LEFT = NOTHING.copy()
TOP_LEFT[1, 1] = 1

DRAWINGS = [overlay, heatmap_picture]


def even(preprocessing: Preprocessing, cells: int = 7) -> MapGeometry:
    """As many cells, which share the input evenly."""
    across, down = preprocessing.width / cells, preprocessing.height / cells
    return MapGeometry(across / 2, down / 2, across, down)


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

    found = draw(image, TOP_LEFT, Preprocessing(24, 48, framing), even(CROP))

    assert found.size == size
    assert found.mode == "RGB"


def test_where_nothing_speaks_the_picture_stays_as_it_is(picture: Image.Image) -> None:
    found = overlay(picture, NOTHING, SQUASH, even(SQUASH))

    assert np.array_equal(np.asarray(found), np.asarray(picture))


def test_what_the_crop_has_cut_off_is_grey_and_the_rest_is_not(picture: Image.Image) -> None:
    left, top, right, bottom = (int(edge) for edge in CROP.box(*picture.size))

    found = np.asarray(overlay(picture, NOTHING, CROP, even(CROP)))

    assert (left, top, right, bottom) == (30, 18, 66, 54)
    seen = np.zeros(found.shape[:2], dtype=bool)
    seen[top:bottom, left:right] = True
    assert is_grey(found)[~seen].all()
    assert np.array_equal(found[seen], np.asarray(picture)[seen])


def test_under_squash_nothing_is_grey() -> None:
    red = Image.new("RGB", (96, 72), "red")

    found = np.asarray(overlay(red, TOP_LEFT, SQUASH, even(SQUASH)))

    assert not is_grey(found).any()


@pytest.mark.parametrize("draw", DRAWINGS)
def test_the_hot_place_is_where_the_map_is_hot(draw: Any) -> None:
    grey = Image.new("RGB", (70, 140), (100, 100, 100))

    found = np.asarray(draw(grey, TOP_LEFT, SQUASH, even(SQUASH)), dtype=int)

    brightest = np.unravel_index(found.sum(2).argmax(), found.shape[:2])
    assert 20 <= brightest[0] <= 39
    assert 10 <= brightest[1] <= 19


def test_under_crop_the_heat_lies_inside_of_what_was_seen() -> None:
    black = Image.new("RGB", (100, 200))

    found = np.asarray(heatmap_picture(black, np.ones((7, 7), np.float32), CROP, even(CROP)))

    assert (found[75:125, 25:75] == (252, 255, 164)).all()
    assert (found[:75] == 128).all()
    assert (found[125:] == 128).all()
    assert (found[:, :25] == 128).all()


def test_even_the_hottest_place_lets_the_picture_through() -> None:
    black, white = (Image.new("RGB", (8, 8), colour) for colour in ("black", "white"))
    everywhere = np.ones((2, 2), np.float32)

    on_white, on_black = (
        np.asarray(overlay(image, everywhere, SQUASH, even(SQUASH, 2)), dtype=int)
        for image in (white, black)
    )

    assert (on_white - on_black).min() >= 70


def test_more_heat_is_brighter() -> None:
    steps = np.linspace(0, 1, 64, dtype=np.float32)[None]

    drawn = heatmap_picture(Image.new("RGB", (64, 1)), steps, SQUASH, even(SQUASH, 64)).convert("L")

    assert (np.diff(np.asarray(drawn, dtype=int)[0]) >= 0).all()


def test_the_picture_itself_is_not_drawn_on(picture: Image.Image) -> None:
    before = picture.tobytes()

    overlay(picture, TOP_LEFT, CROP, even(CROP))

    assert picture.tobytes() == before


@pytest.mark.parametrize(("x", "y"), [(80.0, 112.0), (16.0, 31.5), (208.0, 200.0), (-20.0, 100.0)])
def test_a_cell_is_drawn_where_it_looks(x: float, y: float) -> None:
    """Also where an even share of the picture would not put it, and cut where that is outside."""
    wide = Preprocessing(224, 224, "squash")
    geometry = MapGeometry(x - 3 * 32, y - 3 * 32, 32, 32)
    heatmap = NOTHING.copy()
    heatmap[3, 3] = 1

    found = np.asarray(enlarge(heatmap, (448, 224), wide, geometry), dtype=float)

    rows, columns = np.mgrid[0:224, 0:448] + 0.5
    distance = np.hypot(rows - y, columns / 2 - x)
    assert found[distance < 4].size == 0 or found[distance < 4].min() >= 240
    assert found[distance > 64 * 2**0.5].max() == 0


def test_beyond_the_outermost_cells_the_map_goes_on() -> None:
    """Inception's cells end 37 pixels before the picture does."""
    geometry = MapGeometry(37.5, 37.5, 32, 32)

    found = enlarge(np.ones((8, 8), np.float32), (299, 299), Preprocessing(299, 299), geometry)

    assert found.getextrema() == (255, 255)


def test_one_hot_cell_is_a_round_spot_and_no_cross() -> None:
    """What lies as far from its centre is as hot, whatever the direction; linear: 37 of 255."""
    heatmap = NOTHING.copy()
    heatmap[3, 3] = 1
    wide = Preprocessing(224, 224, "squash")

    found = np.asarray(enlarge(heatmap, (224, 224), wide, even(wide)), dtype=float)

    rows, columns = np.mgrid[0:224, 0:224] + 0.5 - 112
    ring = found[np.abs(np.hypot(rows, columns) - 16) < 0.5]
    assert np.ptp(ring) <= 25


def test_a_place_in_the_input_is_found_in_the_picture() -> None:
    found = MapGeometry(16, 16, 32, 32).on((30, 18, 66, 54), 224, 224)

    assert (found.offset_x, found.offset_y) == pytest.approx((30 + 36 / 14, 18 + 36 / 14))
    assert (found.step_x, found.step_y) == pytest.approx((36 / 7, 36 / 7))


def test_a_note_in_the_legend_takes_a_line_of_its_own() -> None:
    drawn = Image.new("RGB", (480, 100))

    plain, noted = with_legend(drawn), with_legend(drawn, "no better than chance")

    assert noted.height == plain.height + 28
    assert np.asarray(noted)[plain.height :].min() < 100
