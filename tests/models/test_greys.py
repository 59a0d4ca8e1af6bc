"""Greys of more than 8 bits: which are black and white, and whose are unlike the others'."""

import tracemalloc

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image

from models.choices import Levels
from models.greys import (
    are_usual,
    levels_of,
    range_of,
    shown,
    spread_of,
    to_bytes,
    widened,
)
from models.preprocessing import Preprocessing, decode_image, is_one_colour, read_picture
from tests.conftest import encoded

SMALL = Preprocessing(32, 32, "squash")
TWELVE = Preprocessing(32, 32, "squash", grey_range=(0, 4095), greys_held=(0, 300, 3000, 4095))


def ramp(top: float, kind: npt.DTypeLike = np.uint16) -> bytes:
    """A file of all greys from 0 to one, left to right."""
    greys = np.tile(np.linspace(0, top, 64), (64, 1)).astype(kind)
    return encoded(Image.fromarray(greys), "TIFF")


@pytest.mark.parametrize(
    ("levels", "expected"),
    [
        ((0, 3870), (0, 4095)),
        ((12, 4095), (0, 4095)),
        ((0, 1023), (0, 1023)),
        ((0, 40_000), (0, 65535)),
        ((0, 65535), (0, 65535)),
        ((0, 70_000), (0, 131071)),
        ((0, 255.3), (0, 255)),
        ((0, 0.98), (0, 1)),
        ((0, 1.01), (0, 1)),
        ((0, 0.3), (0, 1)),
        ((0, 0.06), (0, 0.0625)),
        ((0, 0), (0, 1)),
        ((700, 700), (0, 1023)),
        ((-0.01, 0.99), (0, 1)),
        ((-1000, 1040), (-1024, 1152)),
        ((31_768, 33_768), (31_744, 33_792)),
    ],
)
def test_white_is_the_top_of_the_bits_that_are_used(levels: Levels, expected: Levels) -> None:
    assert range_of(levels) == expected


@given(st.floats(-1e6, 1e6, width=32), st.floats(-1e6, 1e6, width=32))
def test_a_range_holds_the_levels_that_it_was_made_from(one: float, other: float) -> None:
    low, high = sorted((one, other))

    black, white = range_of((low, high))

    assert black < white
    assert black <= low + 0.02 * abs(high)
    assert high <= white * 1.03 if high > 0 else high <= white


def test_a_few_hot_pixels_move_no_level() -> None:
    greys = np.tile(np.linspace(0, 4000, 500), (500, 1)).astype(np.uint16)
    greys[:4, :4] = 65535

    low, high = levels_of(Image.fromarray(greys))

    assert low <= 20
    assert 3900 <= high <= 4000


def test_one_odd_picture_of_many_moves_no_range() -> None:
    found = spread_of([*[(0.0, 4000.0 - n) for n in range(59)], (0.0, 65535.0)])

    assert range_of((found[0], found[3])) == (0, 4095)


def test_greys_of_a_picture_are_spread_over_the_range_of_the_training_part() -> None:
    pixels = read_picture(ramp(4095), TWELVE).pixels

    assert pixels[0, 0, 0] <= 8
    assert pixels[0, -1, 0] >= 247
    assert np.asarray(decode_image(ramp(4095), grey_range=(0, 8190))).max() == 128


@pytest.mark.parametrize(
    ("data", "remark"),
    [
        (ramp(4095), ""),
        (ramp(3300), ""),
        (ramp(4095, np.int32), ""),
        (ramp(255, np.uint8), ""),
        (ramp(1023), "unlike those that the model learned from (0 to 4,095"),
        (ramp(65535), "unlike those that the model learned from"),
        (ramp(1, np.float32), "unlike those"),
        (ramp(90, np.uint8), "unlike those"),
        (ramp(0), "unlike those"),
    ],
)
def test_a_picture_whose_greys_are_not_those_of_the_training_is_remarked_on(
    data: bytes, remark: str
) -> None:
    warnings = read_picture(data, TWELVE).warnings

    assert remark in " ".join(warnings)
    assert bool(warnings) == bool(remark)


def test_8_bits_are_as_they_were_where_the_training_had_no_others() -> None:
    asked_for = Preprocessing(32, 32, "squash", grey_range=(0, 4095))

    assert not read_picture(ramp(90, np.uint8), asked_for).warnings
    assert not read_picture(ramp(4095), asked_for).warnings
    assert read_picture(ramp(1023), asked_for).warnings


def test_wide_greys_are_remarked_on_where_the_training_had_none() -> None:
    (sentence,) = read_picture(ramp(4000), SMALL).warnings

    assert "0 to 4,095 was taken for black to white" in sentence
    assert not read_picture(ramp(255, np.uint8), SMALL).warnings


def test_a_window_of_ones_own_is_no_reason_to_remark_on_the_greys_beyond_it() -> None:
    """As of CT: bone is white, and in every picture."""
    window = Preprocessing(32, 32, grey_range=(-1000, 400), greys_held=(-1024, -1000, 1200, 3000))
    greys = np.tile(np.linspace(-1024, 2000, 64), (64, 1)).astype(np.float32)

    assert not read_picture(encoded(Image.fromarray(greys), "TIFF"), window).warnings


@given(
    arrays.arrays(
        np.float32, (8, 9), elements=st.floats(width=32) | st.sampled_from([np.nan, np.inf])
    )
)
@pytest.mark.filterwarnings("error")
def test_any_numbers_become_greys(numbers: npt.NDArray[np.float32]) -> None:
    picture = read_picture(encoded(Image.fromarray(numbers), "TIFF"), SMALL)

    assert picture.pixels.shape == (32, 32, 3)


def test_wide_greys_take_no_more_than_eight_bytes_a_pixel() -> None:
    image = Image.fromarray(np.zeros((2000, 2000), np.uint16))
    tracemalloc.start()

    to_bytes(image, (0, 4095))

    assert tracemalloc.get_traced_memory()[1] < 8 * 2000 * 2000
    tracemalloc.stop()


def test_a_picture_of_one_colour_is_remarked_on() -> None:
    black = np.zeros((40, 40, 3), np.uint8)
    black[:20] += 3

    assert is_one_colour(black)
    assert not is_one_colour(np.asarray(decode_image(ramp(255, np.uint8))))
    warnings = read_picture(encoded(Image.fromarray(black)), SMALL).warnings
    assert warnings == ("the picture is all one colour, as the network sees it",)


def test_8_bits_are_the_full_range() -> None:
    assert widened((0, 255), (-1000, 1000)) == (-1000, 1000)
    assert are_usual(widened((5, 250), (0, 4095)), (0, 200, 3500, 4095))


def test_a_range_is_shown_as_people_write_numbers() -> None:
    assert shown((0, 4095)) == "0 to 4,095"
    assert shown((0.0, 0.0625)) == "0 to 0.0625"


@pytest.mark.parametrize("wrong", [(1.0, 1.0), (5.0, 1.0), (float("nan"), 1.0), (0.0, 1e30)])
def test_what_is_no_range_is_refused(wrong: Levels) -> None:
    with pytest.raises(ValueError, match="black is"):
        Preprocessing(32, 32, grey_range=wrong)
