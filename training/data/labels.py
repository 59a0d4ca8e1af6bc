"""Tables that look like labels: not read, but named where classes are missed."""

import re
from pathlib import PurePath
from typing import Final

from models.errors import ImageError
from training.data.archives import Names
from training.data.names import listed, printable
from training.data.tree import Tree, has_suffix_of_a_picture

_TABLES: Final = (".csv", ".tsv", ".tab", ".txt", ".json", ".jsonl", ".ndjson")
_SHEETS: Final = (".xlsx", ".xls", ".ods", ".parquet", ".mat")
_MOST_TABLES: Final = 20
_MOST_BYTES: Final = 64 * 1024


def name_tables(tree: Tree) -> str:
    """A sentence that names the tables in which pictures are named; empty where there are none."""
    files = list(tree.top.below())
    pictures = [names[-1] for names in files if has_suffix_of_a_picture(names)]
    known = {*pictures, *(PurePath(name).stem for name in pictures)}
    tables = sorted((n for n in files if n[-1].casefold().endswith(_TABLES)), key=len)
    found = [
        printable("/".join(names))
        for names in tables[:_MOST_TABLES]
        if not known.isdisjoint(_words(tree, names))
    ] or [printable("/".join(n)) for n in files if n[-1].casefold().endswith(_SHEETS)]
    if not found:
        return ""
    verb = "looks like a table" if len(found) == 1 else "look like tables"
    return (
        f"{listed(found)} {verb} of labels; those are not read: make a folder per class "
        "(a program of five lines in the README does it). "
    )


def _words(tree: Tree, names: Names) -> set[str]:
    """What stands in the first lines of a table, cell by cell; of paths each part."""
    try:
        text = tree.read_at(names, _MOST_BYTES).decode("utf-8", "replace")
    except ImageError:
        return set()
    cells = [*re.split(r"[,;\t\r\n\"|]|: ", text), *text.split()]
    return {part for cell in cells for part in re.split(r"[/\\]", cell.strip())}
