"""Tables as people and spreadsheets write them: read as they were meant, or refused by line."""

import csv
import io

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.errors import UsageError
from models.file_names import printable
from training.data.tables import find_files, read_table

WRITTEN = "file,label\ncafé.jpg,chat\nb.jpg,chien\n"
ROWS = [("café.jpg", "chat"), ("b.jpg", "chien")]

cells = st.text(st.characters(exclude_characters="\0", codec="utf-8"), max_size=12)


def rows_of(data: bytes) -> list[tuple[str, ...]]:
    return [row.cells for row in read_table(data, "labels.csv").rows]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "cp1252"])
@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_what_spreadsheets_save_is_read_alike(encoding: str, delimiter: str, end: str) -> None:
    written = WRITTEN.replace(",", delimiter).replace("\n", end)

    assert rows_of(written.encode(encoding)) == ROWS


@pytest.mark.parametrize(
    "written",
    [
        "sep=;\nfile;label\ncafé.jpg;chat\nb.jpg;chien\n",
        '"file","label"\n"café.jpg","chat"\n"b.jpg","chien"',
        "file,label,,\ncafé.jpg,chat,,\n,,,\nb.jpg,chien,,\n,,,\n",
        "\n\n file , label \ncafé.jpg,chat\n\nb.jpg,chien\n",
    ],
)
def test_quirks_of_spreadsheets_change_nothing(written: str) -> None:
    table = read_table(written.encode(), "labels.csv")

    assert table.columns == ("file", "label")
    assert [row.cells for row in table.rows] == ROWS


def test_the_delimiter_is_the_one_by_which_rows_are_of_one_width() -> None:
    assert rows_of(b"file;label\na,b.jpg;cat\nc.jpg;dog, small\n") == [
        ("a,b.jpg", "cat"),
        ("c.jpg", "dog, small"),
    ]


def test_a_missing_last_cell_is_an_empty_one() -> None:
    assert rows_of(b"file,label\na.jpg,cat\nb.jpg\n")[1] == ("b.jpg", "")


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"", "two columns at least"),
        (b"a.jpg\nb.jpg\n", "two columns at least"),
        (b"PK\x03\x04...", "a spreadsheet's own file; save it as CSV UTF-8"),
        ("file,label\na,b".encode("utf-16-le"), "of an unknown encoding"),
        (b"file,label\n\na.jpg,cat,small\n", r"line 3: 3 cells below 2 headings \(file, label\)"),
        (b'file,label\na.jpg,cat\nb.jpg,"dog\nc.jpg,cat\n', "line 3: .*quotation mark"),
    ],
)
def test_what_is_no_table_is_refused_by_its_line(data: bytes, said: str) -> None:
    with pytest.raises(UsageError, match=f"labels.csv.*{said}"):
        read_table(data, "labels.csv")


def test_a_row_is_named_by_the_line_on_which_it_begins() -> None:
    table = read_table(b'file,label\n"two\nlines.jpg",cat\nb.jpg,dog\n', "labels.csv")

    assert [table.where(row) for row in table.rows] == ["labels.csv, line 2", "labels.csv, line 4"]


def test_a_heading_is_found_however_it_is_spelt() -> None:
    table = read_table(b"File Name,LABEL\na,b\n", "labels.csv")

    assert (table.column("file", "file_name"), table.column("label")) == (0, 1)
    assert table.column("group") is None


def test_a_heading_that_stands_twice_is_refused() -> None:
    with pytest.raises(UsageError, match="two columns are called label"):
        read_table(b"file,label,Label\na,b,c\n", "labels.csv").column("label")


@given(rows=st.lists(st.tuples(cells, cells, cells), min_size=1), delimiter=st.sampled_from(",;\t"))
def test_whatever_is_in_cells_comes_back(rows: list[tuple[str, ...]], delimiter: str) -> None:
    text = io.StringIO(newline="")
    writer = csv.writer(text, delimiter=delimiter, quoting=csv.QUOTE_ALL)
    writer.writerows([("file", "label", "why"), *rows])

    kept = [row for row in rows if any(cell.strip() for cell in row)]
    assert rows_of(text.getvalue().encode("utf-8-sig")) == kept


@given(data=st.binary() | st.text().map(lambda text: f"file,label\n{text}".encode()))
def test_any_bytes_are_a_table_or_a_sentence(data: bytes) -> None:
    lines = [""]
    try:
        table = read_table(data, "labels.csv")
    except UsageError as refusal:
        lines = str(refusal).splitlines()
    else:
        assert {len(row.cells) for row in table.rows} <= {len(table.columns)}
    assert len(lines) == 1


NAMES = ("cat/1.jpg", "cat/2.jpg", "dog/1.jpg", "dog/x.y.png", "dog/ü.png")


@pytest.mark.parametrize(
    ("called", "folder", "found"),
    [
        (("cat/1.jpg", "./dog/1.jpg", "cat/9.jpg"), "", (0, 2, None)),
        (("cat\\1.jpg", "dog\\x.y.png"), "", (0, 3)),
        (("1.jpg", "x.y.png"), "dog/", (2, 3)),
        (("2.jpg", "x.y.png", "gone.png"), "", (1, 3, None)),
        (("cat/1", "dog/x.y"), "", (0, 3)),
        (("2", "x.y"), "", (1, 3)),
        (("dog/u\u0308.png",), "", (4,)),
    ],
)
def test_a_table_calls_its_files_in_one_way(
    called: tuple[str, ...], folder: str, found: tuple[int | None, ...]
) -> None:
    table = read_table("\n".join(["file,label", *(f"{c},a" for c in called)]).encode(), "t.csv")

    assert find_files(table, 0, NAMES, folder) == found


def test_a_name_that_fits_several_files_is_refused() -> None:
    table = read_table(b"file,label\n2.jpg,a\n1.jpg,b\n", "t.csv")

    with pytest.raises(UsageError, match=r"line 3: 1\.jpg could be cat/1\.jpg, dog/1\.jpg; give"):
        find_files(table, 0, NAMES)


@given(names=st.lists(cells.map(printable).filter(bool), min_size=1, unique_by=str.strip))
def test_a_path_below_the_folder_finds_its_file(names: list[str]) -> None:
    text = io.StringIO(newline="")
    csv.writer(text, quoting=csv.QUOTE_ALL).writerows(
        [("file", "label"), *((n, "") for n in names)]
    )
    table = read_table(text.getvalue().encode(), "t.csv")

    rows = [name for name in names if name.strip()]
    found = find_files(table, 0, names)
    assert [names[position] for position in found if position is not None] == rows
