"""Which held-out pictures TensorBoard shows, and how it is opened."""

from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from training.data.folder import Example
from training.evaluation import evaluate
from training.report.record import Judged
from training.report.tensorboard import chosen_examples, drawn, how_to_open


def judged(labels: list[int], answers: list[list[float]]) -> Judged:
    examples = [
        Example(Path(f"{i}.jpg"), f"{i}.jpg", label, "test") for i, label in enumerate(labels)
    ]
    probabilities = np.array(answers, np.float32)
    evaluation = evaluate(probabilities, np.array(labels), ("a $", "b"))
    return Judged(tuple(examples), "test", probabilities, evaluation)


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


def test_the_command_that_opens_it_can_be_pasted() -> None:
    assert how_to_open(Path("my runs")) == "tensorboard --logdir 'my runs'"
