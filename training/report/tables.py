"""What a run found as tables, for a spreadsheet or the next program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from training.data.example import Example
from training.report.record import Judged
from training.run_folder import write_rows

#: Digits of a probability behind the point.
_DIGITS: Final = 6


def write_predictions(path: Path, judged: Judged) -> None:
    """Writes every held-out picture's answer: file, true, answered, right, and p(CLASS) of each.

    Raises:
        OutputError: the file cannot be written.
    """
    classes = judged.classes
    rows = zip(judged.examples, judged.probabilities, judged.answers, strict=True)
    write_rows(
        path,
        ("file", "true", "answered", "right", *(f"p({name})" for name in classes)),
        [_row(example, classes, row, answer) for example, row, answer in rows],
    )


def _row(
    example: Example, classes: Sequence[str], probabilities: np.ndarray, answer: int
) -> list[object]:
    is_right = "true" if answer == example.class_index else "false"
    # In Python's own numbers: 0.9 in float32 has seventeen digits.
    shown = [round(float(probability), _DIGITS) for probability in probabilities]
    return [example.name, classes[example.class_index], classes[answer], is_right, *shown]
