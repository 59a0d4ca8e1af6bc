"""A JPEG of scans without end is refused by its markers; all others are left to the decoder."""

import io

import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.errors import ImageTooLargeError
from models.preprocessing import decode_image
from models.scans import MOST_SCANS, check_scans

SCAN = b"\xff\xda"


def progressive(size: tuple[int, int] = (64, 64), **options: object) -> bytes:
    buffer = io.BytesIO()
    Image.effect_mandelbrot(size, (-2, -1, 1, 1), 50).convert("RGB").save(
        buffer, "JPEG", progressive=True, **options
    )
    return buffer.getvalue()


def with_scans(more: int) -> bytes:
    """A progressive JPEG whose second scan stands there so many times more."""
    data = progressive()
    start = data.index(SCAN, data.index(SCAN) + 2)
    end = data.index(b"\xff\xc4", start)
    return data[:end] + data[start:end] * more + data[end:]


def test_a_jpeg_of_thousands_of_scans_is_refused_with_how_many() -> None:
    scans = with_scans(0).count(SCAN) + 2500

    with pytest.raises(ImageTooLargeError, match=f"{scans:,} scans; at most {MOST_SCANS}"):
        decode_image(with_scans(2500))


def test_fewer_scans_than_the_bound_are_read() -> None:
    decode_image(with_scans(MOST_SCANS - with_scans(0).count(SCAN)))


def test_what_looks_like_scans_elsewhere_is_none() -> None:
    """In a comment or a profile, and in what a phone appends: another picture, or a film."""
    like_scans = SCAN * 2 * MOST_SCANS

    decode_image(progressive(icc_profile=like_scans, comment=like_scans) + like_scans)


def test_a_picture_of_another_format_is_left_alone() -> None:
    check_scans(b"\x89PNG" + SCAN * 1000)


@given(st.binary(max_size=2000), st.integers(0, 300))
def test_whatever_follows_it_ends_with_a_verdict(data: bytes, more: int) -> None:
    try:
        check_scans(b"\xff\xd8" + SCAN * more + data)
    except ImageTooLargeError:
        assert data.count(SCAN) + more > MOST_SCANS
