"""From the bytes of a picture to what a network reads: the only framing and resizing there is.

Training, evaluation and the service call the same functions with the same `Preprocessing`, which
travels inside the bundle. Scaled decoding of JPEGs moves pixels by some two grey levels (as much as
another interpolation would), so it too must be the same on both sides. Needs Pillow and numpy only.
"""

from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.choices import Levels, check_grey_range
from models.greys import Spread, are_usual, is_wide, levels_of, range_of, shown, widened
from models.image_files import MAX_PIXELS, NEARLY_BLACK, Stored, load_picture

Pixels = npt.NDArray[np.uint8]
Framing = Literal["crop", "short-side", "squash"]
Interpolation = Literal["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"]

#: Pixels that differ by no more than the grain of a JPEG are of one colour.
_GRAIN: Final = 4

#: Rows and columns of those that are asked first.
_FEW: Final = 16


@dataclass(frozen=True)
class Preprocessing:
    """How a picture is framed and resized to what the backbone reads.

    Attributes:
        height: H of the network's input, pixels; `width` is W.
        framing: `crop`: the middle with the input's aspect ratio, `crop_fraction` of the largest
            such rectangle (as timm evaluates); `short-side`: that largest rectangle itself;
            `squash`: the whole picture, its aspect ratio given up.
        crop_fraction: the part of each side that `crop` keeps, in [0.01, 1].
        interpolation: Pillow's name of the resampling filter, in lower case.
        grey_range: which greys of more than 8 bits are black and white; None where the training
            part held none: then each picture's own bits say.
        greys_held: between which of them the lowest and the highest grey of training pictures lay.
    """

    height: int
    width: int
    framing: Framing = "crop"
    crop_fraction: float = 0.875
    interpolation: Interpolation = "bilinear"
    grey_range: Levels | None = None
    greys_held: Spread | None = None

    def __post_init__(self) -> None:
        if not (0 < self.height <= 4096 and 0 < self.width <= 4096):
            raise ValueError(f"an input of {self.width} x {self.height} pixels is not supported")
        if not 0.01 <= self.crop_fraction <= 1:
            raise ValueError(f"crop_fraction is {self.crop_fraction}; it lies in 0.01 to 1")
        if self.grey_range is not None:
            check_grey_range(self.grey_range)

    @property
    def smallest(self) -> int:
        """Pixels that both sides of a picture keep where it is decoded smaller than it is."""
        return 2 * max(self.height, self.width)

    def box(self, width: int, height: int) -> tuple[float, float, float, float]:
        """The rectangle of a picture that the network sees: left, top, right, bottom in pixels."""
        if self.framing == "squash":
            return 0.0, 0.0, float(width), float(height)
        scale = min(width / self.width, height / self.height)
        if self.framing == "crop":
            scale *= self.crop_fraction
        # Rounding must not push the box over the picture's edge: Pillow refuses that.
        seen_width = min(self.width * scale, float(width))
        seen_height = min(self.height * scale, float(height))
        left, top = (width - seen_width) / 2, (height - seen_height) / 2
        return left, top, min(left + seen_width, width), min(top + seen_height, height)

    def pixels(self, image: Image.Image) -> Pixels:
        """Frames and resizes an RGB picture to uint8 (H, W, 3)."""
        resized = image.resize(
            (self.width, self.height),
            Image.Resampling[self.interpolation.upper()],
            box=self.box(*image.size),
        )
        return np.asarray(resized)


@dataclass(frozen=True)
class ReadPicture:
    """A picture as the network sees it.

    Attributes:
        pixels: uint8 (H, W, 3), RGB.
        width: of all of the picture, upright; `height` is the other side.
        warnings: sentences on what is unlike the pictures that were learned from.
    """

    pixels: Pixels
    width: int
    height: int
    warnings: tuple[str, ...] = ()


def read_pixels(data: bytes, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The pixels of `read_picture`: uint8 (H, W, 3), RGB."""
    return read_picture(data, preprocessing, max_pixels).pixels


def read_picture(
    data: bytes, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS
) -> ReadPicture:
    """Decodes (as `decode_image`) as small as its format allows, and frames and resizes."""
    stored = load_picture(data, max_pixels, preprocessing.smallest)
    pixels = preprocessing.pixels(stored.rgb(preprocessing.grey_range))
    remarks = [_remark_on_greys(stored, preprocessing)]
    if is_one_colour(pixels):
        remarks.append("the picture is all one colour, as the network sees it")
    return ReadPicture(pixels, *stored.size, tuple(filter(None, remarks)))


def decode_image(
    data: bytes,
    max_pixels: int = MAX_PIXELS,
    smallest: int | None = None,
    grey_range: Levels | None = None,
) -> Image.Image:
    """Decodes the first frame of a picture to upright RGB.

    Args:
        data: of any format that Pillow reads.
        max_pixels: refuse a picture whose header claims more.
        smallest: as `load_picture` takes it.
        grey_range: as `Preprocessing` has it.

    Raises:
        ImageError: the bytes are no picture, or a broken one.
        ImageTooLargeError: the picture has more than `max_pixels` pixels.
    """
    return load_picture(data, max_pixels, smallest).rgb(grey_range)


def is_one_colour(pixels: Pixels) -> bool:
    """Whether a picture, uint8 (H, W, 3), shows nothing."""
    # Nearly all pictures are told by a few of their pixels; asking all takes as long as decoding.
    few = pixels[:: max(1, len(pixels) // _FEW), :: max(1, pixels.shape[1] // _FEW)]
    return all(np.ptp(some, axis=(0, 1)).max() <= _GRAIN for some in (few, pixels))


def _remark_on_greys(stored: Stored, preprocessing: Preprocessing) -> str:
    """What there is to say of a picture whose greys are not those that were learned from."""
    image, learned = stored.image, preprocessing.grey_range
    if stored.has_deep_colours and levels_of(image)[1] < NEARLY_BLACK:
        return (
            "the picture holds colours of 16 bits and uses the lowest of them only, so that it is "
            "seen nearly black; spread them over all 16 bits, or save it with 8"
        )
    if learned is None:
        return _remark_on_wide_greys(image) if is_wide(image) else ""
    if preprocessing.greys_held is None and not is_wide(image):
        return ""  # all that was learned from had 8 bits, too
    levels, usual = _as_learned(image, learned, preprocessing.greys_held)
    if are_usual(levels, usual):
        return ""
    return (
        f"the picture's greys reach from {shown(levels_of(image))}, unlike those that the model "
        f"learned from ({shown(learned)}, black to white): its answer may be wrong"
    )


def _remark_on_wide_greys(image: Image.Image) -> str:
    levels = levels_of(image)
    return (
        f"the picture holds greys of more than 8 bits, from {shown(levels)}, and the model learned "
        f"from pictures of 8: {shown(range_of(levels))} was taken for black to white"
    )


def _as_learned(image: Image.Image, learned: Levels, held: Spread | None) -> tuple[Levels, Spread]:
    """A picture's levels in the numbers of the training part, and those that are usual there."""
    low, high = learned
    usual = held or (low, low, high, high)
    levels = levels_of(image)
    if is_wide(image):
        return levels, usual
    # 8 bits are the full range already, and nothing lies beyond it.
    first, second, third, fourth = (min(max(level, low), high) for level in usual)
    return widened(levels, learned), (first, second, third, fourth)
