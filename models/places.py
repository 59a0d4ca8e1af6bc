"""Places where pictures lie → files, one after the other, however many there are.

A place is a file, a folder (all below it), a pattern (`photos/**/*.jpg`), a text file of places, a
zip or tar, or an address that fsspec knows (`s3://bucket/folder`, `gs://…`). Folders are gone
through in the order of their names, so that the same place gives the same files in the same order.
What is hidden or a system's own is nobody's; what is not called like a picture is counted.
"""

import codecs
import glob
import logging
import os
import re
import time
from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from operator import itemgetter
from pathlib import Path
from typing import Any, Final, TextIO

from models.archives import Archive, Names
from models.errors import ImageError, ImageTooLargeError, UsageError, first_line
from models.file_names import has_suffix_of_a_picture, is_systems_own, printable
from models.image_files import read_file
from models.limits import MAX_FILE_BYTES

try:
    import fsspec
except ImportError:  # the extra `buckets`
    fsspec = None

log = logging.getLogger(__name__)

_ARCHIVES: Final = re.compile(r"\.(?:zip|tar|tgz|tbz2?|txz|tar\.(?:gz|bz2|xz))$", re.IGNORECASE)

#: Unlike pathlib's, they say no of a name that is too long or none, and in a folder that is closed.
_exists, _is_file, _is_folder = os.path.exists, os.path.isfile, os.path.isdir

#: Seconds before each further try to fetch a file.
_TRIES: Final = (0.5, 2.0)

#: What a file system says of a file that is another one when its content is.
_TELLING: Final = ("size", "ETag", "etag", "md5Hash", "crc32c", "mtime", "LastModified", "created")

#: The folder that a file was found below, its path, and what its file system says of it.
_Found = tuple[str | None, str, Mapping[str, Any]]


@dataclass(frozen=True)
class PictureFile:
    """A file that should be a picture.

    Attributes:
        name: of its place, printable; below the place where there is one alone, else from where
            the command stands.
        size: bytes, as far as that is known before it is read.
        stamp: another one when its content is.
        read: its bytes; `ImageError` where they cannot be had.
        path: where it lies on this machine's disks; None elsewhere, as in an archive.
    """

    name: str
    size: int
    stamp: str
    read: Callable[[], bytes]
    path: Path | None = None


@dataclass
class Counted:
    """Names, however many; the first few are known."""

    count: int = 0
    first: list[str] = field(default_factory=list)

    def add(self, name: str) -> None:
        """Counts one in."""
        self.count += 1
        if len(self.first) < 3:
            self.first.append(printable(name))

    def __str__(self) -> str:
        more = ", …" if self.count > len(self.first) else ""
        return f"{self.count:,} ({', '.join(self.first)}{more})"


@dataclass
class Listing:
    """The files of places, found while they are gone through; once.

    Attributes:
        places: as a person writes them.
        besides: files and folders that are left out, as results that lie in a folder of pictures.
        left_out: files that are not called like pictures.
        archives: files that may hold pictures, in places that do not name them.
        problems: folders that could not be gone through, and why, in sentences.
    """

    places: Sequence[str]
    besides: Collection[Path] = ()
    left_out: Counted = field(default_factory=Counted)
    archives: Counted = field(default_factory=Counted)
    problems: list[str] = field(default_factory=list)

    def __post_init__(self) -> None:
        self._besides = {path.absolute() for path in self.besides}
        for place in self.places:
            check_place(place)

    @property
    def root(self) -> str:
        """The one place that names of files begin below; empty where they are whole."""
        only = self.places[0] if len(self.places) == 1 else ""
        return only if is_address(only) or _is_folder(only) or _is_archive(only) else ""

    def __iter__(self) -> Iterator[PictureFile]:
        for place in self.places:
            yield from self._of(place, "" if self.root else place)

    def _of(self, place: str, called: str) -> Iterator[PictureFile]:
        """The files of one place, whose names begin with what it is called."""
        if is_address(place):
            yield from self._of_address(place, called)
        elif _is_folder(place):
            yield from self._of_folder(Path(place), called, frozenset())
        elif _is_archive(place):
            yield from self._of_archive(Path(place), called)
        elif _is_list(place):
            for line in _lines(Path(place)):  # a list in a list could be that list
                yield from [_local(Path(line), line)] if _is_list(line) else self._of(line, line)
        elif not os.path.lexists(place) and glob.has_magic(place):
            for found in sorted(glob.iglob(place, recursive=True)):  # noqa: PTH207  Path's is not lazy, and knows no absolute ones
                if "**" not in place or not _is_folder(found):
                    yield from self._of(found, found)
        else:
            yield _local(Path(place), place)

    def _of_folder(
        self, folder: Path, called: str, above: frozenset[tuple[int, int]]
    ) -> Iterator[PictureFile]:
        folders = []
        try:
            status = folder.stat()
            # No more than that of each: an entry keeps its path and what it has asked of the file.
            with os.scandir(folder) as entries:
                found = sorted((entry.name, _leads_to_a_folder(entry)) for entry in entries)
        except OSError as error:
            self.problems.append(f"{printable(str(folder))} cannot be read: {error.strerror}")
            return
        inode = (status.st_dev, status.st_ino)
        if inode in above:  # a link upwards
            return
        for own_name, is_folder in found:
            name = f"{called}/{own_name}" if called else own_name
            path = folder / own_name
            if self._is_besides(path, is_folder=is_folder):
                continue
            if is_folder:
                folders.append((path, name))
            elif self._is_wanted(own_name, name):
                yield _local(path, name)
        del found
        for path, name in folders:
            yield from self._of_folder(path, name, above | {inode})

    def _is_besides(self, path: Path, *, is_folder: bool) -> bool:
        if path.name.startswith(".") or is_systems_own(path.name, is_folder=is_folder):
            return True
        return bool(self._besides) and path.absolute() in self._besides

    def _is_wanted(self, file_name: str, name: str) -> bool:
        """Whether a file is called like a picture, or like nothing."""
        if has_suffix_of_a_picture((file_name,)) or "." not in file_name:
            return True
        (self.archives if _ARCHIVES.search(file_name) else self.left_out).add(name)
        return False

    def _of_archive(self, path: Path, called: str) -> Iterator[PictureFile]:
        archive = Archive(path)
        for names in archive.files:
            if _is_nobodys(names):
                continue
            name = "/".join((called, *names) if called else names)
            if self._is_wanted(names[-1], name):
                size, stamp = archive.size(names), archive.stamp(names)
                yield PictureFile(_shown(name), size, stamp, partial(archive.read, names))

    def _of_address(self, address: str, called: str) -> Iterator[PictureFile]:
        system, path = _file_system(address)
        protocol = address.partition("://")[0]
        for folder, found, info in self._found(system, path, address):
            below = found.removeprefix(folder).lstrip("/") if folder is not None else ""
            if _is_nobodys(tuple(below.split("/"))):
                continue
            if below and folder == path:
                name = f"{called.rstrip('/')}/{below}" if called else below
            else:
                name = found if is_address(found) else f"{protocol}://{found}"
            if not below or self._is_wanted(below.rpartition("/")[-1], name):
                size = int(info.get("size") or 0)
                read = partial(_fetch, system, found, size)
                yield PictureFile(_shown(name), size, _mark(info), read)

    def _found(self, system: Any, path: str, address: str) -> Iterator[_Found]:
        """Files that an address means, each with the folder that it was found below, if any."""
        try:
            # On the web every folder is a page, too.
            if not address.endswith("/") and system.isfile(path):
                yield None, path, system.info(path)
            elif not glob.has_magic(path) or system.isdir(path):
                yield from self._below(system, path)
            else:
                above = glob.escape(path).partition("[")[0].rpartition("/")[0]
                for found, info in sorted(system.glob(path, detail=True).items()):
                    if _is_nobodys(tuple(found.removeprefix(above).strip("/").split("/"))):
                        continue
                    if info["type"] != "directory":
                        yield None, found, info
                    elif "**" not in path:
                        yield from self._below(system, found)
        except FileNotFoundError as error:
            raise UsageError(f"{printable(address)}: there is no such file or folder") from error
        # Each of fsspec's systems raises what its own library likes.
        except Exception as error:
            raise UsageError(f"{printable(address)} cannot be read: {first_line(error)}") from error

    def _below(self, system: Any, top: str) -> Iterator[_Found]:
        """All files below a folder. fsspec's own `walk` is silent about what it cannot list."""
        waiting = [top]
        while waiting:
            folder, folders = waiting.pop(), []
            try:
                listed = system.ls(folder, detail=True)
            except (PermissionError, FileNotFoundError) as error:
                if folder == top:
                    raise
                self.problems.append(f"{printable(folder)} cannot be read: {first_line(error)}")
                continue
            for info in sorted(listed, key=itemgetter("name")):
                name = info["name"]
                if info["type"] == "directory" and name.rstrip("/") != folder.rstrip("/"):
                    folders.append(name)
                # What ends so is no file: consoles of buckets mark their folders by it.
                elif not name.endswith("/"):
                    yield top, name, info
            waiting += reversed(folders)


def check_place(place: str) -> None:
    """Raises `UsageError` where there is no such place, or it needs what is not installed."""
    if is_address(place):
        if fsspec is None:
            raise UsageError(f"{place}: addresses need fsspec; pip install '.[buckets]'")
        _file_system(place)
    elif not os.path.lexists(place) and not (
        glob.has_magic(place) and next(glob.iglob(place, recursive=True), None)  # noqa: PTH207
    ):
        raise UsageError(f"{printable(place)}: there is no such file or folder")


def is_address(place: str) -> bool:
    """Whether a place is one that fsspec is asked about."""
    return bool(re.match(r"[a-z][a-z0-9+.-]*(?:::|://)", place))


def _is_archive(place: str) -> bool:
    return bool(_ARCHIVES.search(place)) and _is_file(place)


def _is_list(place: str) -> bool:
    return place.lower().endswith(".txt") and _is_file(place)


def _leads_to_a_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself
        return False


def _local(path: Path, name: str) -> PictureFile:
    try:
        status = path.stat()
        size, stamp = status.st_size, f"{status.st_size} {status.st_mtime_ns}"
    except (OSError, ValueError):  # gone, a link to nothing, no name: whoever reads it says so
        size, stamp = 0, ""
    return PictureFile(_shown(name), size, stamp, partial(read_file, path), path)


def _lines(path: Path) -> Iterator[str]:
    """The places that a text file names, from where the command stands, or from where it lies."""
    with _opened(path) as file:
        for place in filter(None, map(str.strip, file)):
            beside = path.parent / place
            is_beside = not is_address(place) and not _exists(place) and _exists(beside)
            yield str(beside) if is_beside else place


def _opened(path: Path) -> TextIO:
    """A text file of names (UsageError)."""
    try:
        with path.open("rb") as file:
            start = file.read(2)
        if start in (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE):  # PowerShell redirects so
            return path.open(encoding="utf-16", errors="replace")
        return path.open(encoding="utf-8-sig", errors="surrogateescape")
    except OSError as error:
        raise UsageError(f"{printable(str(path))} cannot be read: {error.strerror}") from error


def _shown(name: str) -> str:
    """A name as it can be printed, and nobody else's: one row is kept for each."""
    return printable(name if os.sep == "\\" else name.replace("\\", r"\\"))


def _is_nobodys(names: Names) -> bool:
    *folders, last = names or ("",)
    return (
        any(name.startswith(".") for name in names)
        or any(is_systems_own(name, is_folder=True) for name in folders)
        or is_systems_own(last, is_folder=False)
    )


def _file_system(address: str) -> tuple[Any, str]:
    try:
        # Nor keeps it all that it has ever listed.
        system, path = fsspec.core.url_to_fs(address, use_listings_cache=False)
    # Each of fsspec's systems raises what its own library likes.
    except Exception as error:
        raise UsageError(f"{printable(address)} cannot be opened: {first_line(error)}") from error
    return system, path.rstrip("/")


def _mark(info: Mapping[str, Any]) -> str:
    return " ".join(str(info[key]) for key in _TELLING if info.get(key) is not None)


def _fetch(system: Any, path: str, size: int) -> bytes:
    """The bytes of a file, however often a network must be asked for them."""
    if size > MAX_FILE_BYTES:
        raise ImageTooLargeError(f"the file is too large to be a picture: {size:,} bytes")
    for pause in (*_TRIES, 0):
        try:
            found: bytes = system.cat_file(path)
        # Each of fsspec's systems raises what its own library likes.
        except Exception as error:
            is_known = isinstance(error, FileNotFoundError | PermissionError | IsADirectoryError)
            if is_known or not pause:
                raise ImageError(f"it cannot be fetched: {first_line(error)}") from error
            time.sleep(pause)
        else:
            return found
    raise AssertionError("the last try ends the loop")
