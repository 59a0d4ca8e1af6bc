"""What a run found as tables, for a spreadsheet or the next program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from training.data.example import EMPTY_LABEL, Example, ImageFolder
from training.data.labels import as_cell, as_file_cell
from training.inspection.inspection import Inspection
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


def write_labels(path: Path, folder: ImageFolder, inspection: Inspection) -> None:
    """Writes `file,label,suggested,why` of every picture, those with a suspect label first.

    A person changes labels in a spreadsheet, and `--labels` reads them (`training.data.labels`).
    What was left out stays so, in whatever run the table is read next.

    Raises:
        OutputError: the file cannot be written.
    """
    label_of = {one.name: folder.classes[one.class_index] for one in folder.examples}
    suspects = {one.files[0]: one for one in inspection.of_kind("suspect_label")}
    rows = [
        (as_file_cell(name), *map(as_cell, (label_of[name], one.suggested, one.sentence)))
        for name, one in suspects.items()
    ]
    rows += [
        (as_file_cell(name), as_cell(label), "", "")
        for name, label in label_of.items()
        if name not in suspects
    ]
    rows += [
        (as_file_cell(name), "", "", EMPTY_LABEL)
        for unused in folder.unused
        if unused.reason == EMPTY_LABEL
        for name in unused.files
    ]
    write_rows(path, ("file", "label", "suggested", "why"), rows)


def _row(
    example: Example, classes: Sequence[str], probabilities: np.ndarray, answer: int
) -> list[object]:
    is_right = "true" if answer == example.class_index else "false"
    # In Python's own numbers: 0.9 in float32 has seventeen digits.
    shown = [round(float(probability), _DIGITS) for probability in probabilities]
    return [example.name, classes[example.class_index], classes[answer], is_right, *shown]
