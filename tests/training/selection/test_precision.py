"""int8 is taken where it has earned its place, and what is exported is what was judged."""

import csv
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from models.bundle import read_bundle
from models.choices import Precision
from models.errors import DataFolderError
from models.preprocessing import read_pixels
from models.session import Session
from tests.training.conftest import Run, draw_pets, fill
from tests.training.selection.conftest import Asked
from training.cli import main
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import Sample, draw_sample
from training.features.extractor import Extractor
from training.selection.int8_against_fp32 import Earned, PrecisionChoice
from training.selection.precision import (
    at_precision,
    calibration_of,
    choose_again,
    choose_precision,
)


@pytest.mark.parametrize("wanted", ["fp32", "fp16", "int8"])
def test_a_precision_that_is_asked_for_is_taken(
    extractor: Extractor, few: Asked, wanted: Precision
) -> None:
    choice, reader = choose_precision(wanted, extractor, *few)

    assert choice == PrecisionChoice(wanted, "--precision", None)
    assert reader.graph.precision == wanted
    assert not choice.has_read
    again = at_precision(wanted, extractor, *few)
    assert again.graph.digest == reader.graph.digest


def test_too_few_pictures_stay_in_fp32(extractor: Extractor, few: Asked) -> None:
    choice, reader = choose_precision("auto", extractor, *few)

    assert (choice.precision, choice.earned) == ("fp32", None)
    assert "too few pictures" in choice.chosen_by
    assert reader is extractor


def test_auto_asks_the_sample_and_tells_what_it_found(extractor: Extractor, enough: Asked) -> None:
    choice, reader = choose_precision("auto", extractor, *enough)

    assert choice.earned is not None
    assert choice.earned.speedup > 0
    assert choice.has_read == (choice.earned.compared is not None)
    assert choice.precision == ("fp32" if choice.earned.objection else "int8")
    assert choice.earned.objection in choice.chosen_by or choice.precision == "int8"
    assert reader.graph.precision == choice.precision


@pytest.mark.parametrize("precision", ["fp32", "int8"])
def test_what_was_asked_for_by_name_stays_when_the_network_has_learned(
    extractor: Extractor, few: Asked, precision: Precision
) -> None:
    before = PrecisionChoice(precision, "--precision", None)

    choice, reader = choose_again(before, extractor, *few)

    assert choice == before
    assert reader.graph.precision == precision


def test_what_had_earned_its_place_is_asked_again_and_its_speed_is_what_it_was(
    extractor: Extractor, enough: Asked
) -> None:
    before = PrecisionChoice("int8", "as good as fp32 on a sample", Earned(37.5))

    choice, reader = choose_again(before, extractor, *enough)

    assert choice.earned is not None
    assert choice.earned.speedup == 37.5
    assert choice.has_read
    assert choice.precision == ("fp32" if choice.earned.objection else "int8")
    assert reader.graph.precision == choice.precision


def test_what_was_in_fp32_before_is_not_asked_again(extractor: Extractor, few: Asked) -> None:
    before = PrecisionChoice("fp32", "int8 is only 0.90 times as fast here", Earned(0.9))

    assert choose_again(before, extractor, *few) == (before, extractor)


def test_calibration_is_spread_over_the_sample(extractor: Extractor, tmp_path: Path) -> None:
    found, pictures = scan_folder(draw_pets(tmp_path / "pets", 40)), Pictures()
    sample = Sample(found.examples, found.place)

    calibration = calibration_of(extractor, sample, pictures)

    assert calibration.pixels.shape == (32, 160, 160, 3)
    assert np.bincount(calibration.labels).tolist() == [16, 16]
    data = found.examples[-1].path.read_bytes()
    np.testing.assert_array_equal(
        calibration.pixels[-1], read_pixels(data, extractor.preprocessing)
    )


def test_what_cannot_be_read_calibrates_nothing(extractor: Extractor, class_folder: Path) -> None:
    pictures = Pictures()
    sample = draw_sample(scan_folder(class_folder), pictures)
    for example in sample.examples[1:]:
        example.path.write_bytes(b"no picture")

    calibration = calibration_of(extractor, sample, Pictures())
    sample.examples[0].path.unlink()

    assert calibration.labels.tolist() == [sample.examples[0].class_index]
    with pytest.raises(DataFolderError, match=r"pets: none of 12 pictures of the training part"):
        at_precision("int8", extractor, sample, Pictures())


Go = Callable[[Precision], Path]


@pytest.fixture(scope="module")
def ended(run_apart: Run, pets: Path, learned_weights: Path) -> Go:
    """Folders of runs that ended, one in each precision."""
    runs: dict[Precision, Path] = {}

    def _ended(precision: Precision) -> Path:
        if precision not in runs:
            summary = run_apart(pets, weights=str(learned_weights), precision=precision)
            runs[precision] = Path(summary["bundle"]).parent
        return runs[precision]

    return _ended


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_the_accuracy_of_a_test_part_is_that_of_the_exported_file(
    run_apart: Run, tmp_path: Path, learned_weights: Path, precision: Precision
) -> None:
    for label in ("cat", "dog"):
        fill(tmp_path / "pets" / "train" / label, label, range(12))
        fill(tmp_path / "pets" / "test" / label, label, range(12, 16))

    summary = run_apart(tmp_path / "pets", weights=str(learned_weights), precision=precision)

    bundle = read_bundle(Path(summary["bundle"]))
    session = Session(bundle, "cpu")
    with Path(summary["bundle"]).with_name("predictions.csv").open(encoding="utf-8-sig") as file:
        told = [row for row in csv.DictReader(file) if row["part"] == "test"]
    assert len(told) == summary["held_out"] == 8
    for row in told:
        data = (tmp_path / "pets" / row["file"]).read_bytes()
        (answer,) = session.predict(read_pixels(data, bundle.metadata.preprocessing)[None])
        assert answer.probabilities[0] == pytest.approx(float(row["p(cat)"]), abs=1e-4)


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_the_bundle_and_the_summary_tell_the_precision(ended: Go, precision: Precision) -> None:
    folder = ended(precision)

    summary = json.loads((folder / "summary.json").read_text("utf-8"))

    assert read_bundle(folder / "bundle.onnx").metadata.precision == precision
    told = {"precision": precision, "chosen_by": "--precision", "earned": None}
    assert summary["precision"] == told


def cut_off(ended: Go, folder: Path) -> Path:
    """The folder of a run in int8 that has not quite ended."""
    shutil.copytree(ended("int8"), folder)
    for name in ("summary.json", "bundle.onnx"):
        (folder / name).unlink()
    return folder


def test_a_run_that_is_resumed_is_quantised_as_before(ended: Go, tmp_path: Path) -> None:
    folder = cut_off(ended, tmp_path / "run")
    for features in folder.glob("features-*"):
        features.unlink()

    assert main(["--resume", str(folder)]) == 0

    before = read_bundle(ended("int8") / "bundle.onnx").metadata.self_check
    assert read_bundle(folder / "bundle.onnx").metadata.self_check == before


def test_a_run_that_goes_on_with_another_graph_reads_its_pictures_again(
    ended: Go, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """As on a processor that saturates: features of the other graph would not fit this one."""
    folder = cut_off(ended, tmp_path / "run")
    (features,) = folder.glob("features-*")
    features.rename(folder / f"features-{'0' * 64}")

    with caplog.at_level(logging.INFO):
        assert main(["--resume", str(folder)]) == 0

    assert "all pictures are read again" in caplog.text
    before, again = (
        json.loads((run / "summary.json").read_text("utf-8")) for run in (ended("int8"), folder)
    )
    assert again["graph_digest"] == before["graph_digest"]
    assert again["accuracy"] == before["accuracy"]


def test_a_precision_is_one_of_four(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "x", "--precision", "int4"])

    assert "invalid choice: 'int4'" in capsys.readouterr().err
