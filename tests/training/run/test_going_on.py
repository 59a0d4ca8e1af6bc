"""Pictures that go away, and runs that are cut off: they go on, and read no picture again."""

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from models.bundle import read_bundle
from models.session import Session
from models.signature import feature_maps_of
from tests.conftest import TINY_BACKBONE
from tests.training.conftest import ROOT, Run, draw_pets, trainer
from tests.training.moments import at
from tests.training.run.ended import Ended, ended
from training.cli import main
from training.data.pictures import Pictures
from training.features import extractor as pass_over_pictures
from training.finetuning.plan import FineTuningOptions


@pytest.fixture
def forgetful(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a folder of which nothing fits into memory."""
    monkeypatch.setattr("training.run.story.Pictures", partial(Pictures, keep_bytes=0))


@pytest.mark.usefixtures("forgetful")
@pytest.mark.parametrize("framing", ["squash", "auto"])
def test_pictures_that_go_away_after_the_pass_cost_a_run_a_line(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture, framing: str
) -> None:
    with at("fitting the head on", lambda: shutil.rmtree(class_folder)):
        found = ended(train(class_folder, framing=framing))

    assert "pictures cannot be read any more; torch and the file are" in caplog.text
    assert "is not shown in TensorBoard: the file cannot be opened" in caplog.text
    Session(read_bundle(found.folder / "bundle.onnx"), "cpu")
    assert found.summary["held_out"] == len(found.predictions.splitlines()) - 1 == 24


def test_pictures_that_fit_into_memory_are_not_missed(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with at("fitting the head on", lambda: shutil.rmtree(class_folder)):
        train(class_folder)

    assert "cannot be" not in caplog.text


def fine_tuning(data: Path, out: Path, weights: Path) -> list[str]:
    given = {"data": data, "out": out, "weights": weights, "backbone": TINY_BACKBONE}
    asked = {**given, "image-size": 64, "precision": "fp32", "epochs": 2}
    return ["--finetune", *(f"--{option}={value}" for option, value in asked.items())]


@pytest.mark.usefixtures("forgetful")
def test_pictures_that_go_away_while_fine_tuning_end_it_with_a_sentence_and_a_way_on(
    class_folder: Path,
    tmp_path: Path,
    learned_weights: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    away = tmp_path / "away"
    with at("epoch 1:", lambda: class_folder.rename(away)):
        code = main(fine_tuning(class_folder, tmp_path / "runs", learned_weights))

    (folder,) = tmp_path.glob("runs/*/*")
    said = capsys.readouterr().err.splitlines()[-1]
    assert code == 1
    assert said.startswith("train-transfer: ")
    assert ".png could be read before, and cannot any more: the file cannot be opened" in said
    assert "go on with --resume" in said
    assert (folder / "checkpoints" / "last.ckpt").exists()

    away.rename(class_folder)
    assert main(["--resume", str(folder)]) == 0
    summary = json.loads((folder / "summary.json").read_text("utf-8"))
    assert summary["fine_tuning"]["epochs"] == FineTuningOptions(epochs=2).epochs


@dataclass
class Counted:
    """How many pictures the network was shown."""

    shown: int = 0

    def feature_maps_of(self, session: Any, pixels: np.ndarray) -> np.ndarray:
        self.shown += len(pixels)
        return feature_maps_of(session, pixels)


@pytest.fixture
def counted(monkeypatch: pytest.MonkeyPatch) -> Counted:
    found = Counted()
    monkeypatch.setattr(pass_over_pictures, "feature_maps_of", found.feature_maps_of)
    return found


class CutOff(BaseException):
    """As the power does."""


def cut_off() -> None:
    raise CutOff


@pytest.fixture
def cut_off_run(pets: Path, tmp_path: Path, learned_weights: Path) -> Callable[[str], Path]:
    """The folder of a run that ended when the pass had, and did nothing more."""

    def _cut_off(precision: str) -> Path:
        asked = {"weights": str(learned_weights), "precision": precision}
        with at("fitting the head on", cut_off), pytest.raises(CutOff):
            trainer(tmp_path / "cut off")(pets, **asked)
        (folder,) = tmp_path.glob("cut off/*/*")
        return folder

    return _cut_off


@pytest.fixture(scope="module")
def unbroken(run_apart: Run, pets: Path, learned_weights: Path) -> dict[str, Ended]:
    """The same runs, left in peace."""
    asked = {"weights": str(learned_weights)}
    return {p: ended(run_apart(pets, **asked, precision=p)) for p in ("fp32", "int8")}


def goes_on(folder: Path, counted: Counted) -> Ended:
    """A run that goes on, and shows no picture to the network."""
    counted.shown = 0
    assert main(["--resume", str(folder)]) == 0
    assert counted.shown == 0
    return Ended(json.loads((folder / "summary.json").read_text("utf-8")), folder)


def test_a_run_whose_cache_was_deleted_goes_on_with_what_it_has_read(
    cut_off_run: Callable[[str], Path],
    own_cache: Path,
    counted: Counted,
    unbroken: dict[str, Ended],
) -> None:
    folder = cut_off_run("int8")
    assert counted.shown >= 24
    shutil.rmtree(own_cache)

    assert goes_on(folder, counted).predictions == unbroken["int8"].predictions


def test_a_run_whose_home_cannot_be_written_goes_on_with_what_it_has_read(
    cut_off_run: Callable[[str], Path],
    no_cache: Path,
    counted: Counted,
    unbroken: dict[str, Ended],
) -> None:
    folder = cut_off_run("fp32")
    assert counted.shown >= 24

    assert goes_on(folder, counted).predictions == unbroken["fp32"].predictions
    assert not no_cache.exists()


def test_a_run_whose_network_is_known_loads_no_torch(
    unbroken: dict[str, Ended], pets: Path, learned_weights: Path, tmp_path: Path
) -> None:
    """In a process of its own, for ours has loaded it."""
    heavy = ("torch", "timm", "torchvision", "lightning", "tensorflow")
    code = (
        "import json, sys; from training.cli import main; code = main(sys.argv[1:]); "
        f"print(json.dumps([code, *(m for m in {heavy} if m in sys.modules)]))"
    )
    asked = ["--backbone", TINY_BACKBONE, "--weights", learned_weights, "--precision", "int8"]
    paths = ["--data", pets, "--out", tmp_path / "runs"]
    command = [sys.executable, "-c", code, *map(str, [*asked, *paths])]

    done = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True)

    assert json.loads(done.stdout.splitlines()[-1]) == [0]
    (folder,) = (tmp_path / "runs").glob("*/*")
    assert Ended({}, folder).predictions == unbroken["int8"].predictions


@pytest.mark.slow
def test_a_picture_that_fits_into_memory_is_opened_once(opens: dict[str, dict[str, int]]) -> None:
    assert list(opens["all"].values()) == [1] * 80


@pytest.mark.slow
def test_a_picture_that_does_not_fit_is_opened_twice_and_so_many_once_more(
    opens: dict[str, dict[str, int]],
) -> None:
    """For its digest and the network. However many there are, 96 more say where the map lies.

    24 of each class are in the mean maps; the report shows as many of 80 at most, and some forty
    quantise, are compared with torch, or are drawn.
    """
    counts = list(opens["nothing"].values())

    assert len(counts) == 80
    assert min(counts) == 3
    assert sum(counts) <= 2 * 80 + 80 + 2 * 24 + 80 + 40


@pytest.fixture(scope="module")
def opens(
    tmp_path_factory: pytest.TempPathFactory, learned_weights: Path
) -> dict[str, dict[str, int]]:
    """How often a run that asks all there is to ask opened each picture."""
    root = tmp_path_factory.mktemp("opened")
    asked = [draw_pets(root / "pets", 40), learned_weights, root / "runs"]
    command = [sys.executable, "-m", "tests.training.opens", *map(str, asked)]
    cache = {"TRAIN_TRANSFER_CACHE": str(root / "cache")}
    found = subprocess.run(
        command, cwd=ROOT, env=os.environ | cache, check=True, stdout=subprocess.PIPE, text=True
    )
    counts: dict[str, dict[str, int]] = json.loads(found.stdout)
    return counts


def test_a_run_does_not_go_on_with_other_pictures_or_other_classes(
    train: Run, class_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    begun = Path(train(class_folder, precision="fp32", framing="squash")["bundle"]).parent
    (begun / "summary.json").unlink()
    moved = class_folder / "dog" / "cat_00.png"
    (class_folder / "cat" / "cat_00.png").rename(moved)

    assert main(["--resume", str(begun)]) == 2
    assert "have changed since this run began" in capsys.readouterr().err

    moved.rename(class_folder / "cat" / "cat_00.png")
    assert main(["--resume", str(begun)]) == 0
