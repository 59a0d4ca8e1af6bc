"""Answers as Parquet, for programs that read columns of millions of rows."""

import base64
from collections.abc import Iterable
from itertools import islice
from pathlib import Path
from typing import Final

import pyarrow as pa
import pyarrow.parquet as pq

from models.files import output_file
from service.batch.record import Columns, Record

#: Of a row group: what is in memory at once.
_ROWS: Final = 8192


def write_parquet(path: Path, records: Iterable[Record], columns: Columns) -> None:
    """Writes a table with the columns of the others, whole or not at all (OutputError).

    A map is bytes here, its cells row by row.
    """
    schema = _schema(columns)
    with output_file(path) as file, pq.ParquetWriter(file, schema) as writer:
        waiting = iter(records)
        while some := list(islice(waiting, _ROWS)):
            rows = [dict(columns.values(record)) for record in some]
            for row in rows:
                for name in columns.of_map:
                    row[name] = row[name] and base64.b64decode(row[name])
            writer.write_table(pa.Table.from_pylist(rows, schema))


def _schema(columns: Columns) -> pa.Schema:
    kinds = {
        "probability": pa.float64(),
        "familiar": pa.bool_(),
        "prediction_set": pa.list_(pa.string()),
    }
    return pa.schema(
        [(name, kinds.get(name, pa.string())) for name in columns.plain]
        + [(name, pa.float64()) for name in columns.of_classes]
        + [(name, pa.binary()) for name in columns.of_map]
    )
