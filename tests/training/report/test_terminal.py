import numpy as np
import pytest

from training.evaluation import evaluate
from training.report.terminal import print_evaluation


def _print(classes: int, monkeypatch: pytest.MonkeyPatch, width: int) -> None:
    """Judges answers that take every third picture of a class for the next class."""
    labels = np.repeat(np.arange(classes), 6)
    answers = np.where(np.arange(len(labels)) % 6 < 2, (labels + 1) % classes, labels)
    names = tuple(f"class \\[{number}]" for number in range(classes))
    monkeypatch.setenv("COLUMNS", str(width))
    print_evaluation(evaluate(np.eye(classes, dtype=np.float32)[answers], labels, names))


def test_a_matrix_is_shown_where_it_fits(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    _print(3, monkeypatch, width=80)

    found = capsys.readouterr().out

    assert "accuracy 66.7% on 18 held-out pictures" in found
    assert r"true \ answered" in found
    assert r"class \[2]" in found


@pytest.mark.parametrize("classes", [12, 40])
def test_where_a_matrix_does_not_fit_the_commonest_mistakes_are_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, classes: int
) -> None:
    _print(classes, monkeypatch, width=80)

    found = capsys.readouterr().out

    assert "true \\ answered" not in found
    assert "…" not in found
    mistakes = found.partition("answered")[2]
    assert mistakes.count(" 2 ") == 10
    assert r"class \[0]" in mistakes


def test_without_a_mistake_none_is_shown(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "20")
    labels = np.arange(4)

    print_evaluation(evaluate(np.eye(4, dtype=np.float32), labels, tuple("abcd")))

    assert "answered" not in capsys.readouterr().out
