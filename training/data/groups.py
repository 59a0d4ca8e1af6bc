"""Which pictures belong together: copies, near copies, and what the user says; never parted.

Whatever learns from one picture of a group knows something of the others.
"""

from collections.abc import Iterable, Sequence
from itertools import pairwise

import numpy as np
import numpy.typing as npt
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Rows = npt.NDArray[np.int64]


def join_groups(
    digests: Sequence[str],
    twins: Iterable[tuple[int, int]] = (),
    named: Sequence[str] = (),
) -> Rows:
    """The group of each picture: whatever is joined by a chain of any of the three.

    Args:
        digests: N, of the bytes of each; those with the same are one picture.
        twins: pairs of rows that show the same.
        named: N names, of a patient, an object or a video; empty: none is known of that picture.

    Returns:
        int64 (N,), numbers from 0 in the order in which groups appear.
    """
    same = [*_in_chains(digests), *_in_chains(named), *twins]
    first, second = np.array(same, dtype=np.int64).reshape(-1, 2).T
    links = coo_array((np.ones(len(same), np.int8), (first, second)), (len(digests),) * 2)
    _, groups = connected_components(links, directed=False)
    _, places, numbers = np.unique(groups, return_index=True, return_inverse=True)
    return np.argsort(np.argsort(places))[numbers]


def _in_chains(names: Sequence[str]) -> list[tuple[int, int]]:
    """Pairs of neighbours among the rows of each name."""
    rows: dict[str, list[int]] = {}
    for row, name in enumerate(names):
        if name:
            rows.setdefault(name, []).append(row)
    return [pair for found in rows.values() for pair in pairwise(found)]
