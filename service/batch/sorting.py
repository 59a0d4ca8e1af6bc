"""Pictures put into a folder a class, as copies or links: nothing moved or written over."""

import re
import unicodedata
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from pathlib import Path
from typing import Final

from models.bulk import Row
from models.errors import OutputError
from models.files import output_file
from models.places import PictureFile

_UNFAMILIAR: Final = "unfamiliar"

#: Names that Windows keeps for devices.
_DEVICES: Final = re.compile(r"(?:con|prn|aux|nul|com\d|lpt\d)(?:\..*)?", re.IGNORECASE)

_LONGEST: Final = 120


@dataclass(frozen=True)
class Sorter:
    """Puts pictures where their answers say.

    Attributes:
        folder: holds a folder for each class, and `unfamiliar`.
        classes: of the model.
        links: symbolic links instead of copies, where files lie on this machine's disks.
    """

    folder: Path
    classes: Sequence[str]
    links: bool

    def put(self, row: Row) -> None:
        """Puts one; a file without an answer goes nowhere (OutputError)."""
        if row.prediction is None:
            return
        kind = row.label if row.prediction.is_familiar else ""
        target = self.folder / self._folders[kind] / flat_name(row.file)
        path = row.source.path
        if self.links and path:
            place_link(target, path.absolute())
        else:
            place_bytes(target, row.source.read())

    @cached_property
    def _folders(self) -> dict[str, str]:
        """Of each class, and of none, a folder's name that is nobody else's in any case."""
        found = {"": _UNFAMILIAR}
        for name in self.classes:
            plain, taken = _plain(name), {other.casefold() for other in found.values()}
            ways = (plain, *(f"{plain}-{number}" for number in range(2, len(self.classes) + 3)))
            found[name] = next(way for way in ways if way.casefold() not in taken)
        return found


def flat_name(file: str) -> str:
    """A name for a file in one folder, from its path: `2024/05/a.jpg` → `2024_05_a.jpg`."""
    return _plain(re.sub(r"^[a-z0-9+.-]+://", "", file))


def place_bytes(target: Path, data: bytes) -> None:
    """Writes a file, under another name where another one has that name (OutputError)."""
    free = _free(target, lambda path: path.is_file() and path.read_bytes() == data)
    if free:
        with output_file(free) as file:
            file.write(data)


def place_link(target: Path, to: Path) -> None:
    """Makes a symbolic link, under another name where something else has that name."""
    if free := _free(target, lambda path: path.is_symlink() and path.readlink() == to):
        try:
            free.symlink_to(to)
        except OSError as error:
            raise OutputError(f"{free} cannot be made a link: {error.strerror}") from error


def _free(target: Path, is_there: Callable[[Path], bool]) -> Path | None:
    """A name that is free, in a folder that is there; None where what is wanted is there."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        for number in count(1):
            path = target.with_stem(f"{target.stem}-{number}") if number > 1 else target
            if not (path.exists() or path.is_symlink()):
                return path
            if is_there(path):
                return None
    except OSError as error:
        raise OutputError(f"{target} cannot be written: {error.strerror or error}") from error
    return None


def _plain(name: str) -> str:
    """Letters, digits, marks, spaces and `._-` of any script; nothing that a file system minds."""
    kept = (c if unicodedata.category(c)[0] in "LNM" or c in " ._-()" else "_" for c in name)
    plain = "".join(kept).strip(" ._")[-_LONGEST:] or "_"
    return f"_{plain}" if _DEVICES.fullmatch(plain) else plain


def drawing_name(file: PictureFile, label: str) -> str:
    """A name for the drawing of a file: `2024_05_a-cats-overlay.png`."""
    return f"{Path(flat_name(file.name)).stem}-{_plain(label)}-overlay.png"
