"""A tree looked at as pictures: what holds some, what wraps them, what is called like parts."""

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Final

from models.archives import Names
from models.file_names import has_suffix_of_a_picture, printable
from training.data.example import Part
from training.data.names import (
    is_container,
    is_unlabelled,
    listed,
    part_of,
    short_parts,
    tells_a_label,
    word,
)
from training.data.tree import Folder, Tree

#: One picture of so many may lie beside folders without saying that these are no classes.
_FEW: Final = 10


class Content:
    """A tree, with what is asked of its folders remembered."""

    def __init__(self, tree: Tree) -> None:
        self.tree = tree
        self._pictured: dict[Names, bool] = {}
        self._looks: dict[Names, bool] = {}

    def place(self, names: Names) -> str:
        """Where a file or folder is, for a sentence."""
        return printable(str(self.tree.path(names)))

    def has_pictures(self, folder: Folder) -> bool:
        """Whether some file in it, at any depth, looks like a picture."""
        if folder.names not in self._pictured:
            self._pictured[folder.names] = self._any_picture(folder.below)
        return self._pictured[folder.names]

    def _any_picture(self, files: Callable[[], Iterable[Names]]) -> bool:
        """Whether one of some files is called like a picture, or else begins like one."""
        return any(map(has_suffix_of_a_picture, files())) or any(map(self._looks_like_one, files()))

    def _looks_like_one(self, names: Names) -> bool:
        if names not in self._looks:
            self._looks[names] = self.tree.begins_like_a_picture(names)
        return self._looks[names]

    def pictured(self, folder: Folder) -> list[Folder]:
        """The folders right in it that have pictures."""
        return [one for one in folder.folders if self.has_pictures(one)]

    def has_loose_pictures(self, folder: Folder) -> bool:
        """Whether pictures lie right in it, in no further folder."""
        return self._any_picture(lambda: folder.files)

    def lies_in_folders(self, folder: Folder) -> bool:
        """Whether nearly all pictures in it lie in folders; a few may lie beside these."""
        if not self.has_loose_pictures(folder):
            return bool(self.pictured(folder))
        loose = sum(map(has_suffix_of_a_picture, folder.files)) or len(folder.files)
        inside = sum(1 for one in self.pictured(folder) for _ in one.below())
        return _FEW * loose <= inside

    def inner(self, folder: Folder) -> Folder:
        """What a folder is about: of `a/a/…` and `a/images/…`, with nothing beside, the inner."""
        while True:
            inside = self.pictured(folder)
            if len(inside) != 1 or self.has_loose_pictures(folder):
                return folder
            (only,) = inside
            if not is_wrapper(only.name, folder.name):
                return folder
            folder = only

    def chain(self, folder: Folder) -> list[Folder]:
        """A folder, and the only one in it, and so on, as long as there is nothing beside."""
        found = [folder]
        while len(inside := self.pictured(found[-1])) == 1:
            if self.has_loose_pictures(found[-1]):
                break
            found += inside
        return found

    def label_groups(self, folder: Folder) -> dict[str, list[Names]]:
        """Files right in it by the class in their names, where those look like pictures."""
        groups: dict[str, list[Names]] = defaultdict(list)
        for names in folder.files:
            if label := tells_a_label(names[-1]):
                groups[label].append(names)
        return {label: files for label, files in groups.items() if self._any_picture(files.copy)}

    def parts_in(self, folder: Folder) -> "PartsFound":
        """Which of the folders in it are called like parts."""
        return PartsFound(tuple(self.pictured(folder)))


@dataclass(frozen=True)
class Left:
    """Files that are not used, for one reason; `folders` stand for them in the log."""

    reason: str
    files: tuple[Names, ...]
    folders: tuple[Names, ...] = ()


@dataclass(frozen=True)
class Layout:
    """What lies where.

    Attributes:
        words: which of the layouts it is.
        found: for each file to learn from or to judge by its class, its name and its part.
        left: all other files.
        remarks: sentences on what may be meant otherwise.
    """

    words: str
    found: tuple[tuple[str, Names, Part | None], ...]
    left: tuple[Left, ...]
    remarks: tuple[str, ...] = ()


@dataclass(frozen=True)
class PartsFound:
    """Folders with pictures that lie side by side, looked at as parts."""

    folders: tuple[Folder, ...]

    @cached_property
    def _readings(self) -> dict[str, list[tuple[Folder, Part]]]:
        """Folders that are called like parts, by what else is in their names."""
        found: dict[str, list[tuple[Folder, Part]]] = defaultdict(list)
        for folder in self.folders:
            if reading := part_of(folder.name):
                found[reading[1]].append((folder, reading[0]))
        if all(folder.folders for folder in self.folders) and (
            short := short_parts([folder.name for folder in self.folders])
        ):
            found[""] = [(folder, short[folder.name]) for folder in self.folders]
        return found

    @property
    def complete(self) -> list[dict[str, Part]]:
        """Of each set with a train and something held out: parts by the names of folders."""
        return [
            {folder.name: part for folder, part in group}
            for group in self._readings.values()
            if {"train"} < {part for _, part in group}
        ]

    @property
    def plain(self) -> dict[str, Part]:
        """Parts by the names of folders that are called so and nothing else."""
        return {folder.name: part for folder, part in self._readings.get("", [])}


def shown(folders: Iterable[Folder]) -> str:
    """Folders in a sentence."""
    return listed([f"{folder.name}/" for folder in folders])


def is_wrapper(name: str, outer: str) -> bool:
    """Whether a folder alone in another says only what is in it, and not of which class."""
    return (
        is_container(name)
        or part_of(name) is not None
        or is_unlabelled(name)
        or word(name) == word(outer) != ""
    )
