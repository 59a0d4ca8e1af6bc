"""All backbones with their sizes, at once.

To ask every model takes a quarter of an hour, and to import timm seconds. So the answers stand in
`backbones.csv`, written by `scripts/measure_backbones.py` with the question that `--backbone` asks
too (`models.backbones.catalogue.measure`); a test compares them with the models. Whether weights
are on this machine is looked up when asked.
"""

import csv
import importlib.metadata
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from models.pretrained import cached_file

TABLE: Final = Path(__file__).with_name("backbones.csv")


@dataclass(frozen=True)
class Row:
    """What is known of a backbone.

    Attributes:
        name: what `--backbone` takes.
        parameters: how many it has without a last layer.
        usable: whether it can be a backbone; see `models.backbones.catalogue`.
        height: of the pictures that it takes unless told otherwise, pixels.
        width: the same.
        source: of its ImageNet weights, as `models.pretrained` takes it; empty where none exist.
    """

    name: str
    parameters: int
    usable: bool
    height: int
    width: int
    source: str

    @property
    def weights_are_here(self) -> bool:
        """Whether its ImageNet weights are on this machine."""
        return bool(self.source) and cached_file(self.source) is not None


@dataclass(frozen=True)
class Table:
    """Rows in natural order of their names, and the version of timm that they were made with."""

    rows: tuple[Row, ...]
    timm_version: str

    @property
    def is_of_this_timm(self) -> bool:
        """Whether timm is the one that the rows were made with."""
        return importlib.metadata.version("timm") == self.timm_version


def read_table(pattern: str = "*") -> Table:
    """Reads the rows whose names fit.

    Args:
        pattern: a shell pattern such as `resnet*`; without any of `*?[`, a part of the name.
    """
    pattern = pattern.lower()
    if not any(sign in pattern for sign in "*?["):
        pattern = f"*{pattern}*"
    with TABLE.open(encoding="utf-8", newline="") as file:
        version = file.readline().split()[-1]
        rows = [_row(row) for row in csv.DictReader(file) if fnmatchcase(row["name"], pattern)]
    return Table(tuple(rows), version)


def write_table(table: Table) -> None:
    """Writes what `read_table` reads."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# written by scripts/measure_backbones.py with timm {table.timm_version}\n")
        writer = csv.writer(file, lineterminator="\n")
        writer.writerow(("name", "parameters", "usable", "height", "width", "source"))
        for row in table.rows:
            usable = "yes" if row.usable else "no"
            writer.writerow((row.name, row.parameters, usable, row.height, row.width, row.source))


def _row(row: dict[str, str]) -> Row:
    return Row(
        row["name"],
        int(row["parameters"]),
        row["usable"] == "yes",
        int(row["height"]),
        int(row["width"]),
        row["source"],
    )
