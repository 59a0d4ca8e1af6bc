"""Whatever bytes come in: pixels of the right shape, or an `ImageError`."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from PIL import Image

from models.errors import ImageError
from models.heatmap import MapGeometry, overlay
from models.preprocessing import Preprocessing, decode_image, read_pixels
from tests.property.hostile_files import damaged, written_files
from tests.property.strategies import FORMATS, damaged_files, preprocessings, real_file

# Pillow warns of damage and goes on; here it must go on, to see what comes after the warning.
pytestmark = pytest.mark.filterwarnings("ignore:.*")

SMALL = Preprocessing(24, 32)
FEW = 1_000_000


def read_or_refuse(data: bytes) -> None:
    try:
        pixels = read_pixels(data, SMALL, max_pixels=FEW)
    except ImageError as refusal:
        sentence = str(refusal)
    else:
        assert pixels.shape == (24, 32, 3)
        assert pixels.dtype == np.uint8
        return
    assert sentence
    assert "\n" not in sentence


@pytest.mark.parametrize(("kind", "mode", "options"), FORMATS)
def test_the_real_files_are_read(kind: str, mode: str, options: dict[str, object]) -> None:
    image = decode_image(real_file(kind, mode, tuple(options.items())))

    assert image.mode == "RGB"


@given(st.binary())
@example(b"\xff\xd8\xff")
@example(b"\x89PNG\r\n\x1a\n\0\0\0\0IEND")
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)


@given(damaged_files())
def test_any_damaged_picture_is_read_or_refused(data: bytes) -> None:
    read_or_refuse(data)


@pytest.mark.parametrize("name", written_files())
def test_a_file_of_any_format_damaged_in_all_ways_is_read_or_refused(name: str) -> None:
    for data in damaged(written_files()[name]):
        read_or_refuse(data)


@given(preprocessings(), st.integers(1, 200_000), st.integers(1, 200_000))
def test_what_the_network_sees_lies_inside_of_the_picture(
    preprocessing: Preprocessing, width: int, height: int
) -> None:
    left, top, right, bottom = preprocessing.box(width, height)

    assert 0 <= left < right <= width
    assert 0 <= top < bottom <= height
    if preprocessing.framing != "squash":
        seen = (right - left) / (bottom - top)
        assert seen == pytest.approx(preprocessing.width / preprocessing.height, rel=1e-3)


@given(preprocessings(largest=40), st.integers(1, 300), st.integers(1, 300))
def test_a_picture_of_any_size_becomes_the_network_s_input(
    preprocessing: Preprocessing, width: int, height: int
) -> None:
    image = Image.new("RGB", (width, height), (10, 200, 90))

    pixels = preprocessing.pixels(image)

    assert pixels.shape == (preprocessing.height, preprocessing.width, 3)
    assert np.abs(pixels.astype(int) - [10, 200, 90]).max() <= 1


@given(
    preprocessings(largest=300),
    st.integers(1, 300),
    st.integers(1, 300),
    st.builds(MapGeometry, *[st.floats(-400, 400)] * 2, *[st.floats(1, 400)] * 2),
)
def test_a_heatmap_can_be_laid_over_a_picture_of_any_size(
    preprocessing: Preprocessing, width: int, height: int, geometry: MapGeometry
) -> None:
    heatmap = np.eye(3, 5, dtype=np.float32)

    found = overlay(Image.new("RGB", (width, height)), heatmap, preprocessing, geometry)

    assert found.size == (width, height)


@given(st.floats(0, 1), st.integers(1, 300), st.integers(1, 300))
def test_any_crop_that_is_allowed_can_be_made(fraction: float, width: int, height: int) -> None:
    try:
        preprocessing = Preprocessing(8, 8, "crop", fraction)
    except ValueError:
        return

    assert preprocessing.pixels(Image.new("RGB", (width, height))).shape == (8, 8, 3)
