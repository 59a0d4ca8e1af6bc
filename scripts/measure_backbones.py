"""Writes training/inventory/backbones.csv: how large each backbone is, and whether it can be used.

To be run when timm's version changes; a quarter of an hour on two cores.

    python scripts/measure_backbones.py
"""

from models.backbones.catalogue import measure  # it makes timm importable
from models.backbones.licences import weights_of

# isort: split
from multiprocessing import get_context

import timm

from models.cores import granted_cores
from training.inventory.backbone_table import Row, Table, write_table


def main() -> None:
    """Asks every model, in as many processes as there are cores."""
    with get_context("spawn").Pool(granted_cores()) as pool:
        rows = pool.map(row_of, timm.list_models(), chunksize=8)
    write_table(Table(tuple(rows), timm.__version__))


def row_of(name: str) -> Row:
    """All that the table says of a backbone."""
    found, weights = measure(name), weights_of(name)
    return Row(name, found.parameters, found.usable, found.height, found.width, *weights)


if __name__ == "__main__":
    main()
