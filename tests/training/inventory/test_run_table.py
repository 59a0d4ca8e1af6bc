"""All runs below a folder, the best first, and those that did not end."""

import json
from pathlib import Path

import bentoml
import pytest

from models import store
from training.cli import main
from training.inventory.run_table import find_runs

NAME = "2026-11-27_10-20-30"


def run_folder(place: Path, accuracy: float | None, model: str = "", **settings: object) -> Path:
    place.mkdir(parents=True)
    (place / "settings.json").write_text(json.dumps({"backbone": "resnet18"} | settings))
    if accuracy is not None:
        told = {"backbone": "resnet18", "recipe": "frozen", "model": model, "accuracy": accuracy}
        interval = [accuracy - 0.1, accuracy + 0.05]
        (place / "summary.json").write_text(json.dumps({**told, "accuracy_interval": interval}))
    return place


def listed(place: Path, capsys: pytest.CaptureFixture[str]) -> list[list[str]]:
    assert main(["--list-runs", str(place)]) == 0
    return [line.split("\t") for line in capsys.readouterr().out.splitlines()]


def test_the_best_run_comes_first_and_what_did_not_end_last(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    run_folder(tmp_path / "a" / NAME, 0.5)
    run_folder(tmp_path / "b" / NAME, None)
    run_folder(tmp_path / "c" / NAME, 0.9)
    (run_folder(tmp_path / "d" / NAME, 0.9) / "summary.json").write_text("{")

    headings, *rows = listed(tmp_path, capsys)

    assert headings[:2] == ["run", "when"]
    assert [row[0][0] for row in rows[:2]] == ["c", "a"]
    assert rows[0][1:5] == ["2026-11-27 10:20", "resnet18", "frozen", "90.0% (80.0% to 95.0%)"]
    assert {row[3].partition(" ")[0].strip(";:") for row in rows[2:]} == {"unfinished", "broken"}


def test_a_run_says_what_has_become_of_its_bundle(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    tags = [store.put(b"a bundle", "listed").tag for _ in range(3)]
    for number, tag in enumerate(tags):
        run_folder(tmp_path / f"{number}", 0.5, tag)
    bentoml.models.delete(tags[0])

    rows = {row[0]: row[5:] for row in listed(tmp_path, capsys)[1:]}

    assert rows == {"0": [f"{tags[0]} (deleted)", ""], "1": [tags[1], "no"], "2": [tags[2], "yes"]}


def test_runs_of_another_command_and_other_folders_are_not_listed(tmp_path: Path) -> None:
    run_folder(tmp_path / "a" / "b", None, student="small")
    (tmp_path / "c" / "d").mkdir(parents=True)

    assert not list(find_runs(tmp_path))


@pytest.mark.parametrize("place", ["nowhere", "."])
def test_where_there_are_no_runs_a_sentence_says_so(
    place: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--list-runs", str(tmp_path / place)]) == 2

    assert "--list-runs: " in capsys.readouterr().err
