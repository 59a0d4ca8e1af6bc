"""What TensorBoard shows of a run, with which held-out pictures, and how it is opened."""

import io
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from matplotlib.figure import Figure
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures
from training.evaluation import evaluate
from training.report.record import Judged, Record
from training.report.tensorboard import (
    chosen_examples,
    drawn,
    drawn_names,
    how_to_open,
    log_to_tensorboard,
)


def judged(labels: list[int], answers: list[list[float]]) -> Judged:
    examples = [
        Example(Path(f"{i}.jpg"), f"{i}.jpg", label, "test") for i, label in enumerate(labels)
    ]
    probabilities = np.array(answers, np.float32)
    evaluation = evaluate(probabilities, np.array(labels), ("a $", "b"))
    return Judged(tuple(examples), probabilities, evaluation)


def test_the_surest_mistakes_come_first_and_then_the_classes_in_turn() -> None:
    right_a, right_b, unsure, sure = [0.9, 0.1], [0.2, 0.8], [0.6, 0.4], [0.99, 0.01]

    chosen = chosen_examples(
        judged([0, 0, 1, 1, 1, 1], [right_a, right_a, unsure, sure, right_b, right_b])
    )

    assert [example.name for example in chosen] == [f"{n}.jpg" for n in (3, 2, 0, 4, 1, 5)]


def test_mistakes_do_not_push_out_everything_else() -> None:
    chosen = chosen_examples(judged([1] * 40 + [0] * 40, [[0.9, 0.1]] * 80))

    assert [example.class_index for example in chosen] == [1] * 6 + [0] * 6


def test_class_names_of_any_script_are_drawn_without_a_warning() -> None:
    figure = Figure()
    figure.subplots().set_title("猫")

    (value,) = drawn("confusion", figure).value

    assert value.tag == "confusion"
    assert (value.image.width, value.image.height) == (640, 480)
    assert value.image.encoded_image_string.startswith(b"\x89PNG")


def test_names_that_can_be_drawn_are_drawn_as_they_are(caplog: pytest.LogCaptureFixture) -> None:
    assert drawn_names(["кот", "a $ b"]) == ["кот", r"a \$ b"]
    assert not caplog.messages


def test_names_in_letters_that_no_font_has_are_told_apart_by_numbers(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert drawn_names(["dog", "猫", "犬"]) == ["1 dog", "2 猫", "3 犬"]

    (line,) = caplog.messages
    assert "2 is 猫, 3 is 犬" in line
    assert "install a font" in line


def test_the_command_that_opens_it_can_be_pasted() -> None:
    assert how_to_open(Path("my runs")) == "tensorboard --logdir 'my runs'"


def shown_in(folder: Path) -> EventAccumulator:
    events = EventAccumulator(str(folder))
    events.Reload()
    return events


def test_settings_accuracy_confusion_and_heatmaps_are_shown(
    record: Record, session: Session, tmp_path: Path
) -> None:
    log_to_tensorboard(tmp_path, record, session, Pictures())

    events = shown_in(tmp_path)
    accuracy = events.Scalars("accuracy")[0].value
    assert accuracy == pytest.approx(record.judged.evaluation.accuracy)
    assert {"_hparams_/session_start_info", "_hparams_/session_end_info"} <= set(
        events.summary_metadata
    )
    for name in ("confusion", "heatmaps"):
        picture = events.Images(name)[0]
        assert picture.width > 200
        with Image.open(io.BytesIO(picture.encoded_image_string)) as image:
            assert np.ptp(np.asarray(image)) > 100


def test_a_picture_that_is_gone_costs_a_line(
    record: Record, session: Session, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    first, *rest = record.judged.examples
    gone = replace(first, path=tmp_path / "nowhere.png")
    judged = replace(record.judged, examples=(gone, *rest))

    log_to_tensorboard(tmp_path, replace(record, judged=judged), session, Pictures())

    told = f"{gone.name} is not shown in TensorBoard: the file cannot be opened: No such file"
    assert [message for message in caplog.messages if told in message] == caplog.messages
    assert shown_in(tmp_path).Images("heatmaps")


def test_a_matrix_of_very_many_classes_is_not_drawn(
    record: Record, session: Session, tmp_path: Path
) -> None:
    classes = tuple(f"class {number}" for number in range(41))
    answers = np.eye(41, dtype=np.float32)[:4]
    evaluation = evaluate(answers, np.arange(4), classes)
    judged = Judged(record.judged.examples[:4], answers, evaluation)

    log_to_tensorboard(tmp_path, replace(record, judged=judged), session, Pictures())

    assert set(shown_in(tmp_path).Tags()["images"]) == {"heatmaps"}
