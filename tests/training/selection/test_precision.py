"""int8 is taken where it has earned its place, and what is exported is what was judged."""

import json
import logging
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from models.bundle import read_bundle
from models.preprocessing import read_pixels
from models.session import Session
from tests.conftest import TINY_BACKBONE
from tests.training.conftest import Run, fill
from training.cli import main
from training.selection.int8_against_fp32 import (
    AGREEMENT,
    CORRELATION,
    SPEEDUP,
    Compared,
    Earned,
    rank_correlation,
)


def earned(
    speedup: float = 3.0,
    agreement: float = AGREEMENT,
    correlation: float = CORRELATION,
    int8_log_loss: float = 0.3,
) -> Earned:
    log_loss = (0.3, int8_log_loss)
    return Earned(speedup, Compared(agreement, log_loss, 0.01, (0.9, 0.9), correlation))


@pytest.mark.parametrize(
    ("found", "words"),
    [
        (earned(SPEEDUP), ""),
        (earned(SPEEDUP - 0.01), "only 1.19 times as fast"),
        (Earned(3.0), "too few pictures"),
        (earned(agreement=0.962), "only 96.2 % of a sample alike"),
        (earned(correlation=0.71), "rank correlation 0.71"),
        (earned(int8_log_loss=0.305), ""),
        (earned(int8_log_loss=0.2), ""),
        (earned(int8_log_loss=0.32), "log loss on a sample is higher (0.320, fp32's 0.300)"),
    ],
)
def test_what_has_not_earned_its_place_is_refused_with_the_figure(
    found: Earned, words: str
) -> None:
    assert words in found.objection
    assert bool(found.objection) == bool(words)


def test_rank_correlation_of_heatmaps() -> None:
    rng = np.random.default_rng(0)
    maps = rng.random((5, 7, 7)).astype(np.float32)
    zero = np.zeros_like(maps)

    assert rank_correlation(maps, maps**3) == pytest.approx(1)
    assert rank_correlation(maps, 1 - maps) == pytest.approx(-1)
    assert abs(rank_correlation(maps, rng.random(maps.shape).astype(np.float32))) < 0.4
    assert rank_correlation(zero, zero) == 1
    assert rank_correlation(zero, maps) == 0


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_the_accuracy_is_that_of_the_exported_file(
    train: Run, class_folder: Path, learned_weights: Path, precision: str
) -> None:
    summary = train(class_folder, weights=str(learned_weights), precision=precision)

    bundle = read_bundle(Path(summary["bundle"]))
    assert bundle.metadata.precision == precision
    assert summary["precision"] == {
        "precision": precision,
        "chosen_by": "--precision",
        "earned": None,
    }
    told = Path(summary["bundle"]).with_name("predictions.csv").read_text("utf-8").splitlines()[1:]
    session = Session(bundle, "cpu")
    for line in told:
        name, *_, of_cat, _of_dog = line.split(",")
        data = (class_folder / name).read_bytes()
        (answer,) = session.predict(read_pixels(data, bundle.metadata.preprocessing)[None])
        assert answer.probabilities[0] == pytest.approx(float(of_cat), abs=1e-4)


def test_auto_asks_the_sample_and_writes_down_what_it_found(
    train: Run, class_folder: Path, learned_weights: Path
) -> None:
    for label in ("cat", "dog"):
        fill(class_folder / label, label, range(40))

    summary = train(class_folder, weights=str(learned_weights))

    choice = summary["precision"]
    assert choice["earned"]["speedup"] > 0
    is_taken = not TypeAdapter(Earned).validate_python(choice["earned"]).objection
    assert choice["precision"] == ("int8" if is_taken else "fp32")
    assert read_bundle(Path(summary["bundle"])).metadata.precision == choice["precision"]
    stored = json.loads(Path(summary["bundle"]).with_name("view.json").read_text("utf-8"))
    assert stored["precision"]["precision"] == choice["precision"]


def test_too_few_pictures_stay_in_fp32(train: Run, class_folder: Path) -> None:
    summary = train(class_folder)

    assert summary["precision"]["precision"] == "fp32"
    assert "too few pictures" in summary["precision"]["chosen_by"]


def test_a_fine_tuned_network_is_quantised_too(
    train: Run, class_folder: Path, learned_weights: Path
) -> None:
    summary = train(
        class_folder, weights=str(learned_weights), precision="int8", finetune=True, epochs=1
    )

    assert read_bundle(Path(summary["bundle"])).metadata.precision == "int8"
    assert summary["precision"]["precision"] == "int8"


def test_a_run_that_is_resumed_is_quantised_as_before(
    train: Run, class_folder: Path, learned_weights: Path
) -> None:
    summary = train(class_folder, weights=str(learned_weights), precision="int8")
    bundle = Path(summary["bundle"])
    before = read_bundle(bundle).metadata.self_check
    for name in ("summary.json", "bundle.onnx"):
        bundle.with_name(name).unlink()
    for features in bundle.parent.glob("features-*"):
        features.unlink()

    assert main(["--resume", str(bundle.parent)]) == 0

    assert read_bundle(bundle).metadata.self_check == before


def test_a_run_that_goes_on_with_another_graph_reads_its_pictures_again(
    train: Run, class_folder: Path, learned_weights: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a processor that saturates: features of the other graph would not fit this one."""
    summary = train(class_folder, weights=str(learned_weights), precision="int8")
    folder = Path(summary["bundle"]).parent
    (folder / "summary.json").unlink()
    (features,) = folder.glob("features-*")
    features.rename(folder / f"features-{'0' * 64}")

    with caplog.at_level(logging.INFO):
        assert main(["--resume", str(folder)]) == 0

    assert "all pictures are read again" in caplog.text
    again = json.loads((folder / "summary.json").read_text("utf-8"))
    assert again["graph_digest"] == summary["graph_digest"]
    assert again["accuracy"] == summary["accuracy"]


def test_pictures_of_which_none_can_be_read_are_a_sentence(
    class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for path in class_folder.rglob("*.png"):
        path.write_bytes(b"no picture" + path.name.encode())
    given = ["--data", str(class_folder), "--backbone", TINY_BACKBONE, "--weights", "none"]

    code = main([*given, "--precision", "int8", "--out", str(tmp_path / "runs")])

    assert code == 2
    assert "pictures of the training part can be read" in capsys.readouterr().err


def test_a_precision_is_one_of_four(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "x", "--precision", "int4"])

    assert "invalid choice: 'int4'" in capsys.readouterr().err
