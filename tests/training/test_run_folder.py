"""What stands in a run folder, and what a later version makes of it."""

import json
from pathlib import Path

import pytest

from models.errors import UsageError
from training.run_folder import stored_settings
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

    assert found == TrainingSettings(Path("pets"), seed=3)


def test_an_image_size_that_was_asked_for_is_what_the_answer_was(tmp_path: Path) -> None:
    folder_with(tmp_path, "view.json", {"image_size": 288})

    found = stored_settings(folder_with(tmp_path, "settings.json", OLD), TrainingSettings)

    assert found.image_size == 288


@pytest.mark.parametrize("content", [[], {"seed": 1}, {"data": "x", "seed": "much"}])
def test_settings_that_are_not_as_they_were_written_are_refused(
    content: object, tmp_path: Path
) -> None:
    folder = folder_with(tmp_path, "settings.json", content)

    with pytest.raises(UsageError, match="is not as it was written"):
        stored_settings(folder, TrainingSettings)
