"""Which folders are classes, and which are parts: read from what lies where, and never guessed.

A layout that can be meant in two ways is refused with a sentence, or goes on with a remark
(`training.data.doubts`).
"""

import re
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Final

from models.errors import DataFolderError
from training.data.archives import Names
from training.data.example import Part
from training.data.names import (
    is_container,
    is_rendering,
    is_unlabelled,
    listed,
    may_be_a_class,
    part_of,
    printable,
    word,
)
from training.data.tree import Folder, Tree, has_suffix_of_a_picture

LAYOUTS: Final = (
    "Three layouts are understood: a folder per class; train/ with val/ and/or test/, a folder per "
    "class inside; or train/ and test/ with the class in the file name (cat.12.jpg)"
)

_NO_CLASS: Final = "in no class"
_NO_PICTURES: Final = "no pictures in it"


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
        top: the folder whose folders are classes or parts.
        found: for each file to learn from or to judge by its class, its name and its part.
        left: all other files.
    """

    words: str
    top: Folder
    found: tuple[tuple[str, Names, Part | None], ...]
    left: tuple[Left, ...]


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

    def inner(self, folder: Folder) -> Folder:
        """What a folder is about: of `a/a/…` and `a/images/…`, with nothing beside, the inner."""
        while True:
            inside = self.pictured(folder)
            if len(inside) != 1 or self.has_loose_pictures(folder):
                return folder
            (only,) = inside
            if not _is_wrapper(only.name, folder.name):
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
            if label := _label_in(names[-1]):
                groups[label].append(names)
        return {label: files for label, files in groups.items() if self._any_picture(files.copy)}

    def parts_in(self, folder: Folder) -> "PartsFound":
        """Which of the folders in it are called like parts."""
        return PartsFound(tuple(self.pictured(folder)))


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


def find_layout(content: Content) -> Layout:
    """Finds out which folders are classes and which are parts.

    Raises:
        DataFolderError: what lies there can be meant in several ways, or in none.
    """
    top, beside = _walked_into(content)
    parts = _parts(content, top)
    layout = _in_parts(content, top, parts) if parts else _per_class(content, top)
    words = layout.words
    if top.names:
        words = f"{words}, in {printable('/'.join(top.names))}/, beside which there are no pictures"
    return replace(layout, words=words, left=(*beside, *layout.left))


def shown(folders: Iterable[Folder]) -> str:
    """Folders in a sentence."""
    return listed([f"{folder.name}/" for folder in folders])


def _is_wrapper(name: str, outer: str) -> bool:
    return (
        is_container(name)
        or part_of(name) is not None
        or is_unlabelled(name)
        or word(name) == word(outer) != ""
    )


def _label_in(file_name: str) -> str | None:
    """`cat.12.jpg` → `cat`; None where the name does not have three parts."""
    label, *rest = file_name.split(".")
    return label if label and len(rest) >= 2 else None


def _walked_into(content: Content) -> tuple[Folder, list[Left]]:
    """Where the classes or parts are, if that is surely one folder further in; what is passed."""
    tree = content.tree
    chain = content.chain(tree.top)
    found = [content.parts_in(one) for one in chain]
    ends = [i for i, parts in enumerate(found) if parts.complete] or [
        i for i, parts in enumerate(found) if parts.plain
    ]
    end = ends[0] if ends else len(chain) - 1
    if end == 0 or (not ends and len(content.pictured(chain[end])) < 2):
        return tree.top, []
    outer = (re.sub(r"(\.tar)?\.\w+$", "", tree.root.name), *(one.name for one in chain[1:]))
    pairs = zip(outer, (one.name for one in chain[1 : end + 1]), strict=False)
    sure = (
        tree.is_archive
        or bool(found[end].complete)
        or all(_is_wrapper(name, above) for above, name in pairs)
    )
    if not sure:
        return tree.top, []
    left = [_left_in(one, besides=chain[i + 1]) for i, one in enumerate(chain[:end])]
    return chain[end], [one for group in left for one in group]


def _left_in(folder: Folder, besides: Folder) -> list[Left]:
    """What lies in a folder beside the only one with pictures."""
    return [
        *_loose(folder.files),
        *(_without_pictures(one) for one in folder.folders if one is not besides),
    ]


def _loose(files: Sequence[Names]) -> list[Left]:
    return [Left(_NO_CLASS, tuple(files))] if files else []


def _without_pictures(folder: Folder) -> Left:
    return Left(_NO_PICTURES, tuple(folder.below()), (folder.names,))


def _parts(content: Content, top: Folder) -> dict[str, Part]:
    """Which folders in it are parts, by name; none where it holds classes.

    Raises:
        DataFolderError: some are called like parts and cannot be, or lie beside others.
    """
    found = content.parts_in(top)
    if len(found.complete) > 1:
        raise DataFolderError(
            f"{content.place(top.names)}: {shown(found.folders)} are called like parts of "
            f"several data sets; give each a folder of its own. {LAYOUTS}"
        )
    if found.complete:
        (parts,) = found.complete
        _check_neighbours(content, top, parts)
        return parts
    parts = found.plain
    others = [one for one in found.folders if one.name not in parts]
    if len(parts) > 1 and "train" not in parts.values():
        raise DataFolderError(
            f"{content.place(top.names)}: {_joined(parts)} are called like parts, and there is "
            f"no train/ beside them. {LAYOUTS}"
        )
    if not others or len(parts) > 1:
        _check_neighbours(content, top, parts)
        return parts if "train" in parts.values() else {}
    for folder in found.folders:
        if folder.name in parts:
            _check_alone(content, top, folder, others)
    return {}


def _check_alone(content: Content, top: Folder, part: Folder, others: Sequence[Folder]) -> None:
    """Refuses one that is called like a part, and holds classes itself, beside what is none."""
    inner = content.inner(part)
    inside = [one for one in content.pictured(inner) if may_be_a_class(one.name)]
    same = {one.name for one in inside} & {one.name for one in others}
    holds_classes = len(inside) > 1 and not content.has_loose_pictures(inner)
    if same or holds_classes or len(_plausible(content.label_groups(inner))) > 1:
        raise DataFolderError(
            f"{content.place(top.names)}: {printable(part.name)}/ is a part, by its name and "
            f"by the classes in it, and {shown(others)} beside it is none. Move that away, call "
            "it train/, val/ or test/, or put the classes into train/"
        )


def _check_neighbours(content: Content, top: Folder, parts: dict[str, Part]) -> None:
    """Refuses folders beside parts that could be meant as such: they hold classes too."""
    strange = [
        one
        for one in content.pictured(top)
        if one.name not in parts and _could_be_a_part(content, content.inner(one))
    ]
    if strange:
        raise DataFolderError(
            f"{content.place(top.names)}: {_joined(parts)} are parts, and {shown(strange)} "
            "beside them is none: move it away, or call it train/, val/ or test/"
        )


def _could_be_a_part(content: Content, folder: Folder) -> bool:
    if content.parts_in(folder).complete:
        return False  # another data set, or the same once more
    return bool(content.pictured(folder) or _plausible(content.label_groups(folder)))


def _plausible(groups: dict[str, list[Names]]) -> dict[str, list[Names]]:
    """The classes in file names, where those are no names of single pictures."""
    return groups if 2 * len(groups) <= sum(map(len, groups.values())) else {}


def _joined(parts: Iterable[str]) -> str:
    return " and ".join(f"{printable(name)}/" for name in sorted(parts))


def _in_parts(content: Content, top: Folder, parts: dict[str, Part]) -> Layout:
    folders = [one for one in top.folders if one.name in parts]
    inner = {one.name: content.inner(one) for one in folders}
    if any(content.pictured(one) for one in inner.values()):
        read, words = _classes_in, "with a folder per class inside"
    else:
        read, words = _labels_in, "with the class in the file name"
    found: list[tuple[str, Names, Part | None]] = []
    left = _loose(top.files)
    for one in top.folders:
        if one.name not in parts:
            left.append(_beside(content, one, parts))
            continue
        classes, rest = read(content, inner[one.name])
        found += [(label, names, parts[one.name]) for label, names in classes]
        used = {names for _, names in classes}.union(*(part.files for part in rest))
        left += [*rest, *_loose([names for names in one.below() if names not in used])]
    with_classes = {names[len(top.names)] for _, names, _ in found}
    words = f"{_joined(with_classes or parts)} {words}"
    layout = Layout(words, top, tuple(found), tuple(left))
    _check_classes_of_parts(layout, content)
    return layout


_Labelled = list[tuple[str, Names]]
_Read = Callable[[Content, Folder], tuple[_Labelled, list[Left]]]


def _beside(content: Content, folder: Folder, parts: Iterable[str]) -> Left:
    if not content.has_pictures(folder):
        return _without_pictures(folder)
    reason = f"beside {_joined(parts)} and no part itself"
    return Left(reason, tuple(folder.below()), (folder.names,))


def _classes_in(content: Content, folder: Folder) -> tuple[_Labelled, list[Left]]:
    """A folder per class: files with their classes, and what is in none."""
    found: _Labelled = []
    left = _loose(folder.files)
    for one in folder.folders:
        if not content.has_pictures(one):
            left.append(_without_pictures(one))
            continue
        marks = [inside for inside in one.folders if _only_marks(content, inside, one)]
        left += [Left("they mark what is in pictures", tuple(m.below()), (m.names,)) for m in marks]
        marking = {names for inside in marks for names in inside.below()}
        found += [(one.name, names) for names in one.below() if names not in marking]
    return found, left


def _only_marks(content: Content, folder: Folder, above: Folder) -> bool:
    """Whether it holds masks or the like, beside the pictures that these belong to."""
    beside = (is_container(one.name) for one in content.pictured(above))
    return is_rendering(folder.name) and (any(beside) or content.has_loose_pictures(above))


def _labels_in(content: Content, folder: Folder) -> tuple[_Labelled, list[Left]]:
    """The class in the file name: files with their classes, and those whose names tell none."""
    groups = _plausible(content.label_groups(folder))
    found = [(label, names) for label, files in groups.items() for names in files]
    used = {names for _, names in found}
    left = _loose([names for names in folder.files if names not in used])
    return found, [*left, *(_without_pictures(one) for one in folder.folders)]


def _check_classes_of_parts(layout: Layout, content: Content) -> None:
    like_parts = sorted({label for label, _, _ in layout.found if _is_called_like_a_part(label)})
    if len(like_parts) > 1:
        raise DataFolderError(
            f"{content.place(())}: the classes inside {layout.words.split(' with ')[0]} would be "
            f"{_joined(like_parts)}: those are parts too. {LAYOUTS}"
        )
    taught = {label for label, _, part in layout.found if part == "train"}
    asked = {label for label, _, part in layout.found if part != "train"}
    if unknown := sorted(asked - taught):
        raise DataFolderError(
            f"{content.place(())}: classes that are held out but never shown in train/: "
            f"{listed(unknown)}. Are the folders spelt the same?"
        )


def _is_called_like_a_part(name: str) -> bool:
    reading = part_of(name)
    return reading is not None and not reading[1]


def _per_class(content: Content, top: Folder) -> Layout:
    classes, left = _classes_in(content, top)
    found = tuple((label, names, None) for label, names in classes)
    return Layout("a folder per class", top, found, tuple(left))
