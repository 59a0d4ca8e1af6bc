"""The drawn pictures that every bundle carries, to prove itself where it is loaded.

Never a user's pictures. Each goes another way through decoding: PNG, transparency, a JPEG large
enough to be decoded at half its size, with an EXIF orientation.
"""

import io

import numpy as np
from PIL import ExifTags, Image, ImageDraw


def draw_self_check_pictures() -> list[bytes]:
    """Three small picture files, the same on every machine."""
    see_through = _drawn(80, 120, (30, 120, 200))
    see_through.putalpha(Image.linear_gradient("L").resize(see_through.size))
    on_its_side = Image.Exif()
    on_its_side[ExifTags.Base.Orientation] = 6
    return [
        _encoded(_drawn(96, 72, (200, 60, 40)), "PNG"),
        _encoded(see_through, "PNG"),
        _encoded(_drawn(1000, 900, (60, 160, 60)), "JPEG", quality=60, exif=on_its_side),
    ]


def _drawn(width: int, height: int, colour: tuple[int, int, int]) -> Image.Image:
    """A coloured disc and a bar on a slope of grey: edges, corners and smooth parts."""
    down, across = np.mgrid[0:height, 0:width]
    slope = (40 + 120 * across / width + 80 * down / height).astype(np.uint8)
    image = Image.fromarray(slope).convert("RGB")
    draw = ImageDraw.Draw(image)
    draw.ellipse((width * 0.2, height * 0.25, width * 0.6, height * 0.8), fill=colour)
    draw.rectangle((width * 0.55, height * 0.1, width * 0.9, height * 0.3), fill=(240, 240, 230))
    return image


def _encoded(image: Image.Image, kind: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()
