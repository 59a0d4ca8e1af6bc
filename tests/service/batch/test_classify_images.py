"""The command, from places to a table, as a person calls it; also when it is cut off."""

import csv
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

from models.places import Listing
from service.batch.cli import main
from tests.service.batch.conftest import draw
from tests.service.conftest import Served, wait_until

ROOT = Path(__file__).parents[3]


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8-sig", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def made(photos: Path, bundle_file: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with all that one call can make."""
    out = tmp_path_factory.mktemp("made")
    options = ["--heatmaps", f"{out}/heat", "--sort-into", f"{out}/sorted", "--maps"]
    assert not main([str(photos), "--model", str(bundle_file), "--out", f"{out}/a.csv", *options])
    return out


def test_each_file_has_a_row_with_its_answer_or_its_error(made: Path, photos: Path) -> None:
    found = rows(made / "a.csv")

    assert [row["file"] for row in found] == [file.name for file in Listing([str(photos)])]
    assert [row["file"] for row in found if row["error"]] == ["other/broken.jpg"]
    for row in found:
        settled = row["familiar"] == "true" and row["prediction_set"] == row["label"]
        assert row["decision"] == (row["label"] if settled else "")
    assert {row["familiar"] for row in found if row["label"]} <= {"true", "false"}
    assert not (made / "a.csv.parts").exists()


def test_answers_are_those_of_the_service(made: Path, photos: Path, served: Served) -> None:
    answered = [row for row in rows(made / "a.csv") if row["label"]]
    files = [("image", (row["file"], (photos / row["file"]).read_bytes())) for row in answered]

    reply = served.client.post("/classify", files=files).json()

    for row, expected in zip(answered, reply["predictions"], strict=True):
        assert row["label"] == expected["label"]
        assert row["prediction_set"].split("|") == expected["prediction_set"]
        for name, probability in expected["probabilities"].items():
            assert float(row[f"p({name})"]) == pytest.approx(probability, abs=1e-6)


def test_pictures_are_drawn_and_sorted(made: Path) -> None:
    drawn = list((made / "heat").iterdir())
    sorted_ = [path for path in (made / "sorted").rglob("*") if path.is_file()]

    assert len(drawn) == len(sorted_) == 24
    with Image.open(drawn[0]) as image:
        assert image.size == (48, 36)


def test_a_finished_result_is_not_written_over(
    made: Path, photos: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    before = (made / "a.csv").read_bytes()

    assert main([str(photos), "--out", f"{made}/a.csv"]) == 2
    assert "--overwrite makes it anew" in capsys.readouterr().err
    assert (made / "a.csv").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["{photos}", "--out", "a.xlsx"], "its ending is none of"),
        (["nowhere.jpg"], "no such file or folder"),
        (["{photos}", "--sort-into", "{photos}"], "a folder of its own"),
        (["{photos}", "--maps"], "a column of --out"),
        (["{photos}", "--engine", "ray"], "writes --out"),
    ],
)
def test_wrong_use_is_a_sentence(
    photos: Path, arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main([argument.format(photos=photos) for argument in arguments]) == 2
    assert words in capsys.readouterr().err


def test_few_are_told_in_a_table_and_folders_called_like_classes_are_judged(
    photos: Path, bundle_file: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert not main([str(photos), "--model", str(bundle_file)])

    said = capsys.readouterr().out
    assert "other/broken.jpg\t" in said
    assert "12 lie in folders that are called like classes" in said


def test_killed_and_called_again_it_gives_the_rows_of_an_unbroken_run(
    tmp_path: Path, bundle_file: Path
) -> None:
    many = draw(tmp_path / "many", 200)
    command = [str(many), "--model", str(bundle_file), "--out"]
    assert not main([*command, f"{tmp_path}/unbroken.jsonl"])
    cut, parts = tmp_path / "cut.jsonl", tmp_path / "cut.jsonl.parts"

    with subprocess.Popen(
        [sys.executable, "-m", "service.batch.cli", *command, cut], cwd=ROOT,
        stderr=subprocess.DEVNULL,
    ) as process:  # fmt: skip
        wait_until((parts / "00000000.jsonl").exists)
        os.kill(process.pid, signal.SIGKILL)
    assert not cut.exists()
    gone, changed = many / "nuts" / "0000.png", many / "nuts" / "0002.png"
    gone.unlink()
    changed.write_bytes(b"broken by now")
    (many / "nuts" / "0000a.png").write_bytes((many / "nuts" / "0004.png").read_bytes())
    assert not main([*command, str(cut)])

    expected, found = (
        [json.loads(line) for line in path.read_text("utf-8").splitlines()]
        for path in (tmp_path / "unbroken.jsonl", cut)
    )
    differing = {"nuts/0002.png", "nuts/0000a.png"}
    by_name = {row["file"]: row for row in found}
    assert len(by_name) == len(found) == 202
    assert by_name["nuts/0002.png"]["error"]
    assert by_name["nuts/0000a.png"]["label"]
    for row in expected:
        if row["file"] not in differing:
            assert by_name[row["file"]]["probability"] == pytest.approx(
                row["probability"], abs=1e-6
            )
    assert not parts.exists()


def test_the_command_imports_nothing_heavy_and_no_server() -> None:
    code = "import json, sys, service.batch.cli; print(json.dumps(sorted(sys.modules)))"

    output = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    ).stdout

    loaded = {name.split(".")[0] for name in json.loads(output)}
    assert "onnxruntime" in loaded
    heavy = {"torch", "timm", "scipy", "sklearn", "starlette", "bentoml", "pyarrow", "ray"}
    assert not loaded & (heavy | {"training"})
