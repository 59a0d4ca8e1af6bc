"""Which class was taken for which: a matrix of few classes, the commonest pairs of many."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np

from training.evaluation import Evaluation

#: More classes than this make a table that nobody can read.
_MOST_CLASSES: Final = 12

_MOST_PAIRS: Final = 12


@dataclass(frozen=True)
class Pair:
    """Pictures of one class that were taken for another: `count` of all `total` of it."""

    true: str
    answered: str
    count: int
    total: int


@dataclass(frozen=True)
class Cell:
    """A place in the matrix in which there is something.

    Attributes:
        row: the true class.
        column: the answered one.
        count: of pictures.
        share: of those of its row, of one.
    """

    row: int
    column: int
    count: int
    share: float


@dataclass(frozen=True)
class Confusions:
    """The matrix of K classes, for people.

    Attributes:
        classes: K names.
        rows: all K x K cells, where they are few enough to be a table; else none.
        filled: those with a count, else.
        pairs: what is confused most often.
    """

    classes: tuple[str, ...]
    rows: Sequence[Sequence[Cell]]
    filled: Sequence[Cell]
    pairs: Sequence[Pair]


def confusions_of(evaluation: Evaluation) -> Confusions:
    """The matrix of an evaluation."""
    matrix, classes = evaluation.confusion, tuple(evaluation.classes)
    totals = matrix.sum(axis=1)

    def cell(row: int, column: int) -> Cell:
        count = int(matrix[row, column])
        return Cell(row, column, count, count / max(1, int(totals[row])))

    every = range(len(classes))
    is_small = len(classes) <= _MOST_CLASSES
    return Confusions(
        classes,
        [[cell(row, column) for column in every] for row in every] if is_small else (),
        () if is_small else [cell(int(row), int(column)) for row, column in np.argwhere(matrix)],
        [
            Pair(classes[one.row], classes[one.column], one.count, int(totals[one.row]))
            for one in (cell(*place) for place in _commonest(matrix))
        ],
    )


def _commonest(matrix: np.ndarray) -> list[tuple[int, int]]:
    wrong = matrix * (1 - np.eye(len(matrix), dtype=np.int64))
    order = np.argsort(-wrong, axis=None, kind="stable")[:_MOST_PAIRS]
    places = [divmod(int(place), len(matrix)) for place in order]
    return [place for place in places if wrong[place]]
