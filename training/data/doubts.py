"""What speaks against taking folders for classes: too high, in pieces, nearly the same.

What is certain ends the run with a sentence that names the right place; what is not is a remark.
Folders below a class are fine (`cat/2024/may`, `cat/anna`): that they are classes of their own is
certain only where parts are in them, where names say so, or where others beside hold the same.
"""

from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import combinations
from typing import Final

from models.errors import DataFolderError
from training.data.content import Content, shown
from training.data.names import (
    alike,
    is_container,
    is_of_a_camera,
    is_piece,
    is_rendering,
    is_unlabelled,
    is_version,
    listed,
    may_be_a_class,
    part_of,
    printable,
    says_good,
    spells_out,
    without_copy,
    word,
)
from training.data.tree import Folder

#: Pictures in a folder below a class from which on it could be a class of its own.
_ENOUGH: Final = 5


def check_classes(content: Content, top: Folder) -> None:
    """Refuses folders that are surely no classes.

    Args:
        content: of the data folder.
        top: the folder whose folders would be classes.

    Raises:
        DataFolderError: says what they are, and which folder is meant, if that is known.
    """
    folders = content.pictured(top)
    if len(folders) < 2:
        return
    for check in (_data_sets, _neighbours_again, _versions, _containers, _cameras):
        if said := check(content, folders):
            raise DataFolderError(f"{content.place(top.names)}: {said}")


def remarks_on_folders(content: Content, folders: Sequence[Folder]) -> list[str]:
    """What is not certain of folders that become classes, as sentences."""
    names = [one.name for one in folders]
    said = [
        f"{printable(one.name)}/ counts as a class, as there is no train/ beside it; its name says "
        "that it may be none: then move it away"
        for one in folders
        if _is_called_like_held_out(one.name)
    ]
    if all(map(is_piece, names)):
        said.append(f"{listed(names)} are called like pieces of one data set; each is a class here")
    return [*said, *_remarks_on_folders_inside(content, folders)] if folders else []


def _is_called_like_held_out(name: str) -> bool:
    part, rest = part_of(name) or ("train", "")
    return is_unlabelled(name) or (part != "train" and rest == "")


def _remarks_on_folders_inside(content: Content, folders: Sequence[Folder]) -> list[str]:
    inside = {one.name: _class_like(content, one) for one in folders}
    shared = set.intersection(*map(set, inside.values()))
    if len(shared) > 1:
        names = listed(sorted(shared), 3)
        return [f"{shown(folders)} hold the same folders ({names}): if those are classes, turn it"]
    said = []
    for one in folders:
        others = {n for other in folders if other is not one for n in _all_inside(content, other)}
        if len(inside[one.name]) > 1 and not others.intersection(inside[one.name]):
            said.append(
                f"{printable(one.name)}/ holds folders of pictures itself "
                f"({listed(inside[one.name], 3)}): all of them count as {printable(one.name)}. "
                f"If those are the classes, give --data {content.place(one.names)}"
            )
    return said


def remarks_on_names(classes: Sequence[str]) -> list[str]:
    """Names that are nearly the same, as one sentence."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        groups[alike(name)].append(name)
    pairs = [
        f"{_quoted(one)} and {_quoted(other)} {_difference(one, other)}"
        for group in groups.values()
        for one, other in combinations(group, 2)
    ]
    if not pairs:
        return []
    return [f"{'; '.join(pairs[:10])}: are they one class?"]


def _quoted(name: str) -> str:
    return f"'{name}'" if name != name.strip() or " " in name else name


def _difference(one: str, other: str) -> str:
    if one.casefold() == other.casefold():
        return "differ by case only"
    if without_copy(one) == without_copy(other):
        return "are called like a folder and its copy"
    if one.split() == other.split():
        return "differ by a space only"
    return "look the same, or differ by case, spaces and dashes only"


def _class_like(content: Content, folder: Folder) -> list[str]:
    """Names of the folders in it, where all of it lies in folders that could be classes."""
    inner = content.chain(folder)[-1]
    if content.has_loose_pictures(inner):
        return []
    inside = content.pictured(inner)
    names = [one.name for one in inside if may_be_a_class(one.name) and word(one.name)]
    enough = all(sum(1 for _ in one.below()) >= _ENOUGH for one in inside)
    return names if len(names) == len(inside) and enough else []


_Check = Callable[[Content, Sequence[Folder]], str | None]


def _data_sets(content: Content, folders: Sequence[Folder]) -> str | None:
    """Folders with parts in them, or with names that say that they are classes."""
    for folder in folders:
        inner = content.chain(folder)[-1]
        parts = content.parts_in(inner)
        if not parts.complete and not _is_a_data_set(content, folder, inner):
            continue
        if parts.complete and not _hold_classes(content, inner):
            return (
                f"{printable(folder.name)}/ holds {shown(parts.folders)}: parts stand above "
                f"classes, as in train/{printable(folder.name)}/"
            )
        return (
            f"{printable(folder.name)}/ holds classes itself ({shown(content.pictured(inner))}): "
            f"this is a folder of data sets, or one too high. Give one of them, as "
            f"--data {content.place(inner.names)}"
        )
    return None


def _hold_classes(content: Content, folder: Folder) -> bool:
    """Whether its parts hold classes, in folders or in file names."""
    inner = [content.inner(one) for one in content.pictured(folder)]
    return any(content.pictured(one) or len(content.label_groups(one)) > 1 for one in inner)


def _is_a_data_set(content: Content, folder: Folder, inner: Folder) -> bool:
    if content.has_loose_pictures(inner):
        return False
    names = [one.name for one in content.pictured(inner)]
    judged = any(map(says_good, names)) and len(names) > 1
    return judged or spells_out(folder.name, names)


def _neighbours_again(content: Content, folders: Sequence[Folder]) -> str | None:
    """A folder in which others from beside it are once more: a part, or a copy of the whole."""
    for folder in folders:
        inner = content.inner(folder)
        names = {one.name for one in content.pictured(inner)}
        same = names & {one.name for one in folders if one is not folder}
        if same and names == same and not content.has_loose_pictures(inner):
            return (
                f"{printable(folder.name)}/ holds folders that stand beside it too "
                f"({listed(sorted(same))}), so it is no class: move "
                "it away, or, if it is a part, put the others into train/"
            )
    return None


def _versions(content: Content, folders: Sequence[Folder]) -> str | None:
    """The same classes in several forms (`color`, `grayscale`), or a data set in pieces."""
    inside = [_all_inside(content, one) for one in folders]
    holders = [names for one, names in zip(folders, inside, strict=True) if names]
    if len(holders) < 2 or not set.intersection(*holders):
        return None
    copies = len({alike(one.name) for one in folders}) == 1
    if not copies and not all(is_version(one.name) for one in folders):
        return None
    return (
        f"{shown(folders)} hold the same folders ({listed(sorted(set.intersection(*holders)), 3)})"
        ": they are forms or pieces of one data set, and no classes. Give one of them, as --data "
        f"{content.place(folders[0].names)}, or put the pieces together"
    )


def _all_inside(content: Content, folder: Folder) -> set[str]:
    chain = content.chain(folder)
    return {one.name for one in (*chain[1:], *content.pictured(chain[-1]))}


def _containers(content: Content, folders: Sequence[Folder]) -> str | None:
    """`images/` with classes in it, beside others; or pictures and what marks things in them."""
    for folder in folders:
        inside = content.pictured(folder)
        others = [one for one in folders if one is not folder]
        if (
            is_container(folder.name)
            and len(inside) > 1
            and all(may_be_a_class(one.name) for one in inside)
            and not content.has_loose_pictures(folder)
            and not any(content.pictured(one) for one in others)
        ):
            return (
                f"{printable(folder.name)}/ holds the classes ({shown(inside)}), it seems, and "
                f"{shown(others)} beside it none. "
                f"Is --data {content.place(folder.names)} meant?"
            )
    marks = [one for one in folders if is_rendering(one.name)]
    if (
        marks
        and len(marks) < len(folders)
        and all(is_container(one.name) for one in folders if one not in marks)
    ):
        return f"{shown(folders)} are no names of classes: a folder per class is needed"
    return None


def _cameras(content: Content, folders: Sequence[Folder]) -> str | None:
    """All that a camera has taken, as it lies on its card."""
    del content
    if all(is_of_a_camera(one.name) for one in folders):
        return f"{shown(folders)} are a camera's folders: put the pictures into a folder per class"
    return None
