"""Whole runs on what people bring: parts with other things in them, archives, runs inside."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from models.errors import DataFolderError
from tests.training.conftest import ROOT, Run, draw, fill
from training.cli import main
from training.data.folder import scan_folder


def test_what_is_not_used_is_told_and_counted(
    train: Run, course_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(12):
        draw("cat", number).save(course_folder / "train" / f"cat_{number}.jpg")

    with caplog.at_level(logging.INFO):
        summary = train(course_folder)

    assert summary["left_out"]["count"] == 12
    assert summary["left_out"]["by_kind"] == {"not used": 12}
    assert "not used, in no class: train/cat_0.jpg" in caplog.text
    assert "(12 files)" in caplog.text


def test_runs_among_the_data_are_nobodys(train: Run, class_folder: Path) -> None:
    fill(class_folder / "runs" / "old", "emu", range(6))

    summary = train(class_folder, out=class_folder / "runs")

    assert list(summary["classes"]) == ["cat", "dog"]


@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_a_run_on_an_archive_is_that_on_its_folder_and_goes_on(
    train: Run, class_folder: Path, tmp_path: Path, kind: str
) -> None:
    plain = train(class_folder)
    packed = Path(shutil.make_archive(str(tmp_path / "pets"), kind, class_folder))

    summary = train(packed)
    run_folder = Path(summary["bundle"]).parent
    (run_folder / "summary.json").unlink()

    assert summary["data_digest"] == plain["data_digest"]
    assert summary["confusion"] == plain["confusion"]
    assert run_folder.parent.name == "pets"
    assert main(["--resume", str(run_folder)]) == 0


def test_no_path_is_wrong_use(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(["--data", ""])

    assert "argument --data: an empty path is none" in capsys.readouterr().err


def test_the_readmes_program_makes_a_folder_per_class_from_a_table(tmp_path: Path) -> None:
    for number in range(12):
        fill(tmp_path / "train", ("cat", "dog")[number % 2], range(number, number + 1))
    names = sorted(path.stem for path in (tmp_path / "train").iterdir())
    for name in names:
        (tmp_path / "train" / f"{name}.png").rename(tmp_path / "train" / f"{name}.jpg")
    rows = [f"{name},{name[:3]}" for name in names]
    (tmp_path / "labels.csv").write_text("\n".join(["id,breed", *rows]))
    program = (ROOT / "README.md").read_text("utf-8").partition("import csv, ")[2]

    with pytest.raises(DataFolderError, match="in the README does it"):
        scan_folder(tmp_path)
    command = [sys.executable, "-c", f"import csv, {program.partition('```')[0]}"]
    subprocess.run(command, cwd=tmp_path, check=True)

    assert scan_folder(tmp_path / "by_class").classes == ("cat", "dog")
