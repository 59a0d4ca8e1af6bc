"""Which bytes are read, how, and with which sentence the others are refused."""

import struct
import tracemalloc
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image

from models.errors import ImageError, ImageTooLargeError
from models.image_files import stored_size
from models.preprocessing import Preprocessing, decode_image, read_pixels
from tests.conftest import encoded

SMALL = Preprocessing(32, 32)
WIDE = Preprocessing(24, 48)

#: How an upright picture lies in a file of each EXIF orientation.
STORED = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def turned(upright: Image.Image, orientation: int, kind: str, **options: object) -> bytes:
    """A file that a viewer shows upright, with its pixels lying as the orientation says."""
    exif = Image.Exif()
    exif[0x0112] = orientation
    lying = upright.transpose(STORED[orientation]) if orientation in STORED else upright
    return encoded(lying, kind, exif=exif, **options)


def differences(one: Any, other: Any) -> Any:
    return np.abs(np.asarray(one, dtype=int) - np.asarray(other, dtype=int))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("preprocessing", [SMALL, WIDE, Preprocessing(32, 32, "squash")])
@pytest.mark.parametrize(
    ("kind", "options"), [("PNG", {}), ("TIFF", {}), ("WEBP", {"lossless": True})]
)
def test_all_orientations_of_a_lossless_picture_give_the_same_pixels(
    picture: Image.Image,
    orientation: int,
    preprocessing: Preprocessing,
    kind: str,
    options: dict[str, Any],
) -> None:
    found = read_pixels(turned(picture, orientation, kind, **options), preprocessing)

    assert np.array_equal(found, preprocessing.pixels(picture))


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("enlarged", [1, 7])
def test_all_orientations_of_a_jpeg_give_nearly_the_same_pixels(
    picture: Image.Image, orientation: int, enlarged: int
) -> None:
    upright = picture.resize((picture.width * enlarged, picture.height * enlarged))

    found = read_pixels(turned(upright, orientation, "JPEG", quality=95, subsampling=0), WIDE)

    assert differences(found, WIDE.pixels(upright)).max() <= 12
    assert differences(found, WIDE.pixels(upright)).mean() <= 2


@pytest.mark.parametrize("orientation", [0, 9, 65535])
def test_an_orientation_that_does_not_exist_is_ignored(
    picture: Image.Image, orientation: int
) -> None:
    found = decode_image(turned(picture, orientation, "PNG"))

    assert np.array_equal(np.asarray(found), np.asarray(picture))


@pytest.mark.parametrize(
    "exif",
    [
        b"Exif\0\0",
        b"Exif\0\0II*\0",
        b"Exif\0\0MM\0*\0\0\0\x08\xff\xff" + b"\xff" * 40,
        b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x02\0\x04\0\0\0\xff\xff\xff\xff\0\0\0\0",
        b"Exif\0\0nonsense",
    ],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
@pytest.mark.filterwarnings("ignore")
def test_a_picture_with_broken_exif_is_taken_as_it_lies(
    picture: Image.Image, exif: bytes, kind: str
) -> None:
    found = decode_image(encoded(picture, kind, exif=exif))

    assert differences(found, picture).mean() < 4


MANY: tuple[tuple[str, dict[str, Any]], ...] = (
    ("GIF", {}),
    ("PNG", {}),
    ("TIFF", {}),
    ("WEBP", {"lossless": True}),
    ("AVIF", {}),
)


@pytest.mark.parametrize(("kind", "options"), MANY)
def test_of_several_frames_the_first_is_read(kind: str, options: dict[str, Any]) -> None:
    first, second = (Image.new("RGB", (32, 24), colour) for colour in ("red", "blue"))

    found = decode_image(
        encoded(first, kind, save_all=True, append_images=[second, first], **options)
    )

    assert found.size == (32, 24)
    assert differences(found, first).max() <= 3


def test_of_a_photograph_with_a_preview_the_photograph_is_read(picture: Image.Image) -> None:
    preview = picture.resize((24, 18))

    found = decode_image(encoded(picture, "MPO", save_all=True, append_images=[preview]))

    assert found.size == picture.size


EVERY_WAY: list[tuple[str, dict[str, Any], int]] = [
    ("AVIF", {"quality": 100, "subsampling": "4:4:4"}, 8),
    ("BMP", {}, 0),
    ("DDS", {}, 0),
    ("DIB", {}, 0),
    ("ICO", {"sizes": [(96, 72)]}, 0),
    ("JPEG", {"quality": 100, "subsampling": 0}, 8),
    ("JPEG", {"progressive": True, "quality": 100, "subsampling": 0}, 8),
    ("JPEG2000", {}, 0),
    ("PCX", {}, 0),
    ("PNG", {}, 0),
    ("PPM", {}, 0),
    ("QOI", {}, 0),
    ("SGI", {}, 0),
    ("TGA", {}, 0),
    ("TIFF", {"compression": "tiff_lzw"}, 0),
    ("TIFF", {"compression": "jpeg", "quality": 100}, 8),
    ("WEBP", {"lossless": True}, 0),
]


@pytest.mark.parametrize(("kind", "options", "tolerance"), EVERY_WAY)
def test_every_format_is_read_whatever_its_file_is_called(
    picture: Image.Image, kind: str, options: dict[str, Any], tolerance: int
) -> None:
    found = decode_image(encoded(picture, kind, **options))

    assert found.mode == "RGB"
    assert differences(found, picture).max() <= tolerance


def test_a_large_jpeg_is_decoded_at_a_smaller_size(picture: Image.Image) -> None:
    data = encoded(picture.resize((960, 720)), "JPEG")

    assert decode_image(data, smallest=64).size == (120, 90)
    assert decode_image(data, smallest=300).size == (480, 360)
    assert decode_image(data, smallest=400).size == (960, 720)
    assert decode_image(data).size == (960, 720)


@pytest.mark.parametrize("kind", ["RGB", "L", "CMYK"])
def test_scaled_decoding_is_close_to_full_decoding(picture: Image.Image, kind: str) -> None:
    data = encoded(picture.resize((960, 720)).convert(kind), "JPEG", quality=90)

    full = SMALL.pixels(decode_image(data))

    assert differences(read_pixels(data, SMALL), full).mean() <= 2.5
    assert differences(read_pixels(data, SMALL), full).max() <= 16


@pytest.mark.parametrize("size", [(1, 1), (1, 500), (500, 1), (2, 3), (7000, 2)])
@pytest.mark.parametrize("framing", ["crop", "short-side", "squash"])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_tiny_and_thin_pictures_are_read(size: tuple[int, int], framing: Any, kind: str) -> None:
    data = encoded(Image.new("RGB", size, (200, 100, 50)), kind)

    found = read_pixels(data, Preprocessing(24, 48, framing))

    assert found.shape == (24, 48, 3)
    assert differences(found, [200, 100, 50]).max() <= 2


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        pytest.param(b"", "the file is empty", id="empty"),
        pytest.param(b"%!PS-Adobe-3.0 EPSF-3.0\n", "PostScript, which is not", id="EPS"),
        pytest.param(b"\x07" * 1000, "not a picture in any format", id="nothing known"),
        pytest.param(b"\x89PNG\r\n\x1a\n", "picture", id="a PNG's first bytes"),
        pytest.param(b"\xff\xd8\xff\xe0", "picture", id="a JPEG's first bytes"),
        pytest.param(b"GIF89a", "picture", id="a GIF's first bytes"),
    ],
)
def test_what_is_no_picture_is_refused_with_the_reason(data: bytes, sentence: str) -> None:
    with pytest.raises(ImageError, match=sentence):
        decode_image(data)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "TIFF", "BMP"])
def test_a_truncated_picture_is_refused(picture: Image.Image, kind: str) -> None:
    data = encoded(picture, kind)

    with pytest.raises(ImageError, match="the picture is broken: "):
        decode_image(data[: len(data) * 2 // 3])


def test_an_eps_picture_starts_no_program(picture: Image.Image) -> None:
    with pytest.raises(ImageError, match="reading it means running it"):
        decode_image(encoded(picture, "EPS"))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


GIANT_PNG = (
    b"\x89PNG\r\n\x1a\n"
    + chunk(b"IHDR", struct.pack(">IIBBBBB", 100_000, 100_000, 8, 2, 0, 0, 0))
    + chunk(b"IDAT", zlib.compress(b"\0" * 1000))
    + chunk(b"IEND", b"")
)
GIANT_BMP = b"BM" + struct.pack(
    "<IHHIIiiHHIIiiII", 54, 0, 0, 54, 40, 60_000, 60_000, 1, 24, 0, 0, 0, 0, 0, 0
)


@pytest.mark.parametrize(
    "data", [pytest.param(GIANT_PNG, id="PNG"), pytest.param(GIANT_BMP, id="BMP")]
)
def test_a_giant_picture_is_refused_before_memory_is_taken(data: bytes) -> None:
    tracemalloc.start()

    with pytest.raises(ImageTooLargeError, match="too many pixels"):
        decode_image(data)

    assert tracemalloc.get_traced_memory()[1] < 2_000_000
    tracemalloc.stop()


def test_more_pixels_than_asked_for_are_refused_with_both_numbers(picture: Image.Image) -> None:
    data = encoded(picture, "PNG")

    assert decode_image(data, max_pixels=96 * 72).size == (96, 72)
    with pytest.raises(ImageTooLargeError, match="96 x 72 pixels; at most 6,911 are read"):
        decode_image(data, max_pixels=96 * 72 - 1)


@pytest.mark.filterwarnings("ignore:Image was not the expected size")
def test_a_small_header_around_a_large_picture_is_refused() -> None:
    inner = encoded(Image.new("RGB", (200, 200), "red"), "PNG")
    directory = struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22)
    icon = struct.pack("<HHH", 0, 1, 1) + directory + inner

    with pytest.raises(ImageTooLargeError, match="200 x 200 pixels; at most 1,000 are read"):
        decode_image(icon, max_pixels=1000)


def test_a_large_jpeg_is_measured_before_it_is_scaled_down(picture: Image.Image) -> None:
    data = encoded(picture.resize((960, 720)), "JPEG")

    with pytest.raises(ImageTooLargeError, match="960 x 720"):
        read_pixels(data, SMALL, max_pixels=500_000)


def test_a_grey_picture_has_three_channels_too(picture: Image.Image) -> None:
    found = read_pixels(encoded(picture.convert("L"), "PNG"), SMALL)

    assert found.dtype == np.uint8
    assert found.shape == (32, 32, 3)


def test_the_stored_size_is_told_by_the_header_alone(picture: Image.Image) -> None:
    data = encoded(picture, "PNG")

    assert stored_size(data) == stored_size(data[:200]) == (96, 72)
    with pytest.raises(ImageError, match="the picture is broken"):
        stored_size(b"no picture")
