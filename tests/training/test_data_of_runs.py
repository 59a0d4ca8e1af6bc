"""Whole runs on what people bring: parts with other things in them, archives, runs inside."""

import logging
import shutil
from pathlib import Path

import pytest

from tests.conftest import TINY_BACKBONE
from tests.training.conftest import Run, draw, fill
from training.cli import main
from training.inventory.run_table import list_runs
from training.run_folder import read_json


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


def test_a_flat_folder_is_learned_from_by_its_table_and_goes_on(
    train: Run, class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    flat, table = tmp_path / "flat", tmp_path / "flat" / "labels.csv"
    flat.mkdir()
    for path in class_folder.rglob("*.png"):
        path.rename(flat / path.name)
    rows = [f"{path.stem},{path.name[:3]}" for path in sorted(flat.iterdir())]
    table.write_text("\n".join(["id,breed", *rows]))

    summary = train(flat, labels=(table,))
    run_folder = Path(summary["bundle"]).parent
    (run_folder / "summary.json").unlink()

    assert list(summary["classes"]) == ["cat", "dog"]
    assert main(["--resume", str(run_folder)]) == 0
    (run_folder / "summary.json").unlink()
    table.write_text("\n".join(["id,breed", *rows[:-1]]))
    assert main(["--resume", str(run_folder)]) == 2
    assert "or their labels, have changed since this run began" in capsys.readouterr().err


def test_labels_that_are_put_right_fit_the_head_anew_and_tell_the_difference(
    own_cache: Path,
    train: Run,
    class_folder: Path,
    learned_weights: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    wrong = class_folder / "dog" / "cat_00.png"
    (class_folder / "cat" / "cat_00.png").rename(wrong)
    options = {"weights": str(learned_weights), "precision": "int8"}
    before = train(class_folder, **options)
    table = Path(before["bundle"]).parent / "labels.csv"
    rows = table.read_text("utf-8-sig").replace("dog/cat_00.png,dog", "dog/cat_00.png,cat")
    table.write_text(rows.replace("dog/dog_03.png,dog", "dog/dog_03.png,"), "cp1252")

    with caplog.at_level(logging.INFO):
        after = train(class_folder, labels=(table,), **options)

    assert wrong.exists()
    assert own_cache.exists()
    assert {name: one["count"] for name, one in after["classes"].items()} == {"cat": 12, "dog": 11}
    assert "23 pictures were known from an earlier run" in caplog.text
    assert after["graph_digest"] == before["graph_digest"]
    assert after["difference"]["run"] == str(table.parent.resolve())
    assert (after["difference"]["pictures"], after["difference"]["relabelled"]) == (22, 1)
    assert "1 with another label are not compared" in caplog.text
    assert before["difference"] is None
    run_folder = Path(after["bundle"]).parent
    (run_folder / "summary.json").unlink()
    assert main(["--resume", str(run_folder)]) == 0
    assert read_json(run_folder / "summary.json")["graph_digest"] == after["graph_digest"]
    assert after["data_digest"] != before["data_digest"]


def test_a_run_on_several_folders_is_called_as_the_first_and_goes_on(
    class_folder: Path, tmp_path: Path
) -> None:
    fill(tmp_path / "more" / "emu", "emu", range(6))
    packed = shutil.make_archive(str(tmp_path / "packed"), "zip", tmp_path / "more")
    out = tmp_path / "runs"
    given = ["--data", str(class_folder), "--data", packed, "--out", str(out)]

    assert main([*given, "--backbone", TINY_BACKBONE, "--weights", "none"]) == 0

    (summary,) = out.glob("pets/*/summary.json")
    found = read_json(summary)
    assert list(found["classes"]) == ["cat", "dog", "emu"]
    assert found["settings"]["data"] == [str(class_folder), packed]
    assert found["model"].startswith("pets")  # or pets-2, where another test was
    summary.unlink()
    assert main(["--resume", str(summary.parent)]) == 0
    assert read_json(summary)["data_digest"] == found["data_digest"]
    assert list_runs(out) == 0
