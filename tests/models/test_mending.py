"""A picture whose pixels are whole is read, whatever stands around them."""

import io
import struct
import tracemalloc
import zlib

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from models.errors import ImageError
from models.mending import without_metadata
from models.preprocessing import Preprocessing, decode_image, read_pixels
from tests.conftest import encoded

END = b"\xff\xd9"


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def png_with(picture: Image.Image, *chunks: bytes) -> bytes:
    data = encoded(picture, "PNG")
    return data[:33] + b"".join(chunks) + data[33:]


MUCH = zlib.compress(bytes(2_000_000))

METADATA = {
    "a profile": chunk(b"iCCP", b"scanner\0\0" + MUCH),
    "a packed text": chunk(b"zTXt", b"note\0\0" + MUCH),
    "a text": chunk(b"tEXt", b"note\0" + b"x" * 2_000_000),
    "international text": chunk(b"iTXt", b"note\0\1\0\0\0" + MUCH),
    "XMP": chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + b"x" * 2_000_000),
    "XMP, packed": chunk(b"iTXt", b"XML:com.adobe.xmp\0\1\0\0\0" + MUCH),
    "EXIF as a packed text": chunk(b"zTXt", b"Raw profile type exif\0\0" + MUCH),
    "EXIF": chunk(b"eXIf", b"II*\0" + bytes(2_000_000)),
    "a profile that does not unpack": chunk(b"iCCP", b"scanner\0\0no zlib"),
    "a private chunk": chunk(b"prVW", bytes(2_000_000)),
    "a text that has been damaged": chunk(b"tEXt", b"note\0abc")[:-4] + b"\0\0\0\0",
    "more texts than are read": chunk(b"zTXt", b"n\0\0" + zlib.compress(bytes(10**6))) * 80,
}


@pytest.mark.parametrize("metadata", METADATA.values(), ids=METADATA)
def test_a_png_is_read_whatever_its_metadata(picture: Image.Image, metadata: bytes) -> None:
    found = decode_image(png_with(picture, metadata))

    np.testing.assert_array_equal(np.asarray(found), np.asarray(picture))


def test_what_would_unpack_to_much_takes_no_memory(picture: Image.Image) -> None:
    bomb = zlib.compress(zlib.compress(bytes(10**8), 9), 9)
    data = png_with(picture, chunk(b"zTXt", b"Raw profile type exif\0\0" + zlib.decompress(bomb)))
    tracemalloc.start()

    decode_image(data)

    assert tracemalloc.get_traced_memory()[1] < 10_000_000
    tracemalloc.stop()


@pytest.mark.parametrize("key", ["Raw profile type exif", "XML:com.adobe.xmp"])
def test_a_text_that_says_how_a_png_is_turned_is_heeded(picture: Image.Image, key: str) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    texts = {
        "Raw profile type exif": f"\nexif\n      34\n{exif.tobytes().hex()}\n",
        "XML:com.adobe.xmp": '<x tiff:Orientation="6"/>',
    }
    info = PngImagePlugin.PngInfo()
    info.add_itxt(key, texts[key])

    assert decode_image(encoded(picture, "PNG", pnginfo=info)).size == picture.size[::-1]


def test_a_png_without_such_chunks_is_not_copied(picture: Image.Image) -> None:
    data = encoded(picture, "PNG")

    assert without_metadata(data) is data


@given(st.binary(max_size=300))
def test_what_is_left_of_any_png_is_a_part_of_it(tail: bytes) -> None:
    found = without_metadata(b"\x89PNG\r\n\x1a\n" + tail)

    assert len(found) <= 8 + len(tail)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
def test_a_jpeg_that_lacks_its_end_mark_alone_is_whole(
    picture: Image.Image, mode: str, options: dict[str, int]
) -> None:
    data = encoded(picture.convert(mode), "JPEG", **options)
    assert data.endswith(END)

    for cut in (data[:-2], data[:-1], data[:-2] + bytes(500)):
        assert decode_image(cut) == decode_image(data)


def test_zeros_at_the_end_of_a_jpeg_may_be_its_own() -> None:
    rng = np.random.default_rng(0)
    blocks = rng.integers(0, 256, (300, 6, 6, 3), dtype=np.uint8)
    images = (Image.fromarray(one).resize((96, 96), Image.Resampling.NEAREST) for one in blocks)
    files = [encoded(image, "JPEG", quality=90) for image in images]
    # Behind 0xFF a zero is stuffing, which any reader would miss; one of its own is not.
    own = [one for one in files if one.endswith(b"\0" + END) and one[-4] != 0xFF]

    assert own
    for data in own:
        assert decode_image(data[:-2]) == decode_image(data)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"restart_marker_blocks": 1}])
def test_a_jpeg_that_lacks_pixels_is_not(picture: Image.Image, options: dict[str, int]) -> None:
    data = encoded(picture.resize((480, 360)), "JPEG", **options)

    for missing in (40, 400, len(data) // 3, len(data) // 2):
        with pytest.raises(ImageError, match="the picture is broken"):
            decode_image(data[:-missing])
        with pytest.raises(ImageError, match="the picture is broken"):
            read_pixels(data[:-missing], Preprocessing(32, 32))


@pytest.mark.parametrize("missing", [3, 4, 6, 10])
def test_a_jpeg_that_lacks_its_last_block_is_not_whole(missing: int) -> None:
    rng = np.random.default_rng(0)
    noise = Image.fromarray(rng.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    buffer = io.BytesIO()
    noise.save(buffer, "JPEG", quality=95)

    with pytest.raises(ImageError, match="the picture is broken"):
        decode_image(buffer.getvalue()[:-missing])
