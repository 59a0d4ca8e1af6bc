"""Tables: the same answers in all formats, and none that a spreadsheet computes."""

import base64
import csv
import json
from pathlib import Path

import pyarrow.parquet as pq

from service.batch.parquet import write_parquet
from service.batch.record import Columns, Record, record_from
from service.batch.tables import write_csv, write_jsonl

CLASSES = ("=1+1", "file")
CELLS = base64.b64encode(bytes(range(6))).decode()
RECORDS = [
    Record("=cmd.jpg", "1", "=1+1", 0.75, True, ("=1+1", "file"), "=1+1", "", (0.75, 0.25), CELLS),
    Record("caf\\xe9.jpg", "2", error="it is a PDF"),
]
COLUMNS = Columns(CLASSES, (2, 3))
HEADINGS = [
    "file", "label", "probability", "familiar", "prediction_set", "decision", "error", "p(=1+1)",
    "p(file)", "map(2x3)",
]  # fmt: skip


def test_a_record_is_what_its_line_says() -> None:
    assert [record_from(record.line()) for record in RECORDS] == RECORDS


def test_a_csv_is_for_spreadsheets_and_computes_nothing(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", RECORDS, COLUMNS)

    assert (tmp_path / "a.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    with (tmp_path / "a.csv").open(encoding="utf-8-sig", newline="") as file:
        headings, first, second = csv.reader(file)
    assert headings == HEADINGS
    assert first[:4] == ["./=cmd.jpg", "'=1+1", "0.7500000", "true"]
    assert first[4:7] == ["'=1+1|file", "'=1+1", ""]
    assert second == ["caf\\xe9.jpg", *[""] * 5, "it is a PDF", "", "", ""]


def test_json_lines_have_the_same_names(tmp_path: Path) -> None:
    write_jsonl(tmp_path / "a.jsonl", RECORDS, COLUMNS)

    first, second = map(json.loads, (tmp_path / "a.jsonl").read_text("utf-8").splitlines())
    assert list(first) == HEADINGS
    assert first["p(=1+1)"] == 0.75
    assert second["label"] is second["p(file)"] is None


def test_parquet_has_the_same_columns_and_maps_as_bytes(tmp_path: Path) -> None:
    write_parquet(tmp_path / "a.parquet", RECORDS, COLUMNS)

    first, second = pq.read_table(tmp_path / "a.parquet").to_pylist()
    assert list(first) == HEADINGS
    assert first["map(2x3)"] == bytes(range(6))
    assert first["prediction_set"] == ["=1+1", "file"]
    assert second["probability"] is None
