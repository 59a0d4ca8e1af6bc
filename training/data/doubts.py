"""What speaks against taking folders for classes: too high, in pieces, nearly the same.

What is certain ends the run with a sentence that names the right place; what is not is a remark.
Folders below a class are fine (`cat/2024/may`, `cat/anna`): that they are classes of their own is
certain only where parts are in them, where names say so, or where others beside hold the same.
"""

from collections import Counter, defaultdict
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from itertools import combinations
from typing import Final

from models.errors import DataFolderError
from models.file_names import printable
from training.data.content import Content, shown
from training.data.names import (
    alike,
    are_pieces,
    is_container,
    is_of_a_camera,
    is_rendering,
    is_unlabelled,
    is_version,
    listed,
    may_be_a_class,
    mentions_a_part,
    part_of,
    quoted,
    says_good,
    slips,
    spells_out,
    without_copy,
    word,
)
from training.data.tree import Folder

#: Pictures in a folder below a class from which on it could be a class of its own.
_ENOUGH: Final = 5

#: Of ten thousand classes not each is compared with each.
_TRIED: Final = 50


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
    for check in (_slips, _data_sets, _neighbours_again, _versions, _turned, _containers, _cameras):
        if said := check(content, folders):
            raise DataFolderError(f"{content.place(top.names)}: {said}")


def remarks_on_folders(content: Content, folders: Sequence[Folder]) -> list[str]:
    """What is not certain of folders that become classes, alone or in a part, as sentences."""
    names = [one.name for one in folders]
    said = [
        f"{printable(one.name)}/ counts as a class, as there is no train/ beside it; its name says "
        "that it may be none: then move it away"
        for one in folders
        if _is_called_like_held_out(one.name)
    ]
    if are_pieces(names):
        said.append(f"{listed(names)} are called like pieces of one data set; each is a class here")
    return [*said, *_remarks_on_folders_inside(content, folders)] if folders else []


def _is_called_like_held_out(name: str) -> bool:
    part, rest = part_of(name) or ("train", "")
    return is_unlabelled(name) or (part != "train" and rest == "")


def _remarks_on_folders_inside(content: Content, folders: Sequence[Folder]) -> list[str]:
    said = []
    if same := _holders_of_the_same(content, folders):
        names = listed(sorted(_common(content, same)), 3)
        said.append(f"{shown(same)} hold the same folders ({names}): if those are classes, turn it")
    holders = Counter(name for one in folders for name in _all_inside(content, one))
    for one in folders:
        inside = _class_like(content, one)
        if len(inside) > 1 and all(holders[name] == 1 for name in inside):
            said.append(
                f"{printable(one.name)}/ holds folders of pictures itself "
                f"({listed(inside, 3)}): all of them count as {printable(one.name)}. "
                f"If those are the classes, {_instead(content, one)}"
            )
    return said


def _instead(content: Content, folder: Folder) -> str:
    """What to do where the classes are in a folder: in a part, --data would leave the others."""
    above = folder.names[-2:-1]
    if above and part_of(above[0]):
        return f"put them right into {printable(above[0])}/, and so in each part"
    return f"give --data {content.place(folder.names)}"


def _holders_of_the_same(content: Content, folders: Sequence[Folder]) -> list[Folder]:
    """The most of them of which any two have at least half of the folders in them in common."""
    inside = {one.names: set(_names_inside(content, one)) for one in folders}
    often = Counter(frozenset(names) for names in inside.values() if len(names) > 1)
    best: list[Folder] = []
    for names, _ in often.most_common(_TRIED):
        same = [one for one in folders if _nearly(inside[one.names], names)]
        best = max(best, same, key=len)
    return best if len(best) > 1 and len(_common(content, best)) > 1 else []


def _nearly(some: AbstractSet[str], others: AbstractSet[str]) -> bool:
    return len(some & others) > 1 and 2 * len(some & others) >= len(some | others)


def _common(content: Content, folders: Sequence[Folder]) -> set[str]:
    return set.intersection(*(set(_names_inside(content, one)) for one in folders))


def remarks_on_names(classes: Sequence[str]) -> list[str]:
    """Names that are nearly the same, as one sentence."""
    groups: dict[str, list[str]] = defaultdict(list)
    for name in classes:
        groups[alike(name)].append(name)
    pairs = [
        f"{quoted(one)} and {quoted(other)} {_difference(one, other)}"
        for group in groups.values()
        for one, other in combinations(group, 2)
    ]
    if not pairs:
        return []
    return [f"{'; '.join(pairs[:10])}: are they one class?"]


def _difference(one: str, other: str) -> str:
    if one.casefold() == other.casefold():
        return "differ by case only"
    if without_copy(one) == without_copy(other):
        return "are called like a folder and its copy"
    if one.split() == other.split():
        return "differ by a space only"
    return "look the same, or differ by case, spaces and dashes only"


def _class_like(content: Content, folder: Folder) -> list[str]:
    """Names of the folders in it, where most are large enough to be classes of their own."""
    inside = content.pictured(content.chain(folder)[-1])
    large = [one for one in inside if sum(1 for _ in one.below()) >= _ENOUGH]
    return _names_inside(content, folder) if 2 * len(large) > len(inside) else []


def _names_inside(content: Content, folder: Folder) -> list[str]:
    """Names of the folders in it, where nearly all of it lies in folders that could be classes.

    Those that are called as it is, with a number, are single things of its class (`apple_1`).
    """
    inner = content.chain(folder)[-1]
    if not content.lies_in_folders(inner):
        return []
    names = [one.name for one in content.pictured(inner)]
    single = word(folder.name) != "" and all(word(name) == word(folder.name) for name in names)
    return names if all(map(may_be_a_class, names)) and not single else []


def _slips(content: Content, folders: Sequence[Folder]) -> str | None:
    """Folders that are meant as parts, and spelt as none."""
    del content
    if wrong := slips([one.name for one in folders]):
        return (
            f"are {listed([f'{name}/' for name in wrong])} parts, with a slip in the name? "
            "Then call them train/, val/ or test/; if they are classes, give them other names"
        )
    return None


def _data_sets(content: Content, folders: Sequence[Folder]) -> str | None:
    """Folders with parts in them, or with names that say that they are classes."""
    for folder in folders:
        inner = _without_masks(content, folder)
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


def _without_masks(content: Content, folder: Folder) -> Folder:
    """What a folder is about: of `data/images/…` with `data/masks/…` beside, the images."""
    inner = content.chain(folder)[-1]
    inside = content.pictured(inner)
    images = [one for one in inside if is_container(one.name)]
    if len(images) != 1 or content.has_loose_pictures(inner):
        return inner
    marks = all(is_rendering(one.name) for one in inside if one not in images)
    return content.chain(images[0])[-1] if marks else inner


def _hold_classes(content: Content, folder: Folder) -> bool:
    """Whether its parts hold classes, in folders or in file names."""
    inner = [content.inner(one) for one in content.pictured(folder)]
    return any(content.pictured(one) or len(content.label_groups(one)) > 1 for one in inner)


def _is_a_data_set(content: Content, folder: Folder, inner: Folder) -> bool:
    if not content.lies_in_folders(inner):
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
        if same and names == same and content.lies_in_folders(inner):
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


def _turned(content: Content, folders: Sequence[Folder]) -> str | None:
    """The classes below something else: the same numbers in all of them, or in parts."""
    same = _holders_of_the_same(content, folders)
    if not same:
        return None
    common = _common(content, same)
    inside = [set(_names_inside(content, o)) or _all_inside(content, o) for o in folders]
    numbers = all(names and names <= common for names in inside)
    # Patients, and not classes: `cat/0` and `dog/0` may be two days.
    sure = numbers and all(map(str.isdecimal, (*common, *(one.name for one in same))))
    if not sure and not any(mentions_a_part(one.name) for one in same):
        return None
    return (
        f"{shown(same)} all hold the same folders ({listed(sorted(common), 3)}): those are the "
        "classes, it seems; turn it: a folder per class, in train/ and test/ or alone"
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
    if all(is_container(one.name) or is_rendering(one.name) for one in folders):
        return f"{shown(folders)} are no names of classes: a folder per class is needed"
    return None


def _cameras(content: Content, folders: Sequence[Folder]) -> str | None:
    """All that a camera has taken, as it lies on its card."""
    del content
    if all(is_of_a_camera(one.name) for one in folders):
        return f"{shown(folders)} are a camera's folders: put the pictures into a folder per class"
    return None
