"""What bytes are that are no picture here, in words for whoever took them for one, and the cure."""

import base64
import binascii
import re
import zlib
from typing import Final

#: Enough of a file to know it by.
_HEAD: Final = 4096

_PAGE: Final = "a web page, as comes when a download failed; fetch the picture itself"
_DICOM: Final = "DICOM, as scanners write it; export it as PNG of 8 or 16 bits"
_RAW: Final = "a camera's raw file; develop it and save it as JPEG, or use the JPEG beside it"
_HEIC: Final = "HEIC, as iPhones write it; save it as JPEG"
_JPEG_XL: Final = "JPEG XL; save it as JPEG or PNG"
_NIFTI: Final = "NIfTI, a volume of many slices; export slices as PNG of 8 or 16 bits"
_ARCHIVE: Final = "an archive; unpack it"
_VIDEO: Final = "a video; save single frames of it as JPEG"
_MICROSCOPE: Final = "a microscope's own format; export it as TIFF or PNG"
_TIFF: Final = "a TIFF of a kind that is not read, or a broken one; save it as PNG"
_ARRAYS: Final = "a file of arrays; save single pictures of it as PNG or TIFF"

#: By what stands at a place in the file.
_MAGIC: Final[tuple[tuple[int, bytes, str], ...]] = (
    (0, b"%!PS", "PostScript, which is not read, because reading it means running it"),
    (0, b"\xc5\xd0\xd3\xc6", "PostScript, which is not read, because reading it means running it"),
    (0, b"%PDF", "PDF; save its pages or pictures as PNG"),
    (128, b"DICM", _DICOM),
    (0, b"\xff\x0a", _JPEG_XL),
    (0, b"\0\0\0\x0cJXL \r\n\x87\n", _JPEG_XL),
    (344, b"n+1\0", _NIFTI),
    (344, b"ni1\0", _NIFTI),
    (4, b"n+2\0\r\n\x1a\n", _NIFTI),
    (0, b"NRRD000", "NRRD, a volume; export slices as PNG of 8 or 16 bits"),
    (0, b"ObjectType = Image", "MetaImage, a volume; export slices as PNG of 8 or 16 bits"),
    (0, b"FUJIFILMCCD-RAW", _RAW),
    (0, b"IIRO", _RAW),
    (0, b"IIRS", _RAW),
    (0, b"MMOR", _RAW),
    (0, b"IIU\0", _RAW),
    (0, b"FOVb", _RAW),
    (0, b"\0MRM", _RAW),
    (0, b"ZISRAWFILE", _MICROSCOPE),
    (0, b"\xda\xce\xbe\x0a", _MICROSCOPE),
    (0, b"\x89HDF\r\n\x1a\n", _ARRAYS),
    (0, b"\x93NUMPY", _ARRAYS),
    (0, b"PK\x03\x04", _ARCHIVE),
    (0, b"7z\xbc\xaf\x27\x1c", _ARCHIVE),
    (0, b"Rar!\x1a\x07", _ARCHIVE),
    (257, b"ustar", _ARCHIVE),
    (0, b"\x1aE\xdf\xa3", _VIDEO),
    (8, b"AVI ", _VIDEO),
    (0, b"\0\0\x01\xba", _VIDEO),
    (0, b"\0\x05\x16\x07", "what macOS keeps beside a file (._NAME), not the picture itself"),
    (0, b"L\0\0\0\x01\x14\x02\0", "a shortcut of Windows, not the picture itself"),
    (0, b"\xd7\xcd\xc6\x9a", "a metafile of Windows; save it as PNG"),
    (40, b" EMF", "a metafile of Windows; save it as PNG"),
    (0, b"\xd0\xcf\x11\xe0", "a document of Windows, not a picture"),
    (0, b"II*\0", _TIFF),
    (0, b"MM\0*", _TIFF),
    (0, b"II+\0", _TIFF),
    (0, b"MM\0+", _TIFF),
    (0, b"\xff\xd8\xff", "a JPEG that is broken where it begins; fetch the picture again"),
    (0, b"\x89PNG", "a PNG that is broken where it begins; fetch the picture again"),
    (0, b"GIF8", "a GIF that is broken where it begins; fetch the picture again"),
)

#: How Canon's raw files begin: TIFFs whose first picture is a preview in full size.
_CR2: Final = b"II*\0\x10\0\0\0CR"

#: By the brand of an ISO media file; any other brand is a video.
_BRANDS: Final = {
    b"avif": "AVIF, which this machine does not read, or a broken one; save it as JPEG",
    b"avis": "AVIF, which this machine does not read, or a broken one; save it as JPEG",
    b"crx ": _RAW,
    b"mif1": "HEIF; save it as JPEG",
    b"msf1": "HEIF; save it as JPEG",
    **dict.fromkeys((b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx"), _HEIC),
}

#: By the first words of a text, in lower case; the first that fits.
_TEXTS: Final[tuple[tuple[str, str], ...]] = (
    (
        r"version https://git-lfs\.github\.com",
        "a Git LFS pointer, which stands for the picture; run git lfs pull",
    ),
    (r"(\.\./|/)*(\.git/)?annex/", "a git-annex pointer, which stands for it; run git annex get"),
    (r"\[internetshortcut\]", "a shortcut to a web page, not the picture itself"),
    (r"data:[a-z]+/", "base64 text; send the bytes themselves"),
    (r"<(!doctype |svg:)?svg\b", "SVG; save it as PNG"),
    (r"<(!doctype html|html|head|body)\b", _PAGE),
    (r"<[?!a-z]", "an XML document, as a server sends it when a download failed"),
    (r"[{\[]\s*[\"{\[\d\]}-]", "a JSON document, as a server sends it when a download failed"),
)

#: DICOM without its preamble: an element of group 2 or 8, with the type of its value or a length.
_BARE_DICOM: Final = re.compile(rb"[\x02\x08]\0.[\0\x01]([A-Z]{2}|..\0\0)", re.DOTALL)

#: What may stand before the first element of a page or drawing; it is never looked at twice.
_PROLOGUE: Final = re.compile(r"(?:(?><!--.*?-->|<\?xml.*?\?>)\s*)*+", re.DOTALL)

_BASE64: Final = re.compile(rb"[A-Za-z0-9+/]{16,}={0,2}")

#: How pictures begin, for those that were written as base64.
_PICTURES: Final = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")


def what_it_is(data: bytes) -> str:
    """What bytes are that no decoder knows, as a sentence with the cure where there is one."""
    kind = _known(data) or _compressed(data) or _text(data[:_HEAD])
    if kind:
        return f"this is {kind}"
    if not data.strip(b"\0"):
        return "the file holds nothing but zeros: a copy or a download of it failed"
    return "not a picture in any format that is read here"


def never_read(data: bytes) -> str:
    """The same for what a decoder would take for a picture, or trip over; else empty."""
    if not data:
        return "the file is empty"
    return f"this is {_RAW}" if data.startswith(_CR2) else ""


def camera_raw(tags: set[int], *, is_reduced: bool) -> str:
    """The same for a TIFF whose first picture is only the preview of a raw one; else empty.

    Args:
        tags: numbers of the entries in its first directory.
        is_reduced: whether that calls its picture a reduced one.
    """
    dng_version, sub_directories = 50706, 330
    if dng_version in tags or (is_reduced and sub_directories in tags):
        return f"this is {_RAW}"
    return ""


def _known(data: bytes) -> str:
    for place, magic, kind in _MAGIC:
        if data[place : place + len(magic)] == magic:
            return kind
    if data[4:8] == b"ftyp":
        return _BRANDS.get(data[8:12], _VIDEO)
    return _DICOM if _BARE_DICOM.match(data) else ""


def _compressed(data: bytes) -> str:
    """What was compressed by gzip, as volumes are; two bytes say so."""
    if not data.startswith(b"\x1f\x8b"):
        return ""
    try:
        head = zlib.decompressobj(31).decompress(data[:_HEAD], _HEAD)
    except zlib.error:
        head = b""
    return _known(head) or "compressed by gzip; unpack it"


def _text(head: bytes) -> str:
    text = head.decode("utf-16" if head[:2] in (b"\xff\xfe", b"\xfe\xff") else "latin-1", "replace")
    plain = text.removeprefix("\xef\xbb\xbf").lstrip().lower()
    begin = _PROLOGUE.sub("", plain, count=1)
    for pattern, kind in _TEXTS:
        if re.match(pattern, begin):
            return kind
    if _is_base64(head):
        return "base64 text; send the bytes themselves"
    is_text = plain and not re.search(r"[\0-\x08\x0e-\x1a\x7f]", plain)
    return "text, not a picture" if is_text else ""


def _is_base64(head: bytes) -> bool:
    """Whether a text is a picture's bytes in base64."""
    letters = b"".join(head.split())
    if not _BASE64.fullmatch(letters):
        return False
    try:
        decoded = base64.b64decode(letters[: len(letters) // 4 * 4])
    except binascii.Error:
        return False
    return decoded.startswith(_PICTURES)
