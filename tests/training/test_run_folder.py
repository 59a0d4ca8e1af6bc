"""What stands in a run folder, and what a later version makes of it."""

import json
import logging
import platform
import sys
from importlib import metadata
from pathlib import Path

import pytest

from models.errors import OutputError, UsageError
from training.run_folder import (
    folds_of_earlier_runs,
    keeping_log,
    logged_to,
    make_run_folder,
    own_folds,
    package_versions,
    read_json,
    stored_settings,
    write_folds,
    write_json,
    write_rows,
)
from training.settings import TrainingSettings

#: As they were written while `--devices`, `--nodes` and `--image-size auto` were options.
OLD = {"data": "pets", "image_size": "auto", "seed": 3, "devices": 2, "nodes": 2, "out": "runs"}


def folder_with(folder: Path, name: str, content: object) -> Path:
    (folder / name).write_text(json.dumps(content))
    return folder


def test_settings_of_an_older_version_go_on_without_what_is_no_setting_any_more(
    tmp_path: Path,
) -> None:
    found = stored_settings(folder_with(tmp_path, "settings.json", OLD), TrainingSettings)

    assert found == TrainingSettings((Path("pets"),), seed=3)


def test_an_image_size_that_was_asked_for_is_what_the_answer_was(tmp_path: Path) -> None:
    folder_with(tmp_path, "view.json", {"image_size": 288})

    found = stored_settings(folder_with(tmp_path, "settings.json", OLD), TrainingSettings)

    assert found.image_size == 288


def test_a_run_over_a_folder_whose_name_is_no_unicode_goes_on(tmp_path: Path) -> None:
    folder = folder_with(tmp_path, "settings.json", {"data": "pets\udcff"})

    assert stored_settings(folder, TrainingSettings).data == (Path("pets\udcff"),)


@pytest.mark.parametrize("content", [[], {"seed": 1}, {"data": "x", "seed": "much"}])
def test_settings_that_are_not_as_they_were_written_are_refused(
    content: object, tmp_path: Path
) -> None:
    folder = folder_with(tmp_path, "settings.json", content)

    with pytest.raises(UsageError, match="is not as it was written"):
        stored_settings(folder, TrainingSettings)


def test_every_run_has_a_new_folder_even_within_a_second(tmp_path: Path) -> None:
    folders = {make_run_folder(tmp_path / "runs", "pets") for _ in range(3)}

    assert len(folders) == 3
    assert all(folder.parent == tmp_path / "runs" / "pets" for folder in folders)


def test_a_name_that_the_system_cannot_write_is_written_in_numbers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "getfilesystemencoding", lambda: "ascii")

    assert make_run_folder(tmp_path, "кот").parent.name == r"\u043a\u043e\u0442"


def test_a_place_that_cannot_be_written_is_a_sentence_with_the_option(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match="Name another folder with --out DIR"):
        make_run_folder(tmp_path / "file", "pets")


def test_the_log_of_a_run_holds_what_was_said_meanwhile_and_no_more(tmp_path: Path) -> None:
    log = logging.getLogger("a test")
    with logged_to(tmp_path):
        log.warning("while it lasts")
    log.warning("afterwards")

    said = (tmp_path / "log.txt").read_text("utf-8")
    assert said.endswith("WARNING while it lasts\n")


def test_the_log_begins_with_what_was_said_before_there_was_a_folder(tmp_path: Path) -> None:
    log = logging.getLogger("a test")
    with keeping_log():
        log.warning("the first line")
        with logged_to(tmp_path):
            log.warning("the second")
        log.warning("afterwards")

    said = (tmp_path / "log.txt").read_text("utf-8")
    assert [line.rpartition("WARNING ")[2] for line in said.splitlines()] == [
        "the first line",
        "the second",
    ]


def test_json_comes_back_as_it_was_written(tmp_path: Path) -> None:
    content = {"name": "Schräubchen\u2028", "odd": "\udcff", "shares": [0.5, None]}

    write_json(tmp_path / "found.json", content)

    assert read_json(tmp_path / "found.json") == content
    assert [path.name for path in tmp_path.iterdir()] == ["found.json"]


def test_json_that_is_broken_or_gone_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "broken.json").write_text("{")

    for name in ("broken.json", "gone.json"):
        with pytest.raises(UsageError, match=f"{name} is not as it was written"):
            read_json(tmp_path / name)


def test_a_table_survives_commas_quotes_and_newlines(tmp_path: Path) -> None:
    write_rows(tmp_path / "table.csv", ("file", "true"), [('a,"b"\n.png', "ä"), ("c", 1)])

    assert (tmp_path / "table.csv").read_bytes().decode("utf-8-sig") == (
        'file,true\r\n"a,""b""\n.png",ä\r\nc,1\r\n'
    )


def test_versions_name_what_is_installed_and_python() -> None:
    found = package_versions()

    assert found["python"] == platform.python_version()
    assert found["numpy"] == metadata.version("numpy")


def test_folds_are_those_of_the_newest_run_of_that_name_and_those_groups(tmp_path: Path) -> None:
    for stamp, fold in (("2026-01-01", 1), ("2026-01-02", 2)):
        (tmp_path / stamp).mkdir()
        write_folds(tmp_path / stamp, {"a": fold})
        (tmp_path / stamp / "settings.json").write_text('{"groups": null}')
    broken, new = tmp_path / "2026-01-03", tmp_path / "2026-01-04"
    for folder in (broken, new):
        folder.mkdir()
    (broken / "folds.json").write_text('{"a": 7}')

    assert folds_of_earlier_runs(new, None) == {"a": 2}
    assert folds_of_earlier_runs(new, "_([0-9])") == {}
    assert own_folds(new) == {}
    with pytest.raises(UsageError, match=r"folds\.json is not as it was written"):
        own_folds(broken)


def test_a_run_that_learned_with_folds_nobody_knows_does_not_go_on(tmp_path: Path) -> None:
    (tmp_path / "checkpoints").mkdir()

    with pytest.raises(UsageError, match="begun by an earlier version"):
        own_folds(tmp_path)
