"""What a run found as tables, for a spreadsheet or the next program."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np

from models.cells import as_cell, as_file_cell
from training.data.example import EMPTY_LABEL, Example, ImageFolder
from training.inspection.inspection import Inspection
from training.report.record import Answers
from training.run_folder import write_rows

#: Digits of a probability behind the point.
_DIGITS: Final = 6


def write_predictions(path: Path, answers: Answers, classes: Sequence[str]) -> None:
    """Writes every picture's answer.

    The columns: file, true, answered, right, probability_of_true, part, and p(CLASS) of each class.

    Raises:
        OutputError: the file cannot be written.
    """
    rows = zip(answers.examples, answers.parts, answers.probabilities, strict=True)
    header = ("file", "true", "answered", "right", "probability_of_true", "part")
    write_rows(
        path,
        (*header, *(f"p({name})" for name in classes)),
        [_row(example, part, classes, row) for example, part, row in rows],
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
    example: Example, part: str, classes: Sequence[str], probabilities: np.ndarray
) -> list[object]:
    true, answer = example.class_index, int(probabilities.argmax())
    is_right = "true" if answer == true else "false"
    # In Python's own numbers: 0.9 in float32 has seventeen digits.
    shown = [round(float(probability), _DIGITS) for probability in probabilities]
    return [example.name, classes[true], classes[answer], is_right, shown[true], part, *shown]
