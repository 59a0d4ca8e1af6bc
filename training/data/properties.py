"""What a picture and its file are like, in plain numbers: measured while it is decoded anyway.

For whoever looks for pictures that are alike, blank or blurred, and for rules so simple that no
network should live by them ("what is a PNG is a cat").
"""

from collections.abc import Sequence
from dataclasses import dataclass, fields, replace
from typing import Any, BinaryIO, Final

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.image_files import Stored
from models.preprocessing import Pixels, is_one_colour

Greys = npt.NDArray[np.uint8]

#: Sides of the small picture that is compared with others.
SIDE: Final = 64

#: Of its pixels: how wide a corner is, where stamps and marks are, and the border.
_CORNER, _BORDER = 8, 3

#: What red, green and blue add to brightness (ITU-R BT.601).
_LUMA: Final = np.array([0.299, 0.587, 0.114], np.float32)

#: How to say in a sentence which property it is.
WORDS: Final = {
    "format": "format of the file",
    "width": "width in pixels",
    "height": "height in pixels",
    "aspect_ratio": "width by height",
    "file_bytes": "size of the file",
    "bytes_per_pixel": "bytes of the file for each pixel",
    "jpeg_quality": "quality of the JPEG",
    "is_turned": "whether the file says how it is to be turned",
    "names_camera": "whether the file names a camera",
    "brightness": "brightness",
    "contrast": "contrast",
    "saturation": "strength of colours",
    "red": "red",
    "green": "green",
    "blue": "blue",
    "sharpness": "sharpness",
    "border_brightness": "brightness of the border",
    "border_contrast": "contrast along the border",
    **{
        f"{corner}_{what}": f"{what if what != 'saturation' else 'strength of colours'} "
        f"in the {corner.replace('_', ' ')} corner"
        for corner in ("top_left", "top_right", "bottom_left", "bottom_right")
        for what in ("brightness", "contrast", "saturation")
    },
}


@dataclass(frozen=True, eq=False)
class Properties:
    """What a picture and its file are like; all of the whole picture, upright.

    Brightness, contrast (a standard deviation) and saturation (the strongest less the weakest of
    red, green and blue) lie in [0, 1]; of a corner they are those of an eighth of width and height.

    Attributes:
        thumbnail: the picture in greys, squeezed, uint8 (64, 64).
        format: Pillow's name of it.
        width: pixels.
        height: pixels.
        file_bytes: length of the file.
        jpeg_quality: in [1, 100]; 0 where it is no JPEG.
        is_turned: whether its EXIF data turn it.
        names_camera: whether they name one.
        shows_nothing: whether it is all one colour, as the network sees it.
        red: mean in [0, 1], as `green` and `blue`.
        sharpness: standard deviation of the Laplacian of what the network sees, in grey levels.
        border_contrast: of the outer twentieth on all sides; small where pictures have a frame.
    """

    thumbnail: Greys
    format: str
    width: int
    height: int
    file_bytes: int
    jpeg_quality: int
    is_turned: bool
    names_camera: bool
    shows_nothing: bool
    brightness: float
    contrast: float
    saturation: float
    red: float
    green: float
    blue: float
    sharpness: float
    border_brightness: float
    border_contrast: float
    top_left_brightness: float
    top_left_contrast: float
    top_left_saturation: float
    top_right_brightness: float
    top_right_contrast: float
    top_right_saturation: float
    bottom_left_brightness: float
    bottom_left_contrast: float
    bottom_left_saturation: float
    bottom_right_brightness: float
    bottom_right_contrast: float
    bottom_right_saturation: float

    @property
    def aspect_ratio(self) -> float:
        """Width by height."""
        return self.width / self.height

    @property
    def bytes_per_pixel(self) -> float:
        """Bytes of the file for each pixel of the picture."""
        return self.file_bytes / (self.width * self.height)

    def seen_as(self, pixels: Pixels) -> "Properties":
        """Of the same picture, where the network is shown these uint8 (H, W, 3) of it."""
        return replace(self, shows_nothing=is_one_colour(pixels), sharpness=_sharpness(pixels))

    def as_numbers(self) -> dict[str, str | float]:
        """All but the thumbnail, by the names in `WORDS`: what a simple rule may ask of."""
        return {name: getattr(self, name) for name in WORDS}


def measure(stored: Stored, image: Image.Image, pixels: Pixels, file_bytes: int) -> Properties:
    """Measures a picture.

    Args:
        stored: as its file stores it.
        image: the same in RGB; it may be smaller.
        pixels: what the network is shown of it, uint8 (H, W, 3).
        file_bytes: length of its file.
    """
    size = (SIDE, SIDE)
    small = image.resize(size, Image.Resampling.BILINEAR, reducing_gap=1.0)
    # A plane for each colour: several times as fast as a colour for each pixel.
    planes = np.ascontiguousarray(np.asarray(small).transpose(2, 0, 1), np.float32) / 255
    greys = np.tensordot(_LUMA, planes, 1)
    colours = planes.max(0) - planes.min(0)
    border = np.concatenate([
        greys[:_BORDER].ravel(), greys[-_BORDER:].ravel(),
        greys[_BORDER:-_BORDER, :_BORDER].ravel(), greys[_BORDER:-_BORDER, -_BORDER:].ravel(),
    ])  # fmt: skip
    return Properties(
        np.rint(255 * greys).astype(np.uint8),
        stored.source.format,
        *stored.size,
        file_bytes,
        stored.source.jpeg_quality,
        stored.source.is_turned,
        stored.source.names_camera,
        is_one_colour(pixels),
        float(greys.mean()),
        float(greys.std()),
        float(colours.mean()),
        float(planes[0].mean()),
        float(planes[1].mean()),
        float(planes[2].mean()),
        _sharpness(pixels),
        float(border.mean()),
        float(border.std()),
        *_corners(greys, colours),
    )


def _sharpness(pixels: Pixels) -> float:
    """By green alone, which is most of brightness, to be quick."""
    green = pixels[..., 1].astype(np.int16)
    middle = green[1:-1, 1:-1]
    sides = green[:-2, 1:-1] + green[2:, 1:-1] + green[1:-1, :-2] + green[1:-1, 2:]
    return float((4 * middle - sides).std(dtype=np.float32))


def _corners(greys: np.ndarray, colours: np.ndarray) -> list[float]:
    """Brightness, contrast and saturation of each, row by row from the top left."""
    outer = np.stack([greys, colours])[:, [*range(_CORNER), *range(SIDE - _CORNER, SIDE)]]
    outer = outer[:, :, [*range(_CORNER), *range(SIDE - _CORNER, SIDE)]]
    blocks = outer.reshape(2, 2, _CORNER, 2, _CORNER)
    means, spread = blocks.mean((2, 4)), blocks[0].std((1, 3))
    found: list[float] = np.stack([means[0], spread, means[1]], axis=-1).ravel().tolist()
    return found


_NUMBERS: Final = tuple(f.name for f in fields(Properties) if f.name != "thumbnail")
_TYPES: Final[dict[Any, str]] = {str: "U12", int: "i8", bool: "?", float: "f8"}
_ROW: Final = np.dtype([(f.name, _TYPES[f.type]) for f in fields(Properties) if f.name in _NUMBERS])


def save_properties(properties: Sequence[Properties], file: BinaryIO) -> None:
    """Writes them as two arrays: a row of numbers for each, and thumbnails (N, 64, 64)."""
    rows = [tuple(getattr(one, name) for name in _NUMBERS) for one in properties]
    np.save(file, np.array(rows, _ROW))
    thumbnails = [one.thumbnail for one in properties]
    np.save(file, np.stack(thumbnails) if thumbnails else np.empty((0, SIDE, SIDE), np.uint8))


def load_properties(file: BinaryIO) -> list[Properties]:
    """Reads what `save_properties` wrote."""
    rows: np.ndarray[Any, np.dtype[np.void]] = np.load(file, allow_pickle=False)
    thumbnails = np.load(file, allow_pickle=False)
    return [Properties(t, *row) for t, row in zip(thumbnails, rows.tolist(), strict=True)]
