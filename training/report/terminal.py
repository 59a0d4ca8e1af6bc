"""What a run found, as a person reads it in a terminal and as `summary.json` keeps it."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any, Final

import numpy as np
from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from training.evaluation import CONFIDENCE, Evaluation
from training.features.extractor import LeftOut

#: Of a matrix that is wider than the terminal, so many of its mistakes are shown.
_MOST_MISTAKES: Final = 10

#: Wider than any terminal.
_ENDLESS: Final = 100_000


def print_evaluation(evaluation: Evaluation) -> None:
    """Prints accuracy with its interval, each class, and the confusion matrix.

    Where that is too wide, the commonest mistakes in its place; the whole is in `summary.json`.
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


def evaluation_as_json(evaluation: Evaluation) -> dict[str, Any]:
    """The evaluation's part of `summary.json`."""
    return {
        "accuracy": evaluation.accuracy,
        "accuracy_interval": list(evaluation.accuracy_interval),
        "held_out": evaluation.count,
        "commonest_class": {
            "label": evaluation.commonest,
            "accuracy": evaluation.commonest_accuracy,
        },
        "classes": {name: asdict(result) for name, result in evaluation.classes.items()},
        "confusion": evaluation.confusion.tolist(),
    }


def left_out_as_json(left_out: Sequence[LeftOut]) -> dict[str, Any]:
    """The files that could not be read, counted by kind."""
    return {
        "count": len(left_out),
        "by_kind": dict(Counter(file.kind for file in left_out).most_common()),
        "files": [{"file": file.name, "reason": file.reason} for file in left_out],
    }


def _class_table(evaluation: Evaluation) -> Table:
    table = Table("class")
    for column in ("recall", "precision", "held-out pictures"):
        table.add_column(column, justify="right")
    for name, result in evaluation.classes.items():
        table.add_row(
            _plain(name), _percent(result.recall), _percent(result.precision), str(result.count)
        )
    return table


def _confusion_table(evaluation: Evaluation) -> Table:
    table = Table("true \\ answered")
    for name in evaluation.classes:
        table.add_column(_plain(name), justify="right")
    for name, row in zip(evaluation.classes, evaluation.confusion, strict=True):
        table.add_row(_plain(name), *(str(count) for count in row))
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
            table.add_row(_plain(names[true]), _plain(names[answered]), str(count))
    return table


def _plain(name: str) -> Text:
    """A class name is the user's: nothing in it is markup."""
    return Text(name)


def _percent(value: float | None) -> str:
    return "–" if value is None else f"{value:.1%}"
