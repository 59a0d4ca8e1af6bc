"""What a run found as tables, for a spreadsheet or the next program."""

from pathlib import Path

from training.report.record import Judged
from training.run_folder import write_rows


def write_predictions(path: Path, judged: Judged) -> None:
    """Writes every held-out picture's answer.

    Raises:
        OutputError: the file cannot be written.
    """
    classes = judged.classes
    rows = zip(judged.examples, judged.probabilities, judged.answers, strict=True)
    write_rows(
        path,
        ("file", "true", "answered", *classes),
        [
            (e.name, classes[e.class_index], classes[answer], *row.round(6).tolist())
            for e, row, answer in rows
        ],
    )
