"""What a picture and its file are like is measured right, and outlasts being written."""

import io

import numpy as np
import pytest
from PIL import ExifTags, Image, ImageDraw, ImageFilter

from tests.training.conftest import draw, properties_of
from training.data.properties import WORDS, load_properties, save_properties

PHOTO = draw("cat", 1, (400, 300))


def of_one_colour(*colour: int) -> Image.Image:
    return Image.new("RGB", (60, 40), colour)


def test_the_file_is_described_as_it_was_saved() -> None:
    found = properties_of(PHOTO, "JPEG", quality=80)

    assert (found.format, found.width, found.height) == ("JPEG", 400, 300)
    assert found.jpeg_quality == 80
    assert found.aspect_ratio == pytest.approx(4 / 3)
    assert found.bytes_per_pixel == found.file_bytes / 120_000
    assert properties_of(PHOTO, "PNG").jpeg_quality == 0


@pytest.mark.parametrize("quality", [25, 50, 75, 95, 100])
def test_the_quality_of_a_jpeg_is_the_one_it_was_saved_with(quality: int) -> None:
    assert abs(properties_of(PHOTO, "JPEG", quality=quality).jpeg_quality - quality) <= 1


def test_a_turned_picture_of_a_camera_is_measured_upright() -> None:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation], exif[ExifTags.Base.Make] = 6, "Pentax"

    found = properties_of(PHOTO, "JPEG", exif=exif)

    assert found.is_turned
    assert found.names_camera
    assert (found.width, found.height) == (300, 400)
    plain = properties_of(PHOTO, "JPEG")
    assert not plain.is_turned
    assert not plain.names_camera


@pytest.mark.parametrize(
    ("colour", "brightness", "saturation"),
    [
        ((255, 255, 255), 1, 0),
        ((0, 0, 0), 0, 0),
        ((255, 0, 0), 0.299, 1),
        ((51, 51, 153), 0.246, 0.4),
    ],
)
def test_one_colour_has_brightness_and_saturation_and_no_contrast(
    colour: tuple[int, int, int], brightness: float, saturation: float
) -> None:
    found = properties_of(of_one_colour(*colour))

    assert found.brightness == pytest.approx(brightness, abs=0.001)
    assert found.saturation == pytest.approx(saturation, abs=0.001)
    assert [found.red, found.green, found.blue] == pytest.approx([c / 255 for c in colour])
    assert found.contrast == pytest.approx(0, abs=1e-5)
    assert found.sharpness == 0
    assert found.shows_nothing


def test_a_mark_shows_in_its_corner_alone() -> None:
    marked = of_one_colour(128, 128, 128)
    ImageDraw.Draw(marked).rectangle((53, 0, 60, 4), (255, 0, 0))

    found = properties_of(marked)

    assert found.top_right_saturation > 0.9
    assert found.top_right_brightness < 0.4
    others = found.top_left_saturation, found.bottom_left_saturation, found.bottom_right_saturation
    assert max(others) < 0.001
    assert found.top_left_brightness == pytest.approx(found.bottom_right_brightness)


def test_a_white_border_is_bright_and_even() -> None:
    framed = Image.new("RGB", (400, 300), "white")
    framed.paste(PHOTO.resize((320, 240)), (40, 30))

    found = properties_of(framed)

    assert found.border_brightness > 0.99
    assert found.border_contrast < 0.01 < properties_of(PHOTO).border_contrast


def test_a_blurred_picture_is_less_sharp() -> None:
    noise = np.random.default_rng(0).integers(0, 255, (32, 32, 3), np.uint8)
    sharp = Image.fromarray(noise)

    blurred = sharp.filter(ImageFilter.GaussianBlur(1))

    assert properties_of(blurred).sharpness < 0.3 * properties_of(sharp).sharpness


def test_all_of_it_outlasts_being_written() -> None:
    before = [properties_of(PHOTO, "JPEG"), properties_of(draw("dog", 2))]
    file = io.BytesIO()
    save_properties(before, file)

    after = load_properties(io.BytesIO(file.getvalue()))

    assert [one.as_numbers() for one in after] == [one.as_numbers() for one in before]
    assert [one.shows_nothing for one in after] == [False, False]
    assert np.array_equal(after[1].thumbnail, before[1].thumbnail)
    assert set(WORDS) == set(before[0].as_numbers())


def test_no_picture_at_all_can_be_written_too() -> None:
    file = io.BytesIO()
    save_properties([], file)

    assert load_properties(io.BytesIO(file.getvalue())) == []
