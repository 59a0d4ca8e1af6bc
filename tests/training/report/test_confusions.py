"""What was taken for what."""

import numpy as np

from training.evaluation import Evaluation, evaluate
from training.report.confusions import confusions_of


def evaluation(labels: list[int], answers: list[int], classes: int) -> Evaluation:
    probabilities = np.eye(classes, dtype=np.float32)[answers]
    return evaluate(probabilities, np.array(labels), tuple(f"c{i}" for i in range(classes)))


def test_few_classes_are_a_whole_matrix() -> None:
    found = confusions_of(evaluation([0, 0, 0, 0, 1], [0, 0, 0, 1, 1], 3))

    assert [[cell.count for cell in row] for row in found.rows] == [[3, 1, 0], [0, 1, 0], [0, 0, 0]]
    assert [cell.share for cell in found.rows[0]] == [0.75, 0.25, 0]
    assert found.filled == ()


def test_many_classes_are_what_is_confused_most_often() -> None:
    found = confusions_of(evaluation([3, 3, 3, 5, 7], [4, 4, 3, 6, 7], 20))

    assert found.rows == ()
    pairs = [(one.true, one.answered, one.count, one.total) for one in found.pairs]
    assert pairs == [("c3", "c4", 2, 3), ("c5", "c6", 1, 1)]
    assert [(cell.row, cell.column) for cell in found.filled] == [(3, 3), (3, 4), (5, 6), (7, 7)]
