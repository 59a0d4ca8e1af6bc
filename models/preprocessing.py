"""From the bytes of a picture to what a network reads: the only decoding and resizing there is.

Training, evaluation and the service call the same functions with the same `Preprocessing`, which
travels inside the bundle. Scaled decoding of JPEGs moves pixels by some two grey levels (as much as
another interpolation would), so it too must be the same on both sides. Needs Pillow and numpy only.

Nothing but an `ImageError` leaves this module, whatever the bytes are.
"""

import io
import warnings
from dataclasses import dataclass
from typing import Final, Literal

import numpy as np
import numpy.typing as npt
from PIL import ExifTags, Image, ImageCms, ImageOps, UnidentifiedImageError

from models.errors import ImageError, ImageTooLargeError, first_line
from models.scans import check_scans

Pixels = npt.NDArray[np.uint8]
Framing = Literal["crop", "short-side", "squash"]
Interpolation = Literal["bilinear", "bicubic", "lanczos", "box", "hamming", "nearest"]

#: Pillow's own guard against decompression bombs, known from the header: 89 megapixels.
MAX_PIXELS: Final = Image.MAX_IMAGE_PIXELS or 89_478_485

# Pillow only warns between one and two times its limit; a warning helps nobody on a server.
warnings.simplefilter("error", Image.DecompressionBombWarning)

# All plugins at once, here, instead of in the middle of the first unknown file. EPS starts
# Ghostscript and WMF a part of Windows: no picture of a stranger's may start a program.
Image.init()
_FORMATS: Final = tuple(sorted(set(Image.OPEN) - {"EPS", "WMF"}))


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
    """

    height: int
    width: int
    framing: Framing = "crop"
    crop_fraction: float = 0.875
    interpolation: Interpolation = "bilinear"

    def __post_init__(self) -> None:
        if not (0 < self.height <= 4096 and 0 < self.width <= 4096):
            raise ValueError(f"an input of {self.width} x {self.height} pixels is not supported")
        if not 0.01 <= self.crop_fraction <= 1:
            raise ValueError(f"crop_fraction is {self.crop_fraction}; it lies in 0.01 to 1")

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
    """A picture as the network sees it, uint8 (H, W, 3) RGB, and the size of all of it, upright."""

    pixels: Pixels
    width: int
    height: int


def read_pixels(data: bytes, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS) -> Pixels:
    """The pixels of `read_picture`: uint8 (H, W, 3), RGB."""
    return read_picture(data, preprocessing, max_pixels).pixels


def read_picture(
    data: bytes, preprocessing: Preprocessing, max_pixels: int = MAX_PIXELS
) -> ReadPicture:
    """Decodes (as `decode_image`) as small as its format allows, and frames and resizes."""
    smallest = 2 * max(preprocessing.height, preprocessing.width)
    image, (width, height) = _decode(data, max_pixels, smallest)
    return ReadPicture(preprocessing.pixels(image), width, height)


def decode_image(
    data: bytes, max_pixels: int = MAX_PIXELS, smallest: int | None = None
) -> Image.Image:
    """Decodes the first frame of a picture to upright RGB.

    Args:
        data: of any format that Pillow reads.
        max_pixels: refuse a picture whose header claims more.
        smallest: where given, a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as both its sides
            keep this many pixels; several times faster for photographs.

    Raises:
        ImageError: the bytes are no picture, or a broken one.
        ImageTooLargeError: the picture has more than `max_pixels` pixels.
    """
    return _decode(data, max_pixels, smallest)[0]


def _decode(
    data: bytes, max_pixels: int, smallest: int | None
) -> tuple[Image.Image, tuple[int, int]]:
    """What `decode_image` returns, and the size of the upright picture in full."""
    if not data:
        raise ImageError("the file is empty")
    check_scans(data)
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            _check_size(image, max_pixels)
            stored = image.size
            is_reduced = bool(smallest and image.draft(None, (smallest, smallest)))
            image.load()
            _check_size(image, max_pixels)  # an ICO's directory may lie about the picture inside
            upright, is_on_its_side = _upright(image)
            size = stored if is_reduced else image.size
            return to_rgb(upright), size[::-1] if is_on_its_side else size
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError("the picture takes more memory than one may take here") from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(f"the picture claims too many pixels ({error})") from error
    except UnidentifiedImageError as error:
        raise ImageError(_unreadable(data)) from error
    # The decoders of some forty formats meet hostile bytes here and raise whatever they like
    # (struct.error, KeyError, SyntaxError, ...): one of the two edges where that is caught.
    except Exception as error:
        raise ImageError(f"the picture is broken: {first_line(error)}") from error


def stored_size(data: bytes) -> tuple[int, int]:
    """Width and height of a picture as it is stored, from its header alone, or an `ImageError`.

    How it is to be turned is not asked: of a PNG, that would mean decoding it.
    """
    try:
        with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
            return image.size
    except Exception as error:  # as in `decode_image`: hostile bytes meet forty formats
        raise ImageError(f"the picture is broken: {first_line(error)}") from error


def to_rgb(image: Image.Image) -> Image.Image:
    """Turns any of Pillow's modes into RGB.

    Transparent pixels are laid on white. 16-bit and integer greys are scaled from 0..65535;
    floating point greys from 0..1 where that is their range, else from 0..255 or 0..65535.
    CMYK and Lab are converted without the file's own colour profile, the same way everywhere.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if image.mode == "F" or image.mode.startswith("I"):
        return _grey_to_rgb(image)
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        # Pillow's only way out of La is LA.
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
        if converted is not None:
            return converted
    return image.convert("RGB")


def _grey_to_rgb(image: Image.Image) -> Image.Image:
    with np.errstate(invalid="ignore"):  # a NaN that signals is a NaN
        grey = np.nan_to_num(np.asarray(image, dtype=np.float64), posinf=0.0, neginf=0.0)
    top = 65535.0
    if image.mode == "F" and (peak := float(grey.max())) <= 255:
        top = 1.0 if peak <= 1 else 255.0
    bytes_ = np.clip(grey * (255 / top) + 0.5, 0, 255).astype(np.uint8)
    if "transparency" in image.info:  # a PNG of 16 bits may name one grey that is not there
        bytes_[grey == image.info["transparency"]] = 255
    return Image.fromarray(bytes_).convert("RGB")


def _check_size(image: Image.Image, max_pixels: int) -> None:
    width, height = image.size
    if width * height > max_pixels:
        raise ImageTooLargeError(
            f"the picture has {width} x {height} pixels; at most {max_pixels:,} are read"
        )


def _upright(image: Image.Image) -> tuple[Image.Image, bool]:
    """Applies the EXIF orientation, and says whether it exchanged width and height.

    A picture with broken EXIF is taken as it lies.
    """
    try:
        orientation = image.getexif().get(ExifTags.Base.Orientation, 1)
        if orientation == 1:
            return image, False  # Pillow would copy it
        return ImageOps.exif_transpose(image), orientation in {5, 6, 7, 8}
    except Exception:  # noqa: BLE001  broken EXIF raises nearly anything; the pixels are fine
        return image, False


_KNOWN_UNREADABLE: Final = {
    b"ftypheic": "HEIC, as iPhones write it; save it as JPEG",
    b"ftypheix": "HEIC, as iPhones write it; save it as JPEG",
    b"ftypmif1": "HEIF; save it as JPEG",
    b"ftypmsf1": "HEIF; save it as JPEG",
}


def _unreadable(data: bytes) -> str:
    """Why Pillow does not know these bytes, with the cure where there is one."""
    if kind := _KNOWN_UNREADABLE.get(data[4:12]):
        return f"Pillow cannot read this format ({kind})"
    if data.startswith((b"%!PS", b"\xc5\xd0\xd3\xc6")):
        return "PostScript is not read, because reading it means running it"
    return "not a picture in any format that Pillow reads"
