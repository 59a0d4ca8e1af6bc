"""Answers as CSV or JSON lines; Parquet, which needs its library, is `service.batch.parquet`."""

import csv
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from models.cells import as_cell, as_file_cell
from models.files import output_file
from service.batch.record import Columns, Record


def write_csv(path: Path, records: Iterable[Record], columns: Columns) -> None:
    """Writes a table that spreadsheets open as it is meant, whole or not at all (OutputError)."""
    with output_file(path) as file:
        text = io.TextIOWrapper(file, "utf-8-sig", "backslashreplace", newline="")
        writer = csv.writer(text)
        writer.writerow(columns.names)
        for record in records:
            writer.writerow([_cell(*pair) for pair in columns.values(record).items()])
        text.flush()
        text.detach()  # else it would be closed before it is whole


def write_jsonl(path: Path, records: Iterable[Record], columns: Columns) -> None:
    """Writes an object a line, by the same names, whole or not at all (OutputError)."""
    with output_file(path) as file:
        for record in records:
            line = json.dumps(columns.values(record), ensure_ascii=False)
            file.write(f"{line}\n".encode("utf-8", "backslashreplace"))


def _cell(column: str, value: Any) -> object:
    match value:
        case None:
            return ""
        case bool():
            return str(value).lower()
        case float():
            return f"{value:.7f}"
        case str() if column == "file":
            return as_file_cell(value)
        case str():
            return as_cell(value)
        case _:
            return as_cell("|".join(value))
