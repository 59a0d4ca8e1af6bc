"""Labels from tables in the place of those that folders tell. The user's files stay as they are.

A table either puts some pictures right that lie in folders called like classes, or is all that
there is to tell classes: then what it lacks has none.
"""

import unicodedata
from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Final

from models.archives import Names
from models.errors import UsageError
from models.file_names import has_suffix_of_a_picture, printable
from training.data.content import Layout, Left
from training.data.example import EMPTY_LABEL, Part
from training.data.labels import Labels
from training.data.names import listed, quoted
from training.data.sources import Source
from training.data.tables import Row, find_files

_LACKING: Final = "without a label in the table"


@dataclass(frozen=True)
class Given:
    """A table of labels, and where it lies among the sources.

    Attributes:
        labels: what stands in it.
        source: whose files it is about; None where it is about all.
        file: its own name, where it lies in a source.
    """

    labels: Labels
    source: Source | None = None
    file: str = ""

    @property
    def folder(self) -> str:
        """The name of its folder and `/`, empty at a top and outside."""
        above, slash, _ = self.file.rpartition("/")
        return above + slash


def relabel(
    sources: Sequence[Source], told: Sequence[Layout | None], tables: Sequence[Given]
) -> tuple[tuple[Layout, ...], tuple[str, ...]]:
    """Gives every file the label that a table has for it; a later table outdoes an earlier one.

    Args:
        sources: whose files they are.
        told: what the folders of each tell, None where that is nothing.
        tables: all of them.

    Returns:
        for each source what it holds; and sentences on what in tables is new or came to nothing.

    Raises:
        UsageError: a table says two things of a file, or names none that is here.
    """
    layouts = [
        layout or source.without_labels(with_parts=all(one.source is not source for one in tables))
        for source, layout in zip(sources, told, strict=True)
    ]
    files = [(s, _files_of(s, layout)) for s, layout in zip(sources, layouts, strict=True)]
    label_of: dict[str, str] = {}
    remarks: list[str] = []
    for given in tables:
        own = [file for source, some in files if given.source in (None, source) for file in some]
        found, gone = _assigned(own, given)
        label_of |= found
        remarks += _remark_on_gone(given, gone)
    by_table = [
        _is_by_table(s, layout, label_of) for s, layout in zip(sources, layouts, strict=True)
    ]
    by_folder = [one for one, is_it in zip(layouts, by_table, strict=True) if not is_it]
    classes = _Classes(label for layout in by_folder for label, _, _ in layout.found)
    label_of = {name: classes.called(label) for name, label in label_of.items()}
    if by_folder and classes.new:
        remarks.append(f"new by the tables of labels: {listed([*map(quoted, classes.new)])}")
    names = {given.file: given.labels.table.place for given in tables}
    changed = (
        _changed(source, layout, label_of, names, is_by_table=is_it)
        for source, layout, is_it in zip(sources, layouts, by_table, strict=True)
    )
    return tuple(changed), tuple(remarks)


@dataclass(frozen=True)
class _File:
    """A file by its name; `is_likely` where it is used already, or looks like a picture."""

    name: str
    is_likely: bool


def _files_of(source: Source, layout: Layout) -> list[_File]:
    used = [
        _File(source.name(names), bool(label) or has_suffix_of_a_picture(names))
        for label, names, _ in layout.found
    ]
    left = [_File(source.name(n), is_likely=False) for one in layout.left for n in one.files]
    return used + left


def _assigned(files: Sequence[_File], given: Given) -> tuple[dict[str, str], list[Row]]:
    """By the name of a file its label; and the rows for which there is no file.

    Raises:
        UsageError: of two rows for one file, or of a table that is about other files.
    """
    labels = given.labels
    waiting = list(zip(labels.table.rows, labels.given, strict=True))
    found: dict[str, tuple[Row, str]] = {}
    for is_likely in (True, False):
        names = [file.name for file in files if file.is_likely is is_likely]
        table = replace(labels.table, rows=tuple(row for row, _ in waiting))
        places = find_files(table, labels.column, names, given.folder)
        for (row, label), place in zip(waiting, places, strict=True):
            if place is not None:
                _add(found, names[place], row, label, given)
        waiting = [one for one, place in zip(waiting, places, strict=True) if place is None]
    if not labels.table.rows:
        raise UsageError(f"{labels.table.place}: there is no row below its headings")
    if not found:
        first = printable(waiting[0][0].cells[labels.column])
        raise UsageError(
            f"{labels.table.place}: none of its {len(waiting):,} rows names a file of the data "
            f"folder ({quoted(first)}, …)"
        )
    return {name: label for name, (_, label) in found.items()}, [row for row, _ in waiting]


def _add(found: dict[str, tuple[Row, str]], name: str, row: Row, label: str, given: Given) -> None:
    before, said = found.setdefault(name, (row, label))
    if said != label:
        raise UsageError(
            f"{given.labels.table.where(row)}: {name} is {label or 'left out'}, and "
            f"{said or 'left out'} in line {before.line}: which of the two?"
        )


def _remark_on_gone(given: Given, gone: Sequence[Row]) -> list[str]:
    if not gone:
        return []
    table, column = given.labels.table, given.labels.column
    shown = listed([quoted(printable(row.cells[column])) for row in gone[:3]])
    more = ", …" if len(gone) > 3 else ""
    rows = "1 row is" if len(gone) == 1 else f"{len(gone):,} rows are"
    return [f"{table.place}: {rows} about files that are not here ({shown}{more})"]


def _is_by_table(source: Source, layout: Layout, label_of: Mapping[str, str]) -> bool:
    """Whether its classes are the table's alone.

    So it is where folders tell none, and where the table, with other classes, has most files.
    """
    classes = {label for label, _, _ in layout.found}
    if "" in classes:
        return True
    said = [label_of.get(source.name(names), "").strip() for _, names, _ in layout.found]
    labels = {label for label in said if label}
    has_most = 2 * sum(map(bool, said)) >= len(said) or len(classes) < 2
    return bool(labels) and classes.isdisjoint(labels) and has_most


class _Classes:
    """Names of classes: what differs by spaces around, or in how accents are encoded, is one."""

    def __init__(self, known: Iterable[str]) -> None:
        self._known = {printable(label) for label in known}
        self._alike: dict[str, set[str]] = defaultdict(set)
        for label in self._known:
            self._alike[_normal(label)].add(label)
        self.new: list[str] = []

    def called(self, label: str) -> str:
        """A class by what a table calls it; empty where it calls none."""
        label = printable(label)
        if label in self._known:
            return label
        normal = _normal(label)
        if not normal:
            return ""
        alike = self._alike[normal]
        if len(alike) != 1:
            alike.add(normal)
            self._known.add(normal)
            self.new.append(normal)
            return normal
        (only,) = alike
        return only


def _normal(label: str) -> str:
    return unicodedata.normalize("NFC", label).strip()


def _changed(
    source: Source,
    before: Layout,
    label_of: Mapping[str, str],
    tables: Mapping[str, str],
    *,
    is_by_table: bool,
) -> Layout:
    """What a source holds with these labels.

    Args:
        source: whose files they are.
        before: what its folders tell.
        label_of: by the name of a file its class, empty where it is to be left out.
        tables: what tables are called, by the names of their own files.
        is_by_table: whether folders tell no class, so that a file without a label has none.
    """
    joined = _joined(source, before, label_of)
    found: list[tuple[str, Names, Part | None]] = []
    empty: list[Names] = []
    lacking: list[Names] = []
    others = 0
    for label, names, part in (*before.found, *joined):
        name, told = source.name(names), "" if is_by_table else printable(label)
        if new := label_of.get(name, told):
            found.append((new, names, part))
            others += new != told
        elif name not in tables:
            (empty if name in label_of else lacking).append(names)
    here = {names for _, names, _ in joined}
    left = [_without(one, here) for one in before.left]
    left += [Left(EMPTY_LABEL, tuple(empty)), Left(_LACKING, tuple(lacking))]
    places = listed(list(dict.fromkeys(tables.values())))
    words = (
        f"pictures with labels from {places}" if is_by_table
        else f"{before.words}; by {places} {others:,} are of another class, {len(empty):,} left out"
    )  # fmt: skip
    return replace(before, words=words, found=tuple(found), left=tuple(o for o in left if o.files))


def _joined(
    source: Source, before: Layout, label_of: Mapping[str, str]
) -> list[tuple[str, Names, Part | None]]:
    """Files in no class for which there is a label; where there are parts, these are in none."""
    if any(part for _, _, part in before.found):
        return []
    left = (names for one in before.left for names in one.files)
    return [("", names, None) for names in left if source.name(names) in label_of]


def _without(left: Left, used: Collection[Names]) -> Left:
    rest = tuple(names for names in left.files if names not in used)
    return left if len(rest) == len(left.files) else Left(left.reason, rest)
