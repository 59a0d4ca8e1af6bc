"""What a run found, as a person reads it in a terminal."""

from typing import Final

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from training.evaluation import CONFIDENCE, Evaluation

#: Of a matrix that is wider than the terminal, so many of its mistakes are shown.
_MOST_MISTAKES: Final = 10

#: Wider than any terminal.
_ENDLESS: Final = 100_000


def print_evaluation(evaluation: Evaluation) -> None:
    """Prints accuracy with its interval, each class, and the confusion matrix.

    Where that is too wide, the commonest mistakes in its place; the whole is in `summary.json`.
    Class names are the user's: nothing in them is markup.
    """
    console = Console(highlight=False)
    low, high = evaluation.accuracy_interval
    console.print(
        f"\naccuracy {evaluation.accuracy:.1%} on {evaluation.count} held-out pictures "
        f"({CONFIDENCE:.0%} interval {low:.1%} to {high:.1%}); "
        f"always answering {evaluation.commonest} would reach {evaluation.commonest_accuracy:.1%}",
        markup=False,
        soft_wrap=True,
    )
    console.print(_class_table(evaluation))
    matrix = _confusion_table(evaluation)
    wide = console.options.update(width=_ENDLESS)
    if Measurement.get(console, wide, matrix).maximum <= console.width:
        console.print(matrix)
    elif evaluation.accuracy < 1:
        console.print(_mistakes_table(evaluation))


def _class_table(evaluation: Evaluation) -> Table:
    table = Table("class")
    for column in ("recall", "precision", "held-out pictures"):
        table.add_column(column, justify="right")
    for name, result in evaluation.classes.items():
        table.add_row(
            Text(name), _percent(result.recall), _percent(result.precision), str(result.count)
        )
    return table


def _confusion_table(evaluation: Evaluation) -> Table:
    table = Table("true \\ answered")
    for name in evaluation.classes:
        table.add_column(Text(name), justify="right")
    for name, row in zip(evaluation.classes, evaluation.confusion, strict=True):
        table.add_row(Text(name), *(str(count) for count in row))
    return table


def _mistakes_table(evaluation: Evaluation) -> Table:
    """The pairs of classes that are confused most often."""
    table = Table("true", "answered")
    table.add_column("held-out pictures", justify="right")
    names = list(evaluation.classes)
    mistakes = evaluation.confusion * (1 - np.eye(len(names), dtype=np.int64))
    for place in np.argsort(-mistakes, axis=None, kind="stable")[:_MOST_MISTAKES]:
        true, answered = np.unravel_index(place, mistakes.shape)
        if count := mistakes[true, answered]:
            table.add_row(Text(names[true]), Text(names[answered]), str(count))
    return table


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
