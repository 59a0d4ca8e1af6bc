"""A user's folders of pictures: what is in them, and which folders, or which tables, tell classes.

The user's files are only ever read. Whether a file is a picture is asked only of folders in which
none is called like one; else the one pass that reads them (`training.features.extractor`) tells.
"""

import hashlib
from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Final

from models.errors import DataFolderError, ImageError, UsageError
from models.file_names import printable
from training.data.content import Content, Layout, Left
from training.data.doubts import remarks_on_names
from training.data.example import Example, ImageFolder, Part, Unused, read_file
from training.data.labels import name_tables, read_labels
from training.data.layout import LAYOUTS, find_layout
from training.data.names import are_pieces, is_container, listed
from training.data.relabelling import Given, relabel
from training.data.sources import Source, open_sources, place_of
from training.data.tree import Tree

_ARCHIVES: Final = (".zip", ".tar", ".tgz", ".gz", ".xz", ".bz2", ".7z", ".rar")

#: Written by the service's page into its archive of corrections, where names of classes may be no
#: names of folders; taken as if `--labels` had named it.
_CORRECTIONS: Final = ("corrections.csv",)


def scan_folder(root: Path, besides: Collection[Path] = ()) -> ImageFolder:
    """The same as `scan_folders` of one folder or archive without tables of labels."""
    return scan_folders((root,), besides)


def scan_folders(
    roots: Sequence[Path], besides: Collection[Path] = (), tables: Sequence[Path] = ()
) -> ImageFolder:
    """Finds the classes and the files of data folders, or of zip or tar archives.

    Args:
        roots: the folders or archives; classes of one name are one class.
        besides: folders that are nobody's, as the one to which runs are written.
        tables: of labels, which count for more than folders.

    Raises:
        DataFolderError: one does not exist or has no known layout, or there are fewer than two
            classes.
        UsageError: a table cannot be read, or is about other files.
    """
    sources = open_sources(roots, besides)
    given = _tables(sources, tables)
    if given:
        layouts, remarks = relabel(sources, [*map(_told_by_folders, sources)], given)
    else:
        layouts, remarks = _layouts(sources), ()
    layouts = _with_parts_alike(layouts)
    classes = tuple(sorted({printable(label) for one in layouts for label, _, _ in one.found}))
    if len(classes) < 2:
        raise DataFolderError(_no_two_classes(sources, classes, given))
    examples = _examples(sources, layouts, classes)
    remarks = (*(said for one in layouts for said in one.remarks), *remarks)
    return ImageFolder(
        place_of(sources),
        _words(sources, layouts),
        classes,
        examples,
        _unused(sources, layouts),
        (*remarks, *remarks_on_names(classes)),
        _reader([source.tree for source in sources]),
        _labels_digest(examples, classes) if given else "",
    )


def _tables(sources: Sequence[Source], paths: Sequence[Path]) -> list[Given]:
    """The tables of labels, those that were named last."""
    found = [
        Given(read_labels(source.tree.read_at(_CORRECTIONS, -1), place), source, place)
        for source in sources
        if _CORRECTIONS in source.tree.top.files
        for place in [source.name(_CORRECTIONS)]
    ]
    return found + [_table(sources, path) for path in paths]


def _table(sources: Sequence[Source], path: Path) -> Given:
    """A table by its path, which may lie in a source, and that in an archive."""
    whole = path.resolve()
    inside = [s for s in sources if s.tree.root.resolve() in whole.parents]
    source = max(inside, key=lambda one: len(one.tree.root.resolve().parts), default=None)
    names = whole.relative_to(source.tree.root.resolve()).parts if source else ()
    try:
        in_archive = (
            source is not None and source.tree.is_archive and names in set(source.tree.top.below())
        )
        data = source.tree.read_at(names, -1) if source and in_archive else read_file(path)
    except ImageError as error:
        raise UsageError(f"--labels {path}: {error}") from error
    labels = read_labels(data, printable(str(path)))
    return Given(labels, None, source.name(names) if source else "")


def _layouts(sources: Sequence[Source]) -> tuple[Layout, ...]:
    """What folders alone tell.

    Raises:
        DataFolderError: one of several tells nothing, or the only one may be of a table's classes.
    """
    layouts = tuple(find_layout(source.content) for source in sources)
    for source, layout in zip(sources, layouts, strict=True):
        # `images/` or `part_1/` are no classes where a table tells the classes of pictures.
        if _is_doubtful(layout) and (said := name_tables(source.tree)):
            raise DataFolderError(f"{source.content.place(())}: {said}{LAYOUTS}")
        if len(sources) > 1 and not layout.found:
            raise DataFolderError(_no_two_classes((source,), ()))
    return layouts


def _told_by_folders(source: Source) -> Layout | None:
    """The same, where a table tells what they do not."""
    try:
        layout = find_layout(source.content)
    except DataFolderError:
        return None
    return None if _is_doubtful(layout) or not layout.found else layout


def _is_doubtful(layout: Layout) -> bool:
    """Whether folders that would be classes are called as containers or pieces are."""
    labels = sorted({label for label, _, _ in layout.found})
    return len(labels) > 1 and (any(map(is_container, labels)) or are_pieces(labels))


def _with_parts_alike(layouts: Sequence[Layout]) -> tuple[Layout, ...]:
    """Where one source has parts, those that have none are learned from."""
    if not any(map(_has_parts, layouts)):
        return tuple(layouts)
    return tuple(one if _has_parts(one) else _as_train(one) for one in layouts)


def _has_parts(layout: Layout) -> bool:
    return any(part is not None for _, _, part in layout.found)


def _as_train(layout: Layout) -> Layout:
    part: Part = "train"
    found = tuple((label, names, part) for label, names, _ in layout.found)
    return replace(layout, words=f"{layout.words}, all to learn from", found=found)


def _no_two_classes(
    sources: Sequence[Source], classes: Sequence[str], given: Sequence[Given] = ()
) -> str:
    held = (
        f"holds one class only ({classes[0]}); telling apart takes two" if classes
        else "holds no classes"
    )  # fmt: skip
    if given:
        tables = listed([one.labels.table.place for one in given])
        return f"{place_of(sources)}: with the labels of {tables} it {held}"
    if len(sources) > 1:
        return f"{place_of(sources)}: together they {held.replace('holds', 'hold')}"
    (source,) = sources
    hint = _meant(source.content) or name_tables(source.tree)
    return f"{source.content.place(())} {held}. {hint}{LAYOUTS}"


def _meant(content: Content) -> str:
    """Where the classes could be instead."""
    tree = content.tree
    end = content.chain(tree.top)[-1]
    if len(content.pictured(end)) > 1 and not content.parts_in(end).complete:
        return f"Is --data {content.place(end.names)} meant? "
    packed = [names for names in tree.top.below() if names[-1].casefold().endswith(_ARCHIVES)]
    if len(packed) == 1 and not tree.is_archive:
        return f"Is --data {content.place(packed[0])} meant? "
    named = listed([printable("/".join(names)) for names in packed])
    return f"There are archives in it ({named}): unpack them first. " if packed else ""


def _words(sources: Sequence[Source], layouts: Sequence[Layout]) -> str:
    if len(sources) == 1:
        return layouts[0].words
    pairs = zip(sources, layouts, strict=True)
    return "; ".join(f"{source.content.place(())}: {layout.words}" for source, layout in pairs)


def _examples(
    sources: Sequence[Source], layouts: Sequence[Layout], classes: Sequence[str]
) -> tuple[Example, ...]:
    index = {label: i for i, label in enumerate(classes)}
    found = (
        Example(source.tree.path(names), source.name(names), index[printable(label)], part)
        for source, layout in zip(sources, layouts, strict=True)
        for label, names, part in layout.found
    )
    return tuple(sorted(found, key=lambda example: (example.name, str(example.path))))


def _unused(sources: Sequence[Source], layouts: Sequence[Layout]) -> tuple[Unused, ...]:
    """What is not used, all of one reason together."""
    left = [
        (source, one)
        for source, layout in zip(sources, layouts, strict=True)
        for one in layout.left
    ]
    left += [
        (source, Left("nobody's pictures", (), (names,)))
        for source in sources
        for names in source.tree.own
    ]
    reasons = dict.fromkeys(one.reason for _, one in left)
    return tuple(_together(reason, left) for reason in reasons)


def _together(reason: str, left: Sequence[tuple[Source, Left]]) -> Unused:
    these = [(source, one) for source, one in left if one.reason == reason]
    files = sorted(source.name(names) for source, one in these for names in one.files)
    alone = sorted(s.name(names) for s, one in these if not one.folders for names in one.files)
    folders = sorted(f"{source.name(n)}/" for source, one in these for n in one.folders)
    return Unused(reason, (*folders, *alone), tuple(files))


def _reader(trees: Sequence[Tree]) -> Callable[[Path], bytes]:
    """The bytes of a file, by its path, from the source that it is in."""
    if len(trees) == 1:
        return trees[0].read
    # An archive may lie in a folder that is given too: the longer path first.
    deepest = sorted(trees, key=lambda tree: -len(tree.root.parts))

    def read(path: Path) -> bytes:
        return next(tree for tree in deepest if path.is_relative_to(tree.root)).read(path)

    return read


def _labels_digest(examples: Sequence[Example], classes: Sequence[str]) -> str:
    """SHA-256 over all files and their classes."""
    lines = sorted(f"{one.name}\n{classes[one.class_index]}\n" for one in examples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()
