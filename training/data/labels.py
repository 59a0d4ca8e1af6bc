"""Tables of labels: which label a row gives its file; where such tables lie."""

import re
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final

from models.archives import Names
from models.cells import text_of
from models.errors import ImageError, UsageError
from models.file_names import has_suffix_of_a_picture, printable
from training.data.names import listed
from training.data.tables import Row, Table, read_table
from training.data.tree import Tree

_TABLES: Final = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson")
_SHEETS: Final = (".xlsx", ".xls", ".ods", ".parquet", ".mat")
_READ: Final = (".csv", ".tsv", ".tab", ".txt")
_MOST_TABLES: Final = 20
_MOST_BYTES: Final = 64 * 1024

#: How tables call their columns; of two columns, the one that is not the file's is the label's.
_FILE: Final = (
    "file", "filename", "file name", "image", "image id", "image name", "image path", "img", "path",
    "filepath", "picture", "id",
)  # fmt: skip
_LABEL: Final = ("label", "labels", "class", "class name", "category", "target")
#: Columns of our own tables that are no labels; what else a second column is called is free.
_NO_LABEL: Final = ("why", "suggested", "group")
_SET: Final = frozenset(("1", "1.0", "true"))
_NOT_SET: Final = frozenset(("0", "0.0", "false", ""))


@dataclass(frozen=True)
class Labels:
    """A table of labels.

    Attributes:
        table: the table.
        column: which of its columns names files.
        given: for each row a label, empty where the picture is to be left out.
    """

    table: Table
    column: int
    given: tuple[str, ...]


def read_labels(data: bytes, place: str) -> Labels:
    """Reads a table of labels: a label a row, or a column for each class in which one is set.

    Raises:
        UsageError: it is no table, or does not say which column is which.
    """
    table = read_table(data, place)
    file = table.column(*_FILE)
    if file is None and len(table.columns) == 2 and not has_suffix_of_a_picture(table.columns[:1]):
        file = 0
    if file is None:
        raise UsageError(
            f"{place}: its first line ({listed(table.columns)}) is to be a line of headings, "
            "file,label; none of them is file"
        )
    label = table.column(*_LABEL)
    if label is None and len(table.columns) == 2 and table.column(*_NO_LABEL) is None:
        label = 1 - file
    if label is not None:
        return Labels(table, file, tuple(text_of(row.cells[label]) for row in table.rows))
    return Labels(table, file, _set_columns(table, file))


def _set_columns(table: Table, file: int) -> tuple[str, ...]:
    """Of each row the class whose column is set, empty where none is.

    Raises:
        UsageError: in some row several are, or something else stands there.
    """
    set_in = [_set_in(table, file, row) for row in table.rows]
    several = [(row, found) for row, found in zip(table.rows, set_in, strict=True) if found[1:]]
    if several:
        row, found = several[0]
        raise UsageError(
            f"{table.where(row)}: {listed(found)} are set, and {len(several):,} rows are such; a "
            "picture is of one class here. Leave one set, or none to leave the picture out"
        )
    return tuple(found[0] if found else "" for found in set_in)


def _set_in(table: Table, file: int, row: Row) -> list[str]:
    pairs = [
        (name, cell.strip().casefold())
        for position, (name, cell) in enumerate(zip(table.columns, row.cells, strict=True))
        if position != file
    ]
    for name, cell in pairs:
        if cell not in _SET | _NOT_SET:
            raise UsageError(
                f"{table.place} has the columns {listed(table.columns)}: which one is the label? "
                f"Call it label. (Or a column for each class, with 1 or 0; {table.where(row)} has "
                f"{printable(cell)[:40]} in {printable(name)})"
            )
    return [name for name, cell in pairs if cell in _SET]


def name_tables(tree: Tree) -> str:
    """A sentence that names the tables in which pictures are named; empty where there are none."""
    files = list(tree.top.below())
    pictures = [names[-1] for names in files if has_suffix_of_a_picture(names)]
    known = {*pictures, *(PurePath(name).stem for name in pictures)}
    tables = sorted((n for n in files if n[-1].casefold().endswith(_TABLES)), key=len)
    found = [names for names in tables[:_MOST_TABLES] if not known.isdisjoint(_words(tree, names))]
    found = found or [n for n in files if n[-1].casefold().endswith(_SHEETS)]
    if not found:
        return ""
    verb = "looks like a table" if len(found) == 1 else "look like tables"
    shown = listed([printable("/".join(names)) for names in found])
    readable = [names for names in found if names[-1].casefold().endswith(_READ)]
    options = " ".join(f"--labels {printable(str(tree.path(names)))}" for names in readable[:3])
    how = (
        f"{options} takes them" if options else "saved as CSV (file,label), --labels FILE takes it"
    )
    return f"{shown} {verb} of labels: {how}. "


def _words(tree: Tree, names: Names) -> set[str]:
    """What stands in the first lines of a table, cell by cell; of paths each part."""
    try:
        text = tree.read_at(names, _MOST_BYTES).decode("utf-8", "replace")
    except ImageError:
        return set()
    cells = [*re.split(r"[,;\t\r\n\"|]|: ", text), *text.split()]
    return {part for cell in cells for part in re.split(r"[/\\]", cell.strip())}
