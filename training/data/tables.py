"""Small tables that people write and spreadsheets save, read as they were meant.

CSV as RFC 4180 has it (https://www.rfc-editor.org/rfc/rfc4180), with commas, semicolons or tabs,
in UTF-8, UTF-16 or the Windows code page 1252. What cannot be read for certain is refused with its
place and its line: a row that is passed over is a picture that nobody misses.
"""

import codecs
import csv
import io
import unicodedata
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from models.errors import UsageError
from models.file_names import printable
from training.data.names import listed

_DELIMITERS: Final = (",", ";", "\t")
_MOST_BYTES: Final = 64 * 1024**2
_AS_CSV: Final = "save it as CSV UTF-8"


@dataclass(frozen=True)
class Row:
    """One row: the line of the file on which it begins, and as many cells as the table is wide."""

    line: int
    cells: tuple[str, ...]


@dataclass(frozen=True)
class Table:
    """What a table holds below its line of headings.

    Attributes:
        place: which file it is, for sentences.
        columns: the headings, without spaces around.
        rows: those that are not empty; cells as they stand there, spaces too.
    """

    place: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    def column(self, *names: str) -> int | None:
        """Which column has one of these headings, the first of them that is there.

        Case does not matter, nor whether words are joined by spaces or underscores.

        Raises:
            UsageError: two columns are called so.
        """
        columns = [_plain(column) for column in self.columns]
        for name in map(_plain, names):
            if columns.count(name) > 1:
                raise UsageError(f"{self.place}: two columns are called {name}")
            if name in columns:
                return columns.index(name)
        return None

    def where(self, row: Row) -> str:
        """A row's place, for a sentence."""
        return f"{self.place}, line {row.line}"


def read_table(data: bytes, place: str) -> Table:
    """Reads a table of at least two columns.

    Args:
        data: the bytes of its file.
        place: what the file is called in sentences.

    Raises:
        UsageError: it is no such table, or a row of it is not.
    """
    if len(data) > _MOST_BYTES:
        raise UsageError(f"{place}: {len(data):,} bytes are no small table")
    text = _decoded(data, place)
    readings, problems = [], []
    for delimiter in _delimiters(text):
        try:
            readings.append(_rows(text, delimiter))
        except csv.Error as error:
            problems.append(f"{error}")
    best = max(readings, key=_how_regular, default=[])
    if not best or len(best[0].cells) < 2:
        if problems:
            raise UsageError(f"{place}{problems[0]}: is a quotation mark missing, or one too many?")
        raise UsageError(
            f"{place}: a table of two columns at least, with a line of headings, has commas, "
            f"semicolons or tabs between its cells; there are none in its first line"
        )
    return _of_one_width(best, place)


def find_files(
    table: Table, column: int, names: Sequence[str], folder: str = ""
) -> tuple[int | None, ...]:
    """Which files the rows of a table are about.

    A table calls its files in one way: by the path below the data folder, by that below the
    table's own folder, by the name alone; all of these with the ending or without. The way is taken
    that finds most.

    Args:
        table: whose rows.
        column: which of its columns names files.
        names: N printable paths below the data folder, with "/" between folders.
        folder: where in the data folder the table lies, and `/`; empty where that is its top.

    Returns:
        for each row a position in `names`, None where there is no such file.

    Raises:
        UsageError: a row could mean several files.
    """
    called = [row.cells[column].removeprefix("./") for row in table.rows]
    best: list[list[int]] = [[] for _ in called]
    for way in (_path, _last, _stem_of_path, _stem_of_last):
        known: dict[str, list[int]] = defaultdict(list)
        for position, name in enumerate(names):
            known[way(_normal(name))].append(position)
        spelt = (called, [folder + name for name in called], [_from_windows(n) for n in called])
        for spelling in spelt:
            found = [_among(known, names, name) for name in spelling]
            if sum(map(bool, found)) > sum(map(bool, best)):
                best = found
        if all(best):
            break  # which of 200,000 files has which stem is no question any more
    for row, found_here in zip(table.rows, best, strict=True):
        if len(found_here) > 1:
            several = listed([names[position] for position in found_here], 3)
            raise UsageError(
                f"{table.where(row)}: {printable(row.cells[column])} could be {several}; "
                "give the path below the data folder"
            )
    return tuple(found_here[0] if found_here else None for found_here in best)


def _among(known: dict[str, list[int]], names: Sequence[str], called: str) -> list[int]:
    """The files of that name; of several that differ in how they are encoded, the same one."""
    found = known.get(_normal(called), [])
    same = [position for position in found if names[position] == called]
    return same or found


def _from_windows(name: str) -> str:
    return name.replace("\\", "/")


def _path(name: str) -> str:
    return name


def _last(name: str) -> str:
    return name.rpartition("/")[2]


def _stem_of_path(name: str) -> str:
    folder, slash, last = name.rpartition("/")
    return folder + slash + (last.rpartition(".")[0] or last)


def _stem_of_last(name: str) -> str:
    return _last(_stem_of_path(name))


def _normal(name: str) -> str:
    """Letters and their accents together, and no spaces around, which spreadsheets lose."""
    return unicodedata.normalize("NFC", name).strip()


def _plain(heading: str) -> str:
    return heading.casefold().replace("_", "").replace(" ", "").replace("-", "")


def _decoded(data: bytes, place: str) -> str:
    if data.startswith((b"PK\x03\x04", b"\xd0\xcf\x11\xe0", b"PAR1")):
        raise UsageError(f"{place} is a spreadsheet's own file; {_AS_CSV}")
    is_utf_16 = data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE))
    for encoding in ("utf-16",) if is_utf_16 else ("utf-8-sig", "cp1252"):
        try:
            text = data.decode(encoding)
        except UnicodeError:
            continue
        if "\0" not in text:
            return text
    raise UsageError(f"{place} is no text, or of an unknown encoding; {_AS_CSV}")


def _delimiters(text: str) -> Sequence[str]:
    """What may stand between cells; a spreadsheet can say it in a first line, `sep=;`."""
    first = text.lstrip("\r\n").partition("\n")[0].strip('\r"')
    said = first[4:] if first.casefold().startswith("sep=") else ""
    return (said,) if said in _DELIMITERS else _DELIMITERS


def _rows(text: str, delimiter: str) -> list[Row]:
    """All rows in which something stands.

    Raises:
        csv.Error: quotation marks are not as they should be; begins with the line.
    """
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    found: list[Row] = []
    line = 1
    try:
        for cells in reader:
            if any(cell.strip() for cell in cells) and not _says_delimiter(cells, found):
                found.append(Row(line, tuple(cells)))
            line = reader.line_num + 1
    except csv.Error as error:
        raise csv.Error(f", line {line}: {error}") from error
    return found


def _says_delimiter(cells: Sequence[str], before: Sequence[Row]) -> bool:
    return not before and cells[0].casefold().startswith("sep=") and not any(cells[1:])


def _how_regular(rows: Sequence[Row]) -> tuple[bool, float, int]:
    """How well a delimiter fits: rows as wide as their headings, and these as wide as may be."""
    if not rows:
        return False, 0.0, 0
    width = len(rows[0].cells)
    return width > 1, sum(len(row.cells) == width for row in rows) / len(rows), width


def _of_one_width(rows: Sequence[Row], place: str) -> Table:
    """The table, without the empty cells that spreadsheets leave out, or add, at a row's end.

    Raises:
        UsageError: a row holds more than the headings.
    """
    head, *below = rows
    columns = tuple(cell.strip() for cell in head.cells)
    while columns and not columns[-1]:
        columns = columns[:-1]
    width = len(columns)
    for row in below:
        if any(cell.strip() for cell in row.cells[width:]):
            raise UsageError(
                f"{place}, line {row.line}: {len(row.cells)} cells below {width} headings "
                f"({listed(columns)}); a name that holds a delimiter stands between quotation marks"
            )
    missing = ("",) * width
    return Table(
        place,
        columns,
        tuple(Row(row.line, (row.cells + missing)[:width]) for row in below),
    )
