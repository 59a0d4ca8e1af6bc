"""Tables are read by other programs as they were meant, whatever files and classes are called."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import OutputError
from training.data.example import Example
from training.data.folder import scan_folder, scan_folders
from training.data.tables import read_table
from training.evaluation import evaluate
from training.inspection.finding import Finding
from training.inspection.inspection import Inspection
from training.report.record import Answers, Judged
from training.report.tables import write_labels, write_predictions

NAMES = ("plain.png", "with, comma.png", 'a "quote".png', "Kätzchen – 猫.webp")
CLASSES = ("nuts, and more", "screws")
PARTS = ("fold 1", "fold 5", "train", "test")


def answers_of(names: tuple[str, ...], labels: list[int], probabilities: np.ndarray) -> Answers:
    examples = [Example(Path(n), n, label, None) for n, label in zip(names, labels, strict=True)]
    return Answers(tuple(examples), probabilities, (PARTS * len(names))[: len(names)])


@pytest.fixture
def answers() -> Answers:
    probabilities = [[0.9, 0.1], [0.25, 0.75], [0.4, 0.6], [1 / 3, 2 / 3]]
    return answers_of(NAMES, [0, 1, 0, 1], np.array(probabilities, np.float32))


def test_every_picture_has_a_row(answers: Answers, tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", answers, CLASSES)

    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header[:4] == ["file", "true", "answered", "right"]
    assert header[4:] == ["probability_of_true", "part", "p(nuts, and more)", "p(screws)"]
    assert [row[0] for row in rows] == list(NAMES)
    assert rows[0][1:] == [
        "nuts, and more",
        "nuts, and more",
        "true",
        "0.9",
        "fold 1",
        "0.9",
        "0.1",
    ]
    assert rows[2][1:] == ["nuts, and more", "screws", "false", "0.4", "train", "0.4", "0.6"]
    assert rows[3][4:] == ["0.666667", "test", "0.333333", "0.666667"]


def test_no_class_is_called_like_a_column(tmp_path: Path) -> None:
    classes = ("answered", "file", "p(true)", "right", "part")
    eye = np.eye(len(classes), dtype=np.float32)

    write_predictions(tmp_path / "predictions.csv", answers_of(classes, [*range(5)], eye), classes)

    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows[0]) == 6 + len(classes)
    assert [row["true"] for row in rows] == [row["answered"] for row in rows] == list(classes)
    assert {row["right"] for row in rows} == {"true"}
    assert [float(row[f"p({row['true']})"]) for row in rows] == [1.0] * len(classes)


HOSTILE = (
    "=cmd|'C calc'!A1", "-1", "a,b", 'a "b"', "'=x", "'", "two\nlines", "\u202etxt.exe", " a ",
)  # fmt: skip


def test_labels_come_back_from_their_table_whatever_files_and_classes_are_called(
    tmp_path: Path,
) -> None:
    root = tmp_path / "data"
    for name in HOSTILE:
        (root / name).mkdir(parents=True)
        (root / name / f"{name}.png").touch()
    folder = scan_folder(root)
    suspect = Finding("suspect_label", (folder.examples[-1].name,), 0.9, "-- why", "=cmd")

    write_labels(tmp_path / "labels.csv", folder, Inspection((suspect,)))

    again = scan_folders((root,), tables=(tmp_path / "labels.csv",))
    assert again.classes == folder.classes
    assert again.examples == folder.examples
    assert again.remarks == folder.remarks
    first, *rest = read_table((tmp_path / "labels.csv").read_bytes(), "labels.csv").rows
    assert first.cells[2:] == ("'=cmd", "'-- why")
    assert len(rest) == len(HOSTILE) - 1
    assert not any(cell.startswith(tuple("=+-@")) for row in rest for cell in row.cells)


def test_what_was_left_out_stays_so_in_the_next_table(class_folder: Path, tmp_path: Path) -> None:
    table, later = tmp_path / "labels.csv", tmp_path / "later.csv"
    table.write_text("file,label\ncat/cat_00.png,\ncat/cat_01.png,dog\n")
    folder = scan_folders((class_folder,), tables=(table,))

    write_labels(later, folder, Inspection(()))

    assert scan_folders((class_folder,), tables=(later,)).examples == folder.examples


def test_a_table_that_cannot_be_written_is_a_sentence(answers: Answers, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"predictions\.csv cannot be written"):
        write_predictions(tmp_path / "nowhere" / "predictions.csv", answers, CLASSES)


def test_answers_are_the_likeliest_classes(answers: Answers) -> None:
    labels = np.array([example.class_index for example in answers.examples])
    evaluation = evaluate(answers.probabilities, labels, CLASSES)

    judged = Judged(answers.examples, answers.probabilities, evaluation)

    assert judged.classes == CLASSES
    assert judged.answers.tolist() == [0, 1, 1, 1]
    assert replace(judged, probabilities=1 - judged.probabilities).answers.tolist() == [1, 0, 0, 0]
