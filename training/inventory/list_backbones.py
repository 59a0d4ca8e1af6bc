"""`train-transfer --list-backbones`: what `--backbone` takes, for a person or for the next program.

In a terminal a table. In a pipe one line for each backbone, columns separated by tabs, no heading:
name, millions of parameters, input height and width, whether its weights are on this machine. How
many are left out is said beside it, on standard error.
"""

import os
import sys

from rich.console import Console
from rich.table import Table as Columns

from models.errors import BackboneError
from training.inventory.backbone_table import Row, Table, read_table


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
    try:
        _print(shown)
    except BrokenPipeError:
        # `| head` has seen enough; Python would complain once more when it closes the pipe.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    print(_remarks(table, len(shown)), file=sys.stderr)
    return 0


def _print(rows: list[Row]) -> None:
    console = Console(highlight=False)
    if console.is_terminal:
        console.print(_columns(rows))
    else:
        for row in rows:
            print(*_cells(row), sep="\t")
        sys.stdout.flush()


def _columns(rows: list[Row]) -> Columns:
    columns = Columns("backbone")
    columns.add_column("parameters, millions", justify="right")
    columns.add_column("input, pixels", justify="right")
    columns.add_column("ImageNet weights")
    for row in rows:
        columns.add_row(*_cells(row))
    return columns


def _cells(row: Row) -> tuple[str, str, str, str]:
    weights = "none" if not row.source else "here" if row.weights_are_here else "to download"
    return row.name, f"{row.parameters / 1e6:.1f}", f"{row.height} x {row.width}", weights


def _remarks(table: Table, shown: int) -> str:
    remarks = f"{shown} backbones"
    if left_out := len(table.rows) - shown:
        remarks += (
            f"; {left_out} other names fit, but cannot show where they looked: their last feature "
            "map is not spatial (as in plain vision transformers)"
        )
    if not table.is_of_this_timm:
        remarks += f". The list was made with timm {table.timm_version}, which is not what is here"
    return remarks
