"""Files as trades write them: what Pillow reads otherwise than it is meant is put right."""

import struct
import zlib

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from models.errors import ImageError, ImageTooLargeError
from models.image_files import MAX_PIXELS, load_picture
from models.preprocessing import Preprocessing, decode_image, read_picture
from service.settings import Settings
from tests.conftest import encoded

COLOURS = np.full((12, 16, 3), (200, 100, 50), np.uint8)


def tiff(
    pixels: npt.NDArray[np.generic],
    photometric: int,
    extra: int | None = None,
    planar: int = 1,
    frames: int = 1,
) -> bytes:
    """An uncompressed TIFF, (H, W, C), of kinds that Pillow does not write."""
    height, width, bands = pixels.shape
    bits = pixels.dtype.itemsize * 8
    stored = pixels.transpose(2, 0, 1) if planar == 2 else pixels
    strips = bands if planar == 2 else 1
    body = stored.astype(pixels.dtype.newbyteorder("<")).tobytes()
    entries = {256: (width,), 257: (height,), 258: (bits,) * bands, 259: (1,)}
    entries |= {262: (photometric,), 277: (bands,), 278: (height,), 284: (planar,)}
    entries |= {273: (), 279: (len(body) // strips,) * strips}
    if extra is not None:
        entries[338] = (extra,)
    size = 8 + frames * (2 + 12 * len(entries) + 4)
    data, lists = b"II*\0" + struct.pack("<I", 8), b""
    first = size + frames * 200
    entries[273] = tuple(first + n * (len(body) // strips) for n in range(strips))
    for frame in range(frames):
        data += struct.pack("<H", len(entries))
        for tag, values in sorted(entries.items()):
            packed = struct.pack(f"<{len(values)}I", *values)
            if len(packed) > 4:
                lists += packed
                packed = struct.pack("<I", size + len(lists) - len(packed))
            data += struct.pack("<HHI", tag, 4, len(values)) + packed
        last = frame == frames - 1
        data += struct.pack("<I", 0 if last else len(data) + 4)
    return (data + lists).ljust(first, b"\0") + body


def with_band(value: int) -> npt.NDArray[np.uint8]:
    return np.dstack([COLOURS, np.full((12, 16, 1), value, np.uint8)])


@pytest.mark.parametrize(("extra", "planar"), [(0, 1), (None, 1), (None, 2)])
def test_a_fourth_band_that_is_no_transparency_changes_nothing(
    extra: int | None, planar: int
) -> None:
    found = decode_image(tiff(with_band(30), 2, extra, planar))

    np.testing.assert_array_equal(np.asarray(found), COLOURS)


def test_a_fourth_band_that_is_called_transparency_is_heeded() -> None:
    found = np.asarray(decode_image(tiff(with_band(128), 2, extra=2)))

    assert (found > COLOURS).all()


@pytest.mark.parametrize("kind", ["TGA", "PNG", "TIFF", "WEBP", "BMP", "ICO"])
def test_transparency_that_hides_all_hides_nothing(kind: str) -> None:
    hidden = Image.fromarray(np.full((16, 16, 3), (200, 100, 50), np.uint8))
    hidden.putalpha(0)
    options = {"lossless": True, "exact": True} if kind == "WEBP" else {}

    found = decode_image(encoded(hidden, kind, **options))

    np.testing.assert_array_equal(np.asarray(found)[8, 8], (200, 100, 50))


def test_a_second_band_beside_a_grey_one_changes_nothing() -> None:
    greys: npt.NDArray[np.uint8] = np.full((12, 16, 2), 9, np.uint8)
    greys[..., 0] = 200

    assert np.asarray(decode_image(tiff(greys, 1, extra=0))).mean() == 200


@pytest.mark.parametrize("kind", [np.uint16, np.float32])
def test_greys_that_are_white_where_they_are_least_are_turned(kind: type) -> None:
    ramp = np.tile(np.linspace(0, 4095, 16), (12, 1))
    greys: npt.NDArray[np.generic] = ramp.astype(kind)[..., None]

    if kind is np.float32:
        stored = encoded(Image.fromarray(greys[..., 0]), "TIFF", tiffinfo={262: 0})
    else:
        stored = tiff(greys, photometric=0)
    found = np.asarray(decode_image(stored))

    assert found[0, 0, 0] == 255
    assert found[0, -1, 0] == 0


def test_a_tiff_that_is_not_read_is_called_one() -> None:
    five = np.dstack([with_band(30), with_band(30)])

    with pytest.raises(ImageError, match="a TIFF of a kind that is not read"):
        decode_image(tiff(five, 2))


def test_of_several_pages_the_first_is_read() -> None:
    pages = [Image.new("L", (16, 12), value) for value in (10, 200)]
    data = encoded(pages[0], "TIFF", save_all=True, append_images=pages[1:])

    assert np.asarray(decode_image(data)).mean() == 10


def test_colours_of_16_bits_that_use_few_of_them_are_remarked_on() -> None:
    dark, bright = (COLOURS.astype(np.uint16) * by for by in (16, 257))
    shown = Preprocessing(32, 32)

    (sentence,) = read_picture(tiff(dark, 2), shown).warnings[:1]

    assert "colours of 16 bits" in sentence
    assert "colours" not in " ".join(read_picture(tiff(bright, 2), shown).warnings)


def test_training_and_service_take_pictures_of_the_same_size() -> None:
    assert Settings().max_pixels == MAX_PIXELS


@pytest.mark.slow  # to draw it
def test_the_200_megapixels_of_a_phone_are_read() -> None:
    data = encoded(Image.new("L", (16320, 12240)), "JPEG", quality=20)

    found = load_picture(data, MAX_PIXELS, smallest=448)

    assert found.size == (16320, 12240)
    assert found.image.width == 2040


def test_what_is_allowed_above_the_default_is_read_and_nothing_beyond() -> None:
    head = encoded(Image.new("1", (16, 12)), "PNG")
    size = b"IHDR" + struct.pack(">II", 20_000, 15_000) + head[24:29]
    data = head[:12] + size + struct.pack(">I", zlib.crc32(size)) + head[33:]

    with pytest.raises(ImageTooLargeError, match="too many pixels; at most 250,000,000"):
        load_picture(data, MAX_PIXELS)
    with pytest.raises(ImageError, match="the picture is broken"):
        load_picture(data, 300_000_000)
    with pytest.raises(ImageTooLargeError, match="at most 200,000,000"):
        load_picture(data, 200_000_000)


def test_a_torn_fax_is_refused_in_libtiffs_words_and_nothing_else_is_printed(
    capfd: pytest.CaptureFixture[str],
) -> None:
    noise = np.random.default_rng(0).integers(0, 2, (64, 64)).astype(bool)
    data = bytearray(encoded(Image.fromarray(noise), "TIFF", compression="group4"))
    data[20:28] = bytes(8)

    with pytest.raises(ImageError, match=r"broken: Fax4Decode: .* strip 0"):
        decode_image(bytes(data))

    assert capfd.readouterr().err == ""


def test_what_libtiff_says_of_one_file_is_not_said_of_the_next() -> None:
    lines = encoded(Image.fromarray(COLOURS), "TIFF", compression="tiff_lzw")
    torn = lines[:10] + bytes(8) + lines[18:]

    with pytest.raises(ImageError, match=r"broken: (Using code not yet|LZWDecode)"):
        decode_image(torn)

    assert np.array_equal(np.asarray(decode_image(lines)), COLOURS)
