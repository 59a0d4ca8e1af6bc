"""Answers against those of an earlier run: paired, on pictures whose label is the same."""

from pathlib import Path

import pytest

from training.report.difference import compare_with_run
from training.report.record import Difference
from training.run_folder import write_json, write_rows

NAMES = tuple(f"{number}.png" for number in range(40))


def run_with(folder: Path, answered: dict[str, str]) -> Path:
    """A run that told 0.9, over pictures that were all cats."""
    rows = [(name, "cat", answer) for name, answer in answered.items()]
    write_rows(folder / "predictions.csv", ("file", "true", "answered"), rows)
    write_json(folder / "summary.json", {"accuracy": 0.9})
    return folder


def compared(run: Path, answers: dict[str, tuple[str, str]]) -> Difference:
    found = compare_with_run(run, answers, {name: row for row, name in enumerate(NAMES)})
    assert found is not None
    return found


def test_answers_that_became_right_are_a_gain_with_its_interval(tmp_path: Path) -> None:
    run = run_with(tmp_path, {name: "dog" if name in NAMES[:10] else "cat" for name in NAMES})

    found = compared(run, dict.fromkeys(NAMES, ("cat", "cat")))

    assert (found.accuracy_told, found.pictures, found.relabelled) == (0.9, 40, 0)
    assert (found.accuracy, found.accuracy_before, found.gain) == (1.0, 0.75, 0.25)
    assert 0 < found.gain_interval[0] < 0.25
    assert found.gain_interval[1] == pytest.approx(0.25)
    assert "may be chance" not in found.sentence


def test_one_picture_more_may_be_chance(tmp_path: Path) -> None:
    run = run_with(tmp_path, {name: "dog" if name == NAMES[0] else "cat" for name in NAMES})

    found = compared(run, dict.fromkeys(NAMES, ("cat", "cat")))

    assert found.gain_interval[0] < 0 < found.gain_interval[1]
    assert "+2.5 points (95% interval" in found.sentence
    assert "which may be chance" in found.sentence


def test_pictures_that_were_put_right_are_counted_and_not_compared(tmp_path: Path) -> None:
    run = run_with(tmp_path, {name: "dog" if name in NAMES[:10] else "cat" for name in NAMES})
    put_right = {name: ("dog", "dog") if name in NAMES[:10] else ("cat", "cat") for name in NAMES}

    found = compared(run, put_right)

    assert (found.pictures, found.relabelled) == (30, 10)
    assert (found.accuracy, found.accuracy_before) == (1.0, 1.0)
    assert "were then: the same ones. 10 with another label are not compared" in found.sentence


def test_nothing_in_common_and_nothing_to_read_is_no_difference(tmp_path: Path) -> None:
    answers = {"other.png": ("cat", "cat")}

    assert compare_with_run(tmp_path, answers, {}) is None
    assert compare_with_run(run_with(tmp_path, {"a.png": "cat"}), answers, {}) is None


def test_a_table_of_answers_that_somebody_has_changed_is_no_difference(tmp_path: Path) -> None:
    run = run_with(tmp_path, {"a.png": "cat"})
    write_rows(run / "predictions.csv", ("picture", "true", "answered"), [("a.png", "cat", "cat")])

    assert compare_with_run(run, {"a.png": ("cat", "cat")}, {"a.png": 0}) is None


def test_settings_that_differ_are_named(tmp_path: Path) -> None:
    run = run_with(tmp_path, dict.fromkeys(NAMES, "cat"))
    answers = dict.fromkeys(NAMES, ("cat", "cat"))

    found = compare_with_run(run, answers, dict.fromkeys(NAMES, 0), ("backbone", "seed"))

    assert found is not None
    assert found.sentence.endswith("not compared; other settings, too: backbone, seed")
    assert found.as_json()["other_settings"] == ["backbone", "seed"]
