"""What names of files say: pictures, a system's own; and how a name is printed."""

import os
import re
from collections.abc import Sequence
from typing import Final

#: Suffixes of pictures, those too for which there is a cure only (`models.preprocessing`).
_SUFFIXES: Final = frozenset(
    re.findall(
        r"\w+",
        "jpg jpeg jpe jfif png apng gif bmp dib tif tiff webp avif heic heif ppm pgm pbm pnm tga "
        "ico jp2 j2k jxl svg qoi psd dcm dicom nii dng cr2 cr3 nef arw raf orf rw2 pef srw mpo pcx "
        "sgi dds xbm",
    )
)
#: Folders that systems keep for themselves, beside those whose names begin with a dot: of network
#: drives, recycle bins, zips from a Mac, file systems, Python, Android, Picasa, npm.
_SYSTEMS: Final = frozenset(
    """
    @eadir|#recycle|#snapshot|@recycle|@recently-snapshot|@tmp|$recycle.bin|recycler|recycled|
    __macosx|system volume information|lost+found|lost.dir|found.000|__pycache__|
    network trash folder|temporary items|_gsdata_|$extend|@sharebin|trashes|windowsimagebackup|
    picasa originals|picasaoriginals|node_modules
    """.replace("\n", "")
    .replace("    ", "")
    .split("|")
)
_SYSTEMS_FILES: Final = frozenset(
    ("thumbs.db", "ehthumbs.db", "ehthumbs_vista.db", "desktop.ini", "icon\r")
)


def has_suffix_of_a_picture(names: Sequence[str]) -> bool:
    """Whether a file is called like a picture."""
    _, dot, suffix = names[-1].rpartition(".")
    return bool(dot) and suffix.casefold() in _SUFFIXES


def is_systems_own(name: str, *, is_folder: bool) -> bool:
    """Whether a folder or file is a system's own, and nobody's pictures."""
    folded = name.casefold()
    if not is_folder:
        return folded in _SYSTEMS_FILES
    return folded in _SYSTEMS or folded.endswith((".lrdata", ".photoslibrary"))


def printable(name: str) -> str:
    """A file name as it can be printed, logged and stored: no control characters, valid Unicode."""
    decoded = name.encode("utf-8", "surrogateescape").decode("utf-8", "backslashreplace")
    return "".join(c if c.isprintable() else ascii(c)[1:-1] for c in decoded)


def leads_to_folder(entry: os.DirEntry[str]) -> bool:
    """Whether it is a folder or a link to one; a link to itself is none."""
    try:
        return entry.is_dir()
    except OSError:
        return False
