"""Tables are read by other programs as they were meant, whatever files and classes are called."""

import csv
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from models.errors import OutputError
from training.data.example import Example
from training.evaluation import evaluate
from training.report.record import Judged
from training.report.tables import write_predictions

NAMES = ("plain.png", "with, comma.png", 'a "quote".png', "Kätzchen – 猫.webp")


@pytest.fixture
def judged() -> Judged:
    classes, labels = ("nuts, and more", "screws"), np.array([0, 1, 0, 1])
    examples = [
        Example(Path(name), name, int(label), "test")
        for name, label in zip(NAMES, labels, strict=True)
    ]
    answers = np.array([[0.9, 0.1], [0.25, 0.75], [0.4, 0.6], [1 / 3, 2 / 3]], np.float32)
    return Judged(tuple(examples), "test", answers, evaluate(answers, labels, classes))


def test_every_held_out_picture_has_a_row(judged: Judged, tmp_path: Path) -> None:
    write_predictions(tmp_path / "predictions.csv", judged)

    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        header, *rows = csv.reader(file)
    assert header == ["file", "true", "answered", "right", "p(nuts, and more)", "p(screws)"]
    assert [row[0] for row in rows] == list(NAMES)
    assert rows[0][1:] == ["nuts, and more", "nuts, and more", "true", "0.9", "0.1"]
    assert rows[2][1:] == ["nuts, and more", "screws", "false", "0.4", "0.6"]
    assert rows[3][4:] == ["0.333333", "0.666667"]


def test_no_class_is_called_like_a_column(tmp_path: Path) -> None:
    classes = ("answered", "file", "p(true)", "right", "true")
    answers = np.eye(len(classes), dtype=np.float32)
    examples = tuple(Example(Path(n), n, i, "test") for i, n in enumerate(classes))
    judged = Judged(examples, "test", answers, evaluate(answers, np.arange(len(classes)), classes))

    write_predictions(tmp_path / "predictions.csv", judged)

    with (tmp_path / "predictions.csv").open(encoding="utf-8-sig", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows[0]) == 4 + len(classes)
    assert [row["true"] for row in rows] == [row["answered"] for row in rows] == list(classes)
    assert {row["right"] for row in rows} == {"true"}
    assert [float(row[f"p({row['true']})"]) for row in rows] == [1.0] * len(classes)


def test_a_table_that_cannot_be_written_is_a_sentence(judged: Judged, tmp_path: Path) -> None:
    with pytest.raises(OutputError, match=r"predictions\.csv cannot be written"):
        write_predictions(tmp_path / "nowhere" / "predictions.csv", judged)


def test_answers_are_the_likeliest_classes(judged: Judged) -> None:
    assert judged.classes == ("nuts, and more", "screws")
    assert judged.answers.tolist() == [0, 1, 1, 1]
    assert replace(judged, probabilities=1 - judged.probabilities).answers.tolist() == [1, 0, 0, 0]
