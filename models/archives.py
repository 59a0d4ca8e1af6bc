"""Zip and tar archives, read from where they lie: nothing is written under a name from inside one.

A member's name is a way to ask for it and nothing else, so that `../` and links do no harm. What is
read at once has a bound, and so has what a compressed tar grows to. Such a tar can be read from its
beginning only: it is unpacked once, as a tar, into a temporary file that has no name.
"""

import bz2
import gzip
import logging
import lzma
import shutil
import stat
import tarfile
import tempfile
import threading
import weakref
import zipfile
from collections.abc import Callable, Iterable, Mapping
from functools import cache
from pathlib import Path
from typing import IO, Final

from models.errors import DataFolderError, ImageError, first_line
from models.limits import MAX_FILE_BYTES

log = logging.getLogger(__name__)

#: A file or folder by its name below the data folder, part by part.
Names = tuple[str, ...]

#: Bytes of a whole unpacked tar, and of what is left free where that lies.
_LARGEST_TAR: Final = 64 * 1024**3
_LEFT_FREE: Final = 1024**3
_CHUNK: Final = 16 * 1024**2

_Packed = gzip.GzipFile | bz2.BZ2File | lzma.LZMAFile

_OPENERS: Final[Mapping[bytes, Callable[[Path], _Packed]]] = {
    b"\x1f\x8b": gzip.GzipFile,
    b"BZh": bz2.BZ2File,
    b"\xfd7zXZ": lzma.LZMAFile,
}

#: Names with more folders than this are kept whole, but not taken apart any further.
_DEEPEST: Final = 60


class Archive:
    """An open archive. Several threads may read from it.

    Attributes:
        files: names of its files, sorted.
        folders: names of folders that it lists.
    """

    def __init__(self, path: Path) -> None:
        """Opens a zip, or a tar in any usual compression.

        Raises:
            DataFolderError: it is neither, or not whole.
        """
        self._path, self._lock = path, threading.Lock()
        try:
            found = self._open_zip(path) if zipfile.is_zipfile(path) else self._open_tar(path)
        except DataFolderError:
            raise
        # Hostile bytes meet zipfile, tarfile and four decoders, which raise whatever they like.
        except Exception as error:
            raise DataFolderError(
                f"{path} is not a folder, and no zip or tar archive that is whole "
                f"({first_line(error)}); unpack it first"
            ) from error
        self._members = {_names(name): member for name, member in found if member is not None}
        self._members.pop((), None)
        self.files = tuple(sorted(self._members))
        self.folders = tuple(_names(name) for name, member in found if member is None)

    def __reduce__(self) -> tuple[Callable[[Path], "Archive"], tuple[Path]]:
        """It travels as its path; a process opens it once."""
        return _opened, (self._path,)

    def read(self, names: Names, most: int = -1) -> bytes:
        """The bytes of a file, or the first so many of them.

        Raises:
            ImageError: it is damaged, encrypted or far too large.
        """
        if (size := self.size(names)) > MAX_FILE_BYTES:
            raise ImageError(f"the file is too large to be a picture: {size:,} bytes")
        try:
            return self._read(self._members[names], most)
        except Exception as error:  # as above
            raise ImageError(f"it cannot be read: {first_line(error)}") from error

    def size(self, names: Names) -> int:
        """Bytes of a file, as the archive claims."""
        member = self._members[names]
        return member.file_size if isinstance(member, zipfile.ZipInfo) else member.size

    def stamp(self, names: Names) -> str:
        """What differs where a file of this name has another content."""
        member = self._members[names]
        if isinstance(member, zipfile.ZipInfo):
            return f"{member.file_size} {member.CRC:08x}"
        return f"{member.size} {member.mtime} {member.offset_data}"

    def _read(self, member: zipfile.ZipInfo | tarfile.TarInfo, most: int) -> bytes:
        if isinstance(member, zipfile.ZipInfo):
            with self._zip.open(member) as file:
                return file.read(most)
        with self._lock:  # a tar has one position for all who read
            inside = self._tar.extractfile(member)
            return inside.read(most) if inside else b""

    def _open_zip(self, path: Path) -> list[tuple[str, zipfile.ZipInfo | None]]:
        self._zip = zipfile.ZipFile(path)
        members = [m for m in self._zip.infolist() if not stat.S_ISLNK(m.external_attr >> 16)]
        if any(member.flag_bits & 1 for member in members):
            raise DataFolderError(f"{path} is encrypted; unpack it first")
        names = [_as_it_was_meant(member) for member in members]
        if not any("/" in name for name in names):  # as some programs for Windows write them
            names = [name.replace("\\", "/") for name in names]
        return [
            (name, None if name.endswith("/") else member)
            for name, member in zip(names, members, strict=True)
        ]

    def _open_tar(self, path: Path) -> list[tuple[str, tarfile.TarInfo | None]]:
        begin = _begin(path)
        opener = next((o for magic, o in _OPENERS.items() if begin.startswith(magic)), None)
        # Open while we are.
        file = path.open("rb") if opener is None else tempfile.TemporaryFile()  # noqa: SIM115
        weakref.finalize(self, file.close)
        if opener is not None:
            log.info("%s can be read from its beginning only: unpacking it once", path)
            with opener(path) as packed:
                _unpack(packed, file, path)
        self._tar = tarfile.open(fileobj=file, mode="r:")  # noqa: SIM115
        return [
            (member.name, None if member.isdir() else member)
            for member in self._tar.getmembers()
            if member.isdir() or member.isreg() or member.islnk()
        ]


def _names(name: str) -> Names:
    found = tuple(part for part in name.split("/") if part not in ("", ".", ".."))
    if len(found) <= _DEEPEST:
        return found
    return (*found[: _DEEPEST - 1], "/".join(found[_DEEPEST - 1 :]))


def _as_it_was_meant(member: zipfile.ZipInfo) -> str:
    """Names that macOS and others write as UTF-8, without saying so as they should."""
    if member.flag_bits & 0x800:
        return member.filename
    try:
        return member.filename.encode("cp437").decode("utf-8")
    except UnicodeError:
        return member.filename


def _begin(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(8)


def _unpack(packed: _Packed, plain: IO[bytes], path: Path) -> None:
    """Writes what is compressed into a file without a name.

    Raises:
        DataFolderError: it grows beyond what there is room for.
    """
    for chunk in _chunks(packed):
        if plain.tell() == 0 and not _begins_like_a_tar(chunk):
            raise tarfile.ReadError("what is compressed in it is no tar")
        free = shutil.disk_usage(tempfile.gettempdir()).free
        if plain.tell() > _LARGEST_TAR or free < _LEFT_FREE:
            raise DataFolderError(
                f"{path} grows too large for {tempfile.gettempdir()}; unpack it where "
                "there is room, and give that folder"
            )
        plain.write(chunk)
    plain.seek(0)


def _chunks(packed: _Packed) -> Iterable[bytes]:
    while chunk := packed.read(_CHUNK):
        yield chunk


def _begins_like_a_tar(chunk: bytes) -> bool:
    try:
        tarfile.TarInfo.frombuf(chunk[:512], "utf-8", "surrogateescape")
    except tarfile.HeaderError:
        return False
    return True


@cache
def _opened(path: Path) -> Archive:
    return Archive(path)
