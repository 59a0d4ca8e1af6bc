"""All that lies below a folder or in an archive, listed once; whose it is, is not asked here.

What begins with a dot is nobody's (`.ipynb_checkpoints`, `.DS_Store`), nor what systems keep for
themselves. Links to folders are followed, each once below a class, but not upwards.
"""

import logging
import os
import time
from collections.abc import Callable, Collection, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

from PIL import Image

from models.archives import Archive, Names
from models.errors import DataFolderError, ImageError
from models.file_names import is_systems_own, leads_to_folder
from training.data.example import read_file
from training.data.names import tells_a_program

log = logging.getLogger(__name__)

_HEAD: Final = 32

#: Seconds between two lines while a folder is listed: a network's drive may take minutes.
_LINE_EVERY_S: Final = 2.5

#: Pillow knows how these begin, but they hold no pictures of classes.
_NO_PICTURES: Final = frozenset(("EPS", "WMF", "HDF5", "GRIB", "BUFR", "FITS", "MPEG"))


@dataclass
class Folder:
    """One folder: what lies right in it.

    Attributes:
        names: its own name below the root, part by part; empty for the root.
        files: its files, sorted.
        folders: its folders, sorted by name.
    """

    names: Names
    files: list[Names] = field(default_factory=list)
    folders: list["Folder"] = field(default_factory=list)

    @property
    def name(self) -> str:
        """Its own name alone."""
        return self.names[-1] if self.names else ""

    def below(self) -> Iterator[Names]:
        """All files at any depth."""
        waiting = [self]
        while waiting:
            folder = waiting.pop()
            yield from folder.files
            waiting.extend(reversed(folder.folders))


@dataclass(frozen=True)
class Tree:
    """All that lies below a folder or in an archive.

    Attributes:
        root: the folder, or the archive.
        is_archive: which of the two.
        top: its content.
        own: folders of systems, and of ours, that were not looked into.
        read_at: the bytes of a file, or the first so many; `ImageError` where it cannot be read.
    """

    root: Path
    is_archive: bool
    top: Folder
    own: tuple[Names, ...]
    read_at: Callable[[Names, int], bytes]

    def path(self, names: Names) -> Path:
        """Where a file or folder is; in an archive, the archive's own path with that behind."""
        return self.root.joinpath(*names)

    def read(self, path: Path) -> bytes:
        """The bytes of a file of the tree, by its path (ImageError)."""
        if not self.is_archive:
            return read_file(path)
        return self.read_at(path.relative_to(self.root).parts, -1)

    def begins_like_a_picture(self, names: Names) -> bool:
        """Whether a file begins as Pillow's formats do."""
        Image.init()
        try:
            head = self.read_at(names, _HEAD)
        except ImageError:
            return False
        return len(head) == _HEAD and any(
            accept is not None and accept(head) is True
            for kind, (_, accept) in Image.OPEN.items()
            if kind not in _NO_PICTURES
        )


def list_tree(root: Path, besides: Collection[Path] = ()) -> Tree:
    """Lists a folder, or a zip or tar archive.

    Args:
        root: which; of an archive, a folder in it too (`pets.zip/pets`).
        besides: folders that are not looked into.

    Raises:
        DataFolderError: it does not exist, cannot be read, or is no archive either.
    """
    try:
        if root.is_dir():
            return _listed_folder(root, besides)
        return _listed_archive(root)
    except OSError as error:
        raise DataFolderError(
            f"--data: {error.filename or root} cannot be read: {error.strerror}"
        ) from error


def _listed_folder(root: Path, besides: Collection[Path]) -> Tree:
    files, folders, own = _without_made(*_walk(root, besides))

    def read_at(names: Names, most: int) -> bytes:
        return _begin(root.joinpath(*names), most)

    return Tree(root, is_archive=False, top=_nested(files, folders), own=own, read_at=read_at)


def _listed_archive(root: Path) -> Tree:
    path = next((one for one in (root, *root.parents) if one.is_file()), root)
    if not path.exists():
        raise DataFolderError(f"--data: {root} does not exist")
    if not path.is_file():
        raise DataFolderError(f"--data: {root} is not a folder, and no file either")
    try:
        archive = Archive(path)
    except DataFolderError as error:
        raise DataFolderError(f"--data: {error}") from error
    inside = root.relative_to(path).parts
    files, own = _without_own(_below(inside, archive.files))
    folders, _ = _without_own(_below(inside, archive.folders))
    files, folders, own = _without_made(files, folders, own)
    if inside and not files:
        raise DataFolderError(f"--data: {path} holds nothing called {'/'.join(inside)}/")

    def read_at(names: Names, most: int) -> bytes:
        return archive.read((*inside, *names), most)

    return Tree(root, is_archive=True, top=_nested(files, folders), own=own, read_at=read_at)


def _below(folder: Names, found: Iterable[Names]) -> list[Names]:
    """What lies in a folder, by its name below that."""
    count = len(folder)
    return [names[count:] for names in found if names[:count] == folder and len(names) > count]


def _begin(path: Path, most: int) -> bytes:
    try:
        with path.open("rb") as file:
            return file.read(most)
    except OSError as error:
        raise ImageError(f"the file cannot be opened: {error.strerror}") from error


_Inode = tuple[int, int]


def _walk(
    root: Path, besides: Collection[Path]
) -> tuple[list[Names], list[Names], tuple[Names, ...]]:
    """Files, folders, and folders of systems or of ours, by their names."""
    files: list[Names] = []
    folders: list[Names] = []
    own: list[Names] = []
    never = {_inode(path) for path in besides if path.is_dir()} - {_inode(root)}
    above = frozenset(map(_inode, root.resolve().parents))
    seen: set[tuple[Names, _Inode]] = set()
    waiting: list[tuple[Names, frozenset[_Inode]]] = [((), above)]
    said = time.monotonic()
    while waiting:
        names, above = waiting.pop()
        inode = _inode(root.joinpath(*names))
        if inode in above or (names[:2], inode) in seen:
            continue
        if inode in never or (names and is_systems_own(names[-1], is_folder=True)):
            own.append(names)
            continue
        seen.add((names[:2], inode))
        folders.append(names)
        if time.monotonic() - said > _LINE_EVERY_S:
            said = time.monotonic()
            log.info("looking through %s: %d files so far", root, len(files))
        with os.scandir(root.joinpath(*names)) as entries:
            for entry in entries:
                if entry.name.startswith("."):
                    continue
                if leads_to_folder(entry):
                    waiting.append(((*names, entry.name), above | {inode}))
                elif not is_systems_own(entry.name, is_folder=False):
                    files.append((*names, entry.name))
    return files, folders, tuple(sorted(own))


def _inode(path: Path) -> _Inode:
    status = path.stat()
    return status.st_dev, status.st_ino


def _without_own(found: Iterable[Names]) -> tuple[list[Names], tuple[Names, ...]]:
    """What an archive lists without what is nobody's, and the folders of systems in it."""
    kept, own = [], set()
    for names in found:
        if any(name.startswith(".") for name in names):
            continue
        *above, last = names
        systems = (i for i, name in enumerate(above) if is_systems_own(name, is_folder=True))
        if (first := next(systems, None)) is not None:
            own.add(names[: first + 1])
        elif not is_systems_own(last, is_folder=False):
            kept.append(names)
    return kept, tuple(sorted(own))


def _without_made(
    files: list[Names], folders: list[Names], own: tuple[Names, ...]
) -> tuple[list[Names], list[Names], tuple[Names, ...]]:
    """What is left without the folders of earlier runs and of Python's environments."""
    made = {names[:-1] for names in files if len(names) > 1 and tells_a_program(*names[-2:])}
    if not made:
        return files, folders, own

    def is_kept(names: Names) -> bool:
        return made.isdisjoint(names[:i] for i in range(1, len(names) + 1))

    here = sorted({*own, *made})
    return [*filter(is_kept, files)], [*filter(is_kept, folders)], tuple(here)


def _nested(files: Iterable[Names], folders: Iterable[Names]) -> Folder:
    """Files and folders as folders in folders."""
    found: dict[Names, Folder] = {(): Folder(())}

    def folder_at(names: Names) -> Folder:
        missing = []
        while names not in found:
            missing.append(names)
            names = names[:-1]
        for one in reversed(missing):
            found[one] = Folder(one)
            found[one[:-1]].folders.append(found[one])
            names = one
        return found[names]

    for names in sorted(folders):
        folder_at(names)
    for names in sorted(files):
        folder_at(names[:-1]).files.append(names)
    for folder in found.values():
        folder.folders.sort(key=lambda one: one.name)
    return found[()]
