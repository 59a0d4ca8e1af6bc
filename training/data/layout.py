"""Which folders are classes, and which are parts: read from what lies where, and never guessed.

A layout that can be meant in two ways is refused with a sentence, or goes on with a remark
(`training.data.doubts`).
"""

import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from typing import Final

from models.archives import Names
from models.errors import DataFolderError
from models.file_names import printable
from training.data.content import Content, Layout, Left, is_wrapper, shown
from training.data.doubts import check_classes, remarks_on_folders
from training.data.example import Part
from training.data.names import (
    is_container,
    is_rendering,
    listed,
    marks_another,
    may_be_a_class,
    part_of,
    quoted,
    word,
)
from training.data.tree import Folder

LAYOUTS: Final = (
    "Three layouts are understood: a folder per class; train/ with val/ and/or test/, a folder per "
    "class inside; or train/ and test/ with the class in the file name (cat.12.jpg)"
)

#: More classes than this with fewer than five files each are names of pictures and their copies.
_FEW_CLASSES: Final = 10

_NO_CLASS: Final = "in no class"
_NO_PICTURES: Final = "no pictures in it"


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
    here = content.pictured(chain[end])
    outer = (re.sub(r"(\.tar)?\.\w+$", "", tree.root.name), *(one.name for one in chain[1:]))
    pairs = zip(outer, (one.name for one in chain[1 : end + 1]), strict=False)
    sure = (
        bool(found[end].complete)
        or ((tree.is_archive or _wraps(chain[end])) and any(may_be_a_class(o.name) for o in here))
        or all(is_wrapper(name, above) for above, name in pairs)
    )
    if not sure:
        return tree.top, []
    left = [_left_in(one, besides=chain[i + 1]) for i, one in enumerate(chain[:end])]
    return chain[end], [one for group in left for one in group]


def _wraps(folder: Folder) -> bool:
    """Whether a folder's name says as little as the one above does: `images/`, or the same."""
    *_, above, name = ("", *folder.names)
    return is_container(name) or word(name) == word(above)


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
            f"by the classes in it, and {shown(others)} beside it no part: move that "
            "away, call it train/, val/ or test/, or put the classes into train/"
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
    """The classes in file names, where those are no names of single pictures, or of few copies."""
    fewest = 2 if len(groups) <= _FEW_CLASSES else 5
    return groups if fewest * len(groups) <= sum(map(len, groups.values())) else {}


def _joined(parts: Iterable[str]) -> str:
    return " and ".join(f"{printable(name)}/" for name in sorted(parts))


def _in_parts(content: Content, top: Folder, parts: dict[str, Part]) -> Layout:
    inner = {one.name: content.inner(one) for one in top.folders if one.name in parts}
    train = [inner[name] for name in inner if parts[name] == "train"]
    for one in train:
        check_classes(content, one)
    read, words = _reader(content, train, inner.values())
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
    remarks = [said for one in train for said in remarks_on_folders(content, content.pictured(one))]
    layout = Layout(words, tuple(found), tuple(left), tuple(dict.fromkeys(remarks)))
    _check_classes_of_parts(layout, content)
    return layout


def _reader(
    content: Content, train: Sequence[Folder], everything: Iterable[Folder]
) -> tuple["_Read", str]:
    """How classes are told in parts, and in words."""
    if any(content.pictured(one) for one in everything):
        return _classes_in, "with a folder per class inside"
    words = "with the class in the file name"
    if any(_plausible(content.label_groups(one)) for one in train):
        return _labels_in, words
    return (lambda _, folder: ([], _loose([*folder.below()]))), words


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
        if masks := _masks_beside(one):
            left.append(Left("they mark what is in pictures", tuple(masks)))
        marking = {names for inside in marks for names in inside.below()}.union(masks)
        found += [(one.name, names) for names in one.below() if names not in marking]
    return found, left


def _only_marks(content: Content, folder: Folder, above: Folder) -> bool:
    """Whether it holds masks or the like, beside the pictures that these belong to."""
    beside = (is_container(one.name) for one in content.pictured(above))
    return is_rendering(folder.name) and (any(beside) or content.has_loose_pictures(above))


def _masks_beside(folder: Folder) -> list[Names]:
    """Files at any depth that mark another in their folder: `a_mask.png` beside `a.png`."""
    found = [(names, stem) for names in folder.below() if (stem := marks_another(names[-1]))]
    if not found:
        return []
    stems = {(*names[:-1], names[-1].rpartition(".")[0]) for names in folder.below()}
    return [names for names, stem in found if (*names[:-1], stem) in stems]


def _labels_in(content: Content, folder: Folder) -> tuple[_Labelled, list[Left]]:
    """The class in the file name: files with their classes, and those whose names tell none."""
    groups = content.label_groups(folder)
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
        missing, known = (listed([*map(quoted, names)]) for names in (unknown, sorted(taught)))
        raise DataFolderError(
            f"{content.place(())}: classes that are held out but never shown in train/: "
            f"{missing}. There are {known}: are the folders spelt the same?"
        )


def _is_called_like_a_part(name: str) -> bool:
    reading = part_of(name)
    return reading is not None and not reading[1]


def _per_class(content: Content, top: Folder) -> Layout:
    check_classes(content, top)
    classes, left = _classes_in(content, top)
    found = tuple((label, names, None) for label, names in classes)
    remarks = remarks_on_folders(content, content.pictured(top))
    return Layout("a folder per class", found, tuple(left), tuple(remarks))
