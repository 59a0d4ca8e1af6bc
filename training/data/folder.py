"""A user's folder of pictures: what is in it, and which folders are classes.

The user's files are only ever read. Whether a file is a picture is asked only of folders in which
none is called like one; else the one pass that reads them (`training.features.extractor`) tells.
"""

from collections.abc import Collection, Sequence
from pathlib import Path
from typing import Final

from models.errors import DataFolderError
from training.data.archives import Names
from training.data.content import Content
from training.data.doubts import remarks_on_names
from training.data.example import Example, ImageFolder, Unused
from training.data.labels import name_tables
from training.data.layout import LAYOUTS, Layout, Left, find_layout
from training.data.names import is_container, listed, printable
from training.data.tree import Tree, list_tree

_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".7z", ".rar")


def scan_folder(root: Path, besides: Collection[Path] = ()) -> ImageFolder:
    """Finds the classes and the files of a data folder, or of a zip or tar archive.

    Args:
        root: the folder or archive.
        besides: folders that are nobody's, as the one to which runs are written.

    Raises:
        DataFolderError: it does not exist, has no known layout, or has fewer than two classes.
    """
    tree = list_tree(root, besides)
    content = Content(tree)
    layout = find_layout(content)
    _check_tables(content, layout)
    classes = tuple(sorted({printable(label) for label, _, _ in layout.found}))
    if len(classes) < 2:
        raise DataFolderError(_no_two_classes(content, classes))
    return ImageFolder(
        root,
        layout.words,
        classes,
        _examples(tree, layout, classes),
        _unused(tree, layout.left),
        (*layout.remarks, *remarks_on_names(classes)),
        tree.read,
    )


def _check_tables(content: Content, layout: Layout) -> None:
    """Refuses `images/` beside other folders, where a table tells the classes of its pictures."""
    labels = {label for label, _, _ in layout.found}
    if len(labels) > 1 and any(map(is_container, labels)) and (said := name_tables(content.tree)):
        raise DataFolderError(f"{content.place(())}: {said}{LAYOUTS}")


def _no_two_classes(content: Content, classes: Sequence[str]) -> str:
    tree = content.tree
    held = (
        f"holds one class only ({classes[0]}); telling apart takes two" if classes
        else "holds no classes"
    )  # fmt: skip
    return f"{content.place(())} {held}. {name_tables(tree)}{_meant(content)}{LAYOUTS}"


def _meant(content: Content) -> str:
    """Where the classes could be instead."""
    tree = content.tree
    end = content.chain(tree.top)[-1]
    if end is not tree.top and len(content.pictured(end)) > 1:
        return f"Is --data {content.place(end.names)} meant? "
    packed = [names for names in tree.top.below() if names[-1].casefold().endswith(_ARCHIVES)]
    if len(packed) == 1 and not tree.is_archive:
        return f"Is --data {content.place(packed[0])} meant? "
    named = listed([_name(names) for names in packed])
    return f"There are archives in it ({named}): unpack them first. " if packed else ""


def _examples(tree: Tree, layout: Layout, classes: Sequence[str]) -> tuple[Example, ...]:
    index = {label: i for i, label in enumerate(classes)}
    found = (
        Example(tree.path(names), _name(names), index[printable(label)], part)
        for label, names, part in layout.found
    )
    return tuple(sorted(found, key=lambda example: (example.name, str(example.path))))


def _unused(tree: Tree, left: Sequence[Left]) -> tuple[Unused, ...]:
    """What is not used, all of one reason together."""
    own = [Left("nobody's pictures", (), (names,)) for names in tree.own]
    reasons = dict.fromkeys(one.reason for one in (*left, *own))
    return tuple(
        _together(reason, [one for one in (*left, *own) if one.reason == reason])
        for reason in reasons
    )


def _together(reason: str, left: Sequence[Left]) -> Unused:
    files = sorted(_name(names) for one in left for names in one.files)
    alone = sorted(_name(names) for one in left if not one.folders for names in one.files)
    folders = sorted(f"{_name(names)}/" for one in left for names in one.folders)
    return Unused(reason, (*folders, *alone), tuple(files))


def _name(names: Names) -> str:
    return printable("/".join(names))
