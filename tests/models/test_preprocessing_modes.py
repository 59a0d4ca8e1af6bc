"""Every mode that Pillow has becomes RGB as a person would see it."""

import struct
import zlib
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageCms

from models.image_files import to_rgb
from models.preprocessing import decode_image
from tests.conftest import encoded

WHITE = (255, 255, 255)
RED = (255, 0, 0)

Colour = float | tuple[int, ...]


def halves(mode: str, left: Colour, right: Colour) -> Image.Image:
    """A picture of two colours."""
    image = Image.new(mode, (32, 16), left)
    image.paste(right, (16, 0, 32, 16))
    return image


def with_palette(*colours: tuple[int, int, int]) -> Image.Image:
    image = halves("P", 0, 1)
    image.putpalette([value for colour in colours for value in colour])
    return image


def png(bits: int, colour_type: int, left: list[int], right: list[int], trns: bytes = b"") -> bytes:
    """A PNG of kinds that Pillow reads and does not write."""
    kind = ">H" if bits == 16 else "B"
    row = b"\0" + b"".join(struct.pack(kind, v) for v in [*left * 16, *right * 16])
    header = struct.pack(">IIBBBBB", 32, 16, bits, colour_type, 0, 0, 0)
    chunks = [(b"IHDR", header), *([(b"tRNS", trns)] if trns else [])]
    chunks += [(b"IDAT", zlib.compress(row * 16)), (b"IEND", b"")]
    return b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))
        for name, body in chunks
    )


def assert_halves(image: Image.Image, left: Any, right: Any, tolerance: int) -> None:
    assert image.mode == "RGB"
    for x, expected in ((8, left), (24, right)):
        found = np.asarray(image, dtype=int)[8, x]
        assert np.abs(found - expected).max() <= tolerance, f"{found} where {expected} should be"


@pytest.mark.parametrize(
    ("image", "kind", "options", "left", "right", "tolerance"),
    [
        pytest.param(halves("1", 1, 0), "PNG", {}, 255, 0, 0, id="1"),
        pytest.param(halves("1", 1, 0), "TIFF", {}, 255, 0, 0, id="1, TIFF"),
        pytest.param(halves("L", 10, 200), "PNG", {}, 10, 200, 0, id="L"),
        pytest.param(halves("L", 10, 200), "JPEG", {}, 10, 200, 2, id="L, JPEG"),
        pytest.param(
            halves("L", 10, 200), "PNG", {"transparency": 10}, 255, 200, 0, id="L, transparent"
        ),
        pytest.param(halves("LA", (10, 255), (10, 0)), "PNG", {}, 10, 255, 0, id="LA"),
        pytest.param(halves("LA", (0, 128), (0, 51)), "PNG", {}, 127, 204, 0, id="LA, half"),
        pytest.param(with_palette((9, 8, 7), RED), "PNG", {}, (9, 8, 7), RED, 0, id="P"),
        pytest.param(with_palette((9, 8, 7), RED), "GIF", {}, (9, 8, 7), RED, 0, id="P, GIF"),
        pytest.param(with_palette((9, 8, 7), RED), "BMP", {}, (9, 8, 7), RED, 0, id="P, BMP"),
        pytest.param(
            with_palette((9, 8, 7), RED),
            "PNG",
            {"transparency": 0},
            WHITE,
            RED,
            0,
            id="P, transparent",
        ),
        pytest.param(
            with_palette((0, 0, 0), RED),
            "PNG",
            {"transparency": bytes([51, 255])},
            (204, 204, 204),
            RED,
            0,
            id="P, an alpha for each colour",
        ),
        pytest.param(
            with_palette((9, 8, 7), RED),
            "GIF",
            {"transparency": 1},
            (9, 8, 7),
            WHITE,
            0,
            id="P, transparent, GIF",
        ),
        pytest.param(halves("RGB", (1, 2, 3), RED), "PNG", {}, (1, 2, 3), RED, 0, id="RGB"),
        pytest.param(
            halves("RGB", (1, 2, 3), RED),
            "PNG",
            {"transparency": RED},
            (1, 2, 3),
            WHITE,
            0,
            id="RGB, transparent",
        ),
        pytest.param(
            halves("RGBA", (1, 2, 3, 255), (*RED, 0)), "PNG", {}, (1, 2, 3), WHITE, 0, id="RGBA"
        ),
        pytest.param(
            halves("RGBA", (0, 0, 0, 51), (*RED, 255)),
            "WEBP",
            {"lossless": True},
            204,
            RED,
            0,
            id="RGBA, WebP",
        ),
        pytest.param(
            halves("RGBA", (0, 0, 0, 51), (*RED, 255)), "TIFF", {}, 204, RED, 0, id="RGBA, TIFF"
        ),
        pytest.param(
            halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)), "TIFF", {}, RED, 0, 0, id="CMYK"
        ),
        pytest.param(
            halves("CMYK", (0, 255, 255, 0), (0, 0, 0, 255)), "JPEG", {}, RED, 0, 8, id="CMYK, JPEG"
        ),
        pytest.param(
            halves("RGB", RED, (0, 0, 255)).convert("YCbCr"),
            "JPEG",
            {"subsampling": 0},
            RED,
            (0, 0, 255),
            8,
            id="YCbCr, JPEG",
        ),
        pytest.param(
            halves("RGB", RED, (0, 0, 255)).convert("YCbCr"),
            "TIFF",
            {},
            RED,
            (0, 0, 255),
            3,
            id="YCbCr, TIFF",
        ),
        pytest.param(halves("I;16", 65535, 25700), "PNG", {}, 255, 100, 0, id="I;16"),
        pytest.param(halves("I;16", 65535, 25700), "TIFF", {}, 255, 100, 0, id="I;16, TIFF"),
        pytest.param(halves("I;16B", 65535, 25700), "TIFF", {}, 255, 100, 0, id="I;16B, TIFF"),
        pytest.param(halves("I", 65535, 25700), "PPM", {}, 255, 100, 0, id="I, PGM of 16 bit"),
        pytest.param(halves("I", 131071, 65535), "TIFF", {}, 255, 127, 0, id="I, of 17 bits"),
        pytest.param(halves("I", -5, 65535), "TIFF", {}, 0, 255, 0, id="I, a little below zero"),
        pytest.param(halves("I", -1024, 1024), "TIFF", {}, 0, 255, 0, id="I, far below zero"),
        pytest.param(halves("I;16", 4095, 1799), "PNG", {}, 255, 112, 0, id="I;16, 12 bits"),
        pytest.param(halves("I;16", 1000, 257), "PNG", {}, 249, 64, 0, id="I;16, 10 bits"),
        pytest.param(halves("F", 1.0, 0.5), "TIFF", {}, 255, 128, 0, id="F up to 1"),
        pytest.param(halves("F", 255.0, 99.6), "TIFF", {}, 255, 100, 0, id="F up to 255"),
        pytest.param(halves("F", 4095.0, 2040.0), "TIFF", {}, 255, 127, 0, id="F of 12 bits"),
        pytest.param(halves("F", -1024.0, 1024.0), "TIFF", {}, 0, 255, 0, id="F below zero"),
        pytest.param(halves("F", 65535.0, 25700.0), "TIFF", {}, 255, 100, 0, id="F up to 65535"),
        pytest.param(halves("F", 1.0, float("nan")), "TIFF", {}, 255, 0, 0, id="F with NaN"),
        pytest.param(halves("F", float("inf"), 0.5), "TIFF", {}, 0, 128, 0, id="F with infinity"),
    ],
)
def test_a_stored_picture_of_any_mode_becomes_rgb_as_a_person_sees_it(
    image: Image.Image, kind: str, options: dict[str, Any], left: Any, right: Any, tolerance: int
) -> None:
    found = decode_image(encoded(image, kind, **options))

    assert_halves(found, left, right, tolerance)


@pytest.mark.parametrize(
    ("data", "left", "right"),
    [
        pytest.param(png(16, 0, [65535], [25700]), 255, 100, id="grey"),
        pytest.param(png(16, 2, [65535, 0, 0], [257, 514, 771]), RED, (1, 2, 3), id="RGB"),
        pytest.param(png(16, 4, [0, 65535], [0, 0]), 0, 255, id="grey with alpha"),
        pytest.param(png(16, 6, [65535, 0, 0, 65535], [0, 0, 0, 0]), RED, 255, id="RGB with alpha"),
        pytest.param(
            png(16, 0, [0], [25700], struct.pack(">H", 25700)), 0, 255, id="grey, one transparent"
        ),
    ],
)
def test_a_png_of_16_bits_is_scaled(data: bytes, left: Any, right: Any) -> None:
    assert_halves(decode_image(data), left, right, tolerance=0)


def premultiplied(mode: str) -> Image.Image:
    return halves(mode[:-1] + "A", (*(0,) * (len(mode) - 1), 51), (*(200,) * (len(mode) - 1), 255))


@pytest.mark.parametrize(
    ("image", "left", "right"),
    [
        pytest.param(halves("RGB", RED, (0, 0, 255)).convert("HSV"), RED, (0, 0, 255), id="HSV"),
        pytest.param(halves("RGB", RED, (0, 9, 255)).convert("RGBX"), RED, (0, 9, 255), id="RGBX"),
        pytest.param(premultiplied("RGBa").convert("RGBa"), 204, 200, id="RGBa"),
        pytest.param(premultiplied("La").convert("La"), 204, 200, id="La"),
        pytest.param(with_palette((9, 8, 7), RED).convert("PA"), (9, 8, 7), RED, id="PA"),
        pytest.param(halves("I;16L", 65535, 25700), 255, 100, id="I;16L"),
        pytest.param(halves("I;16B", 65535, 25700), 255, 100, id="I;16B"),
        pytest.param(halves("I;16N", 65535, 25700), 255, 100, id="I;16N"),
    ],
)
def test_a_mode_that_few_files_have_becomes_rgb_too(
    image: Image.Image, left: Any, right: Any
) -> None:
    assert_halves(to_rgb(image), left, right, tolerance=1)


def test_lab_becomes_the_colours_that_it_names() -> None:
    picture = halves("RGB", (200, 40, 40), (40, 90, 200))
    srgb, lab = ImageCms.createProfile("sRGB"), ImageCms.createProfile("LAB")
    stored = ImageCms.profileToProfile(picture, srgb, lab, outputMode="LAB")
    assert stored is not None

    found = decode_image(encoded(stored, "TIFF"))

    assert_halves(found, (200, 40, 40), (40, 90, 200), tolerance=6)


def test_an_rgb_picture_is_handed_on_as_it_is(picture: Image.Image) -> None:
    assert to_rgb(picture) is picture


def test_a_picture_with_a_colour_profile_is_read_by_its_numbers(picture: Image.Image) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()

    found = decode_image(encoded(picture, "PNG", icc_profile=profile))

    assert np.array_equal(np.asarray(found), np.asarray(picture))


def test_a_broken_colour_profile_does_not_matter(picture: Image.Image) -> None:
    found = decode_image(encoded(picture, "PNG", icc_profile=b"no profile at all"))

    assert np.array_equal(np.asarray(found), np.asarray(picture))
