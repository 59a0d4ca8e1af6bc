"""From the bytes of a file to an upright picture: the only decoding there is. Pillow, numpy.

Nothing but an `ImageError` leaves this module, whatever the bytes are.
"""

import io
import re
import stat
import warnings
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

import numpy as np
from PIL import (
    ExifTags,
    Image,
    ImageCms,
    ImageFile,
    ImageOps,
    TiffImagePlugin,
    UnidentifiedImageError,
)

from models.choices import Levels
from models.errors import ImageError, ImageTooLargeError, first_line
from models.greys import is_wide, levels_of, range_of, to_bytes
from models.libtiff import heard
from models.limits import MAX_FILE_BYTES
from models.memory import too_much_memory
from models.mending import with_an_end, without_metadata
from models.scans import check_scans
from models.unreadable import camera_raw, never_read, what_it_is

#: A picture whose header claims more pixels is not decoded: a guard against decompression bombs
#: that lets the 200 megapixels of phones pass. Training takes what the service takes by default.
MAX_PIXELS: Final = 250_000_000

# Pillow has a limit of its own, 89 megapixels, which also guards what lies inside of icons. It only
# warns between one and two times its limit; a warning helps nobody on a server.
Image.MAX_IMAGE_PIXELS = MAX_PIXELS
warnings.simplefilter("error", Image.DecompressionBombWarning)

# Of broken EXIF data and the like, by a line of Pillow's own code and by no file's name.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")

# All plugins at once, here, instead of in the middle of the first unknown file. EPS starts
# Ghostscript and WMF a part of Windows: no picture of a stranger's may start a program. Of the
# others Pillow knows the name alone.
Image.init()
_FORMATS: Final = tuple(sorted(set(Image.OPEN) - {"EPS", "WMF", "BUFR", "GRIB", "HDF5"}))

#: Numbers of entries in a TIFF's directory.
_SUBFILE_TYPE, _PHOTOMETRIC, _EXTRA_SAMPLES = 254, 262, 338

#: Of the numbers in a JPEG's table of lightnesses at quality 50 (ITU T.81, table K.1).
_MEAN_OF_QUALITY_50: Final = 57.625

#: Colours of 16 bits whose brightest is below this, of 255, do not use their range.
NEARLY_BLACK: Final = 64

#: Greys may be wide; of deep colours, which have 16 bits, the upper 8 are read.
Depth = Literal["8 bits", "wide greys", "deep colours"]

#: In what Pillow tells of the samples of a file: 16 bits in some order of bytes.
_DEEP: Final = re.compile(";16[BLN]")


@dataclass(frozen=True)
class Source:
    """What a file says beside the pixels.

    Attributes:
        format: Pillow's name of it, as JPEG.
        jpeg_quality: at which it was saved, in [1, 100], as libjpeg counts; 0 where it is no JPEG.
        is_turned: whether its EXIF data turn it.
        names_camera: whether they name one.
    """

    format: str
    jpeg_quality: int
    is_turned: bool
    names_camera: bool


@dataclass(frozen=True)
class Stored:
    """A picture as its file stores it.

    Attributes:
        image: its first frame, upright; a JPEG's may be smaller than it is stored.
        size: width and height of all of it, upright.
        is_negative: whether wide greys are white where they are least, as of some X-rays.
        has_deep_colours: whether colours have 16 bits, of which only the upper 8 are read.
        source: what its file says beside the pixels.
    """

    image: Image.Image
    size: tuple[int, int]
    is_negative: bool
    has_deep_colours: bool
    source: Source

    def rgb(self, grey_range: Levels | None) -> Image.Image:
        """As `to_rgb`."""
        found = to_rgb(self.image, grey_range)
        return ImageOps.invert(found) if self.is_negative else found


def read_file(path: Path) -> bytes:
    """The bytes of a file on disk, if they are not far too many for a picture.

    Raises:
        ImageError: it cannot be opened, or is no file.
        ImageTooLargeError: it is larger than `MAX_FILE_BYTES`.
    """
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device may never end
            raise ImageError("it is no file")
        if status.st_size > MAX_FILE_BYTES:
            raise ImageTooLargeError(
                f"the file is too large to be a picture: {status.st_size:,} bytes"
            )
        return path.read_bytes()
    except OSError as error:
        raise ImageError(f"the file cannot be opened: {error.strerror}") from error
    except ValueError as error:  # a null byte
        raise ImageError("no file can have this name") from error


def load_picture(data: bytes, max_pixels: int, smallest: int | None = None) -> Stored:
    """Decodes the first frame of a picture.

    Args:
        data: of any format that Pillow reads.
        max_pixels: refuse a picture whose header claims more.
        smallest: where given, a JPEG may be decoded at 1/2, 1/4 or 1/8 as long as both its sides
            keep this many pixels; several times faster for photographs.

    Raises:
        ImageError: the bytes are no picture, or a broken one.
        ImageTooLargeError: the picture has more than `max_pixels` pixels.
    """
    if reason := never_read(data):
        raise ImageError(reason)
    check_scans(data)
    if max_pixels > (Image.MAX_IMAGE_PIXELS or 0):
        Image.MAX_IMAGE_PIXELS = max_pixels  # somebody wants more, and says so
    with heard() as complaints:
        found = _load_or_refuse(data, max_pixels, smallest, complaints)
    if complaints:  # and Pillow read on: some of the pixels are anything
        raise ImageError(f"the picture is broken: {complaints[0]}")
    return found


def _load_or_refuse(
    data: bytes, max_pixels: int, smallest: int | None, complaints: Sequence[str]
) -> Stored:
    try:
        return _load(without_metadata(data), max_pixels, smallest)
    except ImageError:
        raise
    except MemoryError as error:
        raise ImageTooLargeError(too_much_memory()) from error
    except (Image.DecompressionBombError, Image.DecompressionBombWarning) as error:
        raise ImageTooLargeError(
            f"the picture claims too many pixels; at most {max_pixels:,} are read"
        ) from error
    except UnidentifiedImageError as error:
        raise ImageError(what_it_is(data)) from error
    # The decoders of some forty formats meet hostile bytes here and raise whatever they like
    # (struct.error, KeyError, SyntaxError, ...): one of the two edges where that is caught.
    except Exception as error:
        if whole := _without_end(data, max_pixels, smallest):
            return whole
        reason = complaints[0] if complaints else first_line(error)
        raise ImageError(f"the picture is broken: {reason}") from error


def stored_size(data: bytes) -> tuple[int, int]:
    """Width and height of a picture as it is stored, from its header alone, or an `ImageError`.

    How it is to be turned is not asked: of a PNG, that would mean decoding it.
    """
    try:
        with Image.open(io.BytesIO(without_metadata(data)), formats=_FORMATS) as image:
            return image.size
    except Exception as error:  # as in `load_picture`: hostile bytes meet forty formats
        raise ImageError(f"the picture is broken: {first_line(error)}") from error


def depth_of(data: bytes) -> Depth:
    """What a picture holds of more than 8 bits, by its header; `8 bits` where it is none at all."""
    try:
        with Image.open(io.BytesIO(without_metadata(data)), formats=_FORMATS) as image:
            return _depth_of(image)
    except Exception:  # noqa: BLE001  as in `load_picture`; whoever wants its pixels is told
        return "8 bits"


def _depth_of(image: ImageFile.ImageFile) -> Depth:
    if is_wide(image):
        return "wide greys"
    return "deep colours" if _DEEP.search(f"{image.tile[:1]}") else "8 bits"


def to_rgb(image: Image.Image, grey_range: Levels | None = None) -> Image.Image:
    """Turns any of Pillow's modes into RGB.

    Transparent pixels are laid on white; where all are transparent, transparency means nothing.
    Greys of more than 8 bits are scaled from the range, which else is that of the picture's own
    bits. CMYK and Lab are converted without the file's own colour profile, the same way everywhere.
    """
    if image.mode == "RGB" and "transparency" not in image.info:
        return image
    if is_wide(image):
        return _grey_to_rgb(image, grey_range or range_of(levels_of(image)))
    if image.mode in {"RGBA", "RGBa", "LA", "La", "PA"} or "transparency" in image.info:
        # Pillow's only way out of La is LA.
        rgba = (image.convert("LA") if image.mode == "La" else image).convert("RGBA")
        if rgba.getchannel("A").getextrema() == (0, 0):
            return rgba.convert("RGB")
        white = Image.new("RGBA", rgba.size, "white")
        return Image.alpha_composite(white, rgba).convert("RGB")
    if image.mode == "LAB":
        lab, rgb = ImageCms.createProfile("LAB"), ImageCms.createProfile("sRGB")
        converted = ImageCms.profileToProfile(image, lab, rgb, outputMode="RGB")
        if converted is not None:
            return converted
    return image.convert("RGB")


def _grey_to_rgb(image: Image.Image, grey_range: Levels) -> Image.Image:
    grey = to_bytes(image, grey_range)
    if "transparency" in image.info:  # a PNG of 16 bits may name one grey that is not there
        grey[np.asarray(image) == image.info["transparency"]] = 255
    return Image.fromarray(grey).convert("RGB")


def _load(data: bytes, max_pixels: int, smallest: int | None) -> Stored:
    with Image.open(io.BytesIO(data), formats=_FORMATS) as image:
        _check_size(image, max_pixels)
        tags = image.tag_v2 if isinstance(image, TiffImagePlugin.TiffImageFile) else {}
        if reason := camera_raw(set(tags), is_reduced=bool(tags.get(_SUBFILE_TYPE, 0) & 1)):
            raise ImageError(reason)
        is_deep = _depth_of(image) == "deep colours"
        stored = image.size
        is_reduced = bool(smallest and image.draft(None, (smallest, smallest)))
        image.load()
        _check_size(image, max_pixels)  # an ICO's directory may lie about the picture inside
        upright, is_on_its_side = _upright(image)
        if image.mode == "RGBA" and tags and not any(tags.get(_EXTRA_SAMPLES, (0,))):
            upright = upright.convert("RGB")  # a fourth band, of which nobody says that it is alpha
        size = stored if is_reduced else image.size
        is_negative = is_wide(image) and tags.get(_PHOTOMETRIC) == 0  # else Pillow has inverted it
        size = size[::-1] if is_on_its_side else size
        return Stored(upright, size, is_negative, is_deep, _source_of(image))


def _source_of(image: ImageFile.ImageFile) -> Source:
    """What a decoded file says beside the pixels; broken EXIF says nothing."""
    try:
        exif = image.getexif()
        turns = exif.get(ExifTags.Base.Orientation, 1) in range(2, 9)
        camera = bool(exif.get(ExifTags.Base.Make) or exif.get(ExifTags.Base.Model))
    except Exception:  # noqa: BLE001  as in `_upright`
        turns = camera = False
    return Source(image.format or "", _jpeg_quality(image), turns, camera)


def _jpeg_quality(image: ImageFile.ImageFile) -> int:
    """From the table of the lightnesses, which libjpeg scales by the quality."""
    table = getattr(image, "quantization", {}).get(0)
    if not table:
        return 0
    scale = 100 * float(np.mean(table)) / _MEAN_OF_QUALITY_50
    quality = 100 - scale / 2 if scale <= 100 else 5000 / scale
    return round(min(max(quality, 1), 100))


def _without_end(data: bytes, max_pixels: int, smallest: int | None) -> Stored | None:
    """A JPEG of which the end mark alone is missing; None for any other."""
    if not (ended := with_an_end(data)):
        return None
    try:
        one, other = (_load(each, max_pixels, smallest) for each in ended)
    except Exception:  # noqa: BLE001  as in `load_picture`: it is broken in some other way
        return None
    return one if one.image.tobytes() == other.image.tobytes() else None


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
