"""Where the result of a run goes to: a store that fails costs nothing else; the log is whole."""

import json
import logging
from collections.abc import Iterator
from pathlib import Path

import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore

from models import store
from tests.conftest import TINY_BACKBONE
from tests.training.moments import at
from training.cli import main


@pytest.fixture
def own_store(tmp_path: Path) -> Iterator[Path]:
    """An empty model store of a test's own."""
    place = tmp_path / "store"
    BentoMLContainer.model_store.set(ModelStore(place))
    yield place
    BentoMLContainer.model_store.reset()


def spoil(place: Path) -> None:
    """Nobody can write there any more, not even root."""
    place.rename(place.with_name("away"))
    place.touch()


def tiny(data: Path, out: Path) -> list[str]:
    given = {"data": data, "out": out, "backbone": TINY_BACKBONE, "weights": "none"}
    return [f"--{option}={value}" for option, value in given.items()]


def test_a_store_that_cannot_be_written_ends_a_run_before_it_begins(
    own_store: Path, pets: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    own_store.touch()

    assert main(tiny(pets, tmp_path / "runs")) == 2

    assert "BENTOML_HOME" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_a_store_that_fails_at_the_end_costs_nothing_else_and_there_is_a_way_on(
    own_store: Path, pets: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    with at("putting the bundle into", lambda: spoil(own_store)):
        assert main(tiny(pets, tmp_path / "runs")) == 2

    (folder,) = tmp_path.glob("runs/*/*")
    assert f"train-transfer --resume {folder} goes on" in caplog.text
    assert {"bundle.onnx", "predictions.csv", "log.txt"} <= {p.name for p in folder.iterdir()}

    own_store.unlink()
    assert main(["--resume", str(folder)]) == 0
    assert store.get("pets").tag == json.loads((folder / "summary.json").read_text())["model"]


@pytest.mark.usefixtures("own_store")
def test_the_log_is_whole_and_other_classes_are_a_warning(
    class_folder: Path, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    assert main(tiny(class_folder, tmp_path / "first")) == 0
    (class_folder / "dog").rename(class_folder / "emu")

    assert main(tiny(class_folder, tmp_path / "second")) == 0

    (log,) = tmp_path.glob("second/*/*/log.txt")
    said = log.read_text("utf-8")
    wanted = (
        "starting", "a folder per class", "classes: cat (12), emu (12)",
        "WARNING the model store already has pets:", "weights: NONE", "\naccuracy ", "recall",
        "bundle: ",
    )  # fmt: skip
    places = [said.find(words) for words in wanted]
    assert -1 not in places
    assert places == sorted(places)
