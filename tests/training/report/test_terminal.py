import io
import sys
from pathlib import Path

import numpy as np
import pytest

from models.terminal import run_command
from training.evaluation import evaluate
from training.inspection.finding import Finding
from training.inspection.inspection import Inspection
from training.report.terminal import append_evaluation, log_findings, print_evaluation


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


@pytest.mark.parametrize("code_page", ["cp1252", "ascii", "latin-1", "cp932", "utf-8"])
def test_a_console_of_any_code_page_shows_the_table(
    code_page: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also where a class was never answered, and where two names come out alike."""
    answers, names = np.eye(4, dtype=np.float32)[[0, 1, 1, 1]], ("кот", "猫", "ok", r"\u732b")
    written = io.BytesIO()
    monkeypatch.setattr(sys, "stdout", io.TextIOWrapper(written, encoding=code_page))

    def show() -> int:
        print_evaluation(evaluate(answers, np.arange(4), names))
        sys.stdout.flush()
        return 0

    assert run_command("bake", show, "no bread") == 0
    shown = written.getvalue().decode(code_page)
    assert "accuracy 50.0%" in shown
    assert ("猫" if code_page in ("utf-8", "cp932") else r"\u732b") in shown
    rows = [line for line in shown.splitlines() if line.startswith("| ")]
    assert code_page in ("utf-8", "cp932") or len({len(line) for line in rows[:5]}) == 1


def test_the_tables_stand_at_the_end_of_a_log(tmp_path: Path) -> None:
    path = tmp_path / "log.txt"
    path.write_text("a line\n")

    append_evaluation(path, evaluate(np.eye(2, dtype=np.float32), np.arange(2), ("猫", "dog")))

    said = path.read_text("utf-8")
    assert said.startswith("a line\n\naccuracy 100.0%")
    assert "│ 猫" in said


def test_of_each_kind_of_finding_the_first_is_said_and_the_rest_counted(
    caplog: pytest.LogCaptureFixture,
) -> None:
    found = [Finding("blurred", (f"{n}.png",), 0.5, f"{n}.png is blurred") for n in range(3)]

    log_findings(Inspection(tuple(found)))

    (said,) = caplog.messages
    assert "0.png is blurred" in said
    assert "3" in said
