"""Whole runs, as the command does them, on folders of drawn pictures and a tiny real network."""

import csv
import io
import json
import logging
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models import store
from models.bundle import read_bundle, read_metadata
from models.errors import UsageError
from models.map_quality import MapQuality
from models.preprocessing import read_pixels
from models.session import Session
from tests.conftest import encoded
from tests.training.conftest import Run, draw, fill
from tests.training.run.ended import Ended, ended
from training.cli import main
from training.inventory.run_table import find_runs


def _turned(image: Image.Image, orientation: int) -> bytes:
    """The same picture as a camera that was held otherwise would store it."""
    undo = {1: None, 2: 0, 3: 3, 4: 1, 5: 5, 6: 2, 7: 6, 8: 4}[orientation]
    stored = image if undo is None else image.transpose(Image.Transpose(undo))
    exif = Image.Exif()
    exif[0x0112] = orientation
    return encoded(stored, exif=exif)


def _dirty(root: Path) -> tuple[set[str], int]:
    """Adds every kind of odd file; returns the names of the bad, and the number of the good."""
    cat, picture = root / "cat", draw("cat", 50, (64, 48))
    whole = (cat / "cat_00.png").read_bytes()
    (cat / "truncated.png").write_bytes(whole[: len(whole) // 2])
    (cat / "empty.jpg").touch()
    (cat / "notes.txt").write_text("not a picture")
    (cat / "page.jpg").write_text("<html>404</html>")
    (cat / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 40)
    (cat / "gone.png").symlink_to(root / "nowhere.png")
    (cat / "bad\nname.png").write_bytes(b"x")
    grey16 = Image.fromarray(np.asarray(picture.convert("L"), dtype=np.uint16) * 257)
    good = {
        "a png in truth.jpg": encoded(picture),
        "cmyk.jpg": encoded(picture.convert("CMYK"), "JPEG"),
        "grey16.png": encoded(grey16),
        "palette.gif": encoded(picture.quantize(16), "GIF"),
        "moves.gif": encoded(
            picture, "GIF", save_all=True, append_images=[draw("dog", 1, (64, 48))]
        ),
        "clear.png": encoded(picture.convert("RGBA")),
        "Kätzchen – 猫.webp": encoded(picture, "WEBP"),
        "new\nline.png": encoded(picture),
        **{f"turned{n}.png": _turned(picture, n) for n in range(1, 9)},
    }
    for name, data in good.items():
        (cat / name).write_bytes(data)
    (cat / ".hidden.png").write_bytes(b"x")
    (root / ".git").mkdir()
    (root / ".git" / "index").write_bytes(b"x")
    bad = {"truncated.png", "empty.jpg", "notes.txt", "page.jpg", "phone.heic", "gone.png"}
    return {f"cat/{name}" for name in (*bad, "bad\\nname.png")}, 24 + len(good)


def test_a_dirty_folder_ends_well_and_every_bad_file_is_named_once(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = _dirty(class_folder)
    shutil.copy(class_folder / "cat" / "cat_00.png", class_folder / "dog" / "zz.png")
    before = {p: p.lstat().st_mtime_ns for p in class_folder.rglob("*")}

    with caplog.at_level(logging.INFO):
        summary = train(class_folder)

    assert summary["left_out"]["count"] == len(bad)
    assert {file["file"] for file in summary["left_out"]["files"]} == bad
    for name in bad:
        assert sum(f"left out: {name}:" in message for message in caplog.messages) == 1
    assert summary["held_out"] == summary["trained_on"] == good + 1
    assert "cat/cat_00.png, dog/zz.png are the same file, and of cat, dog" in caplog.text
    assert sum(summary["left_out"]["by_kind"].values()) == len(bad)
    assert before == {p: p.lstat().st_mtime_ns for p in class_folder.rglob("*")}


def test_what_is_wrong_with_a_folder_stands_in_the_folder_of_the_run(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    fill(class_folder / "dog", "dog", range(12, 60))

    with caplog.at_level(logging.INFO):
        summary = train(class_folder)

    path = Path(summary["bundle"]).with_name("inspection.json")
    told = json.loads(path.read_bytes())
    findings = told["findings"]
    assert any("dog has 60 pictures" in finding["sentence"] for finding in findings)
    assert sum(summary["findings"].values()) == len(findings)
    assert "imbalance: " in caplog.text
    assert {one["label"] for one in told["mean_maps"]} <= {"cat", "dog"}


def test_a_folder_is_inspected_alone_and_nothing_is_exported(
    train: Run, class_folder: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (class_folder / "cat" / "cat_00.png").rename(class_folder / "dog" / "zz.png")

    found = train(class_folder, inspect=True)

    (folder,) = (tmp_path / "runs").glob("*/*")
    files = {path.name for path in folder.iterdir()}
    assert {"inspection.json", "labels.csv", "log.txt"} <= files
    assert not {"bundle.onnx", "summary.json"} & files
    assert any("dog/zz.png" in one["files"] for one in found["findings"])
    assert "dog/zz.png is labelled dog" in capsys.readouterr().out
    assert not list(find_runs(tmp_path / "runs"))


def test_a_run_ends_with_the_place_of_its_report(
    train: Run, class_folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = Path(train(class_folder)["bundle"]).parent

    assert capsys.readouterr().out.splitlines()[-1] == f"report: {folder / 'report.html'}"
    assert "data:image/webp" in (folder / "report.html").read_text()
    assert (folder / "MODEL_CARD.md").read_text().startswith("---\n")


def test_a_report_without_pictures_is_asked_for(train: Run, class_folder: Path) -> None:
    folder = Path(train(class_folder, report_without_pictures=True)["bundle"]).parent

    page = (folder / "report.html").read_text()
    assert 'class="photo"' not in page
    assert "cat_0" not in page


def test_pictures_of_one_colour_are_named_by_every_run(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(12):
        Image.new("RGB", (40, 30), (number, 0, 0)).save(class_folder / "dog" / f"black{number}.png")

    summaries = [train(class_folder), train(class_folder)]  # the second one decodes none of them

    for summary in summaries:
        assert len(summary["one_colour"]) == 12
        assert "dog/black7.png" in summary["one_colour"]
    assert caplog.text.count("is all one colour, as the network sees it") == 2
    assert caplog.text.count("(12 such in inspection.json)") == 2


def test_a_range_of_greys_travels_into_the_bundle(train: Run, class_folder: Path) -> None:
    for path in class_folder.rglob("*.png"):
        grey = np.asarray(Image.open(path).convert("L"), dtype=np.float32)
        Image.fromarray(grey * 8 - 1000).save(path, "TIFF")

    summary = train(class_folder, grey_range="-900,300")

    found = read_bundle(Path(summary["bundle"])).metadata.preprocessing
    assert found.grey_range == (-900, 300)
    assert found.greys_held is not None
    assert summary["greys"]["wide"] > 0


@pytest.mark.parametrize("option", ["epochs", "batch_size", "learning_rate"])
def test_an_option_without_effect_is_refused(
    class_folder: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = f"--{option.replace('_', '-')}"

    assert main(["--data", str(class_folder), flag, "3"]) == 2

    assert f"{flag}: no effect without --finetune" in capsys.readouterr().err


@pytest.fixture(scope="module")
def whole(run_apart: Run, pets: Path) -> Ended:
    return ended(run_apart(pets, seed=3, at_least="recall=cat:0.9"))


def test_a_run_leaves_a_bundle_that_answers_as_the_summary_says(
    train: Run, course_folder: Path
) -> None:
    """Of a given test part; of all others heads tell that had not seen them."""
    found = ended(train(course_folder))
    session = Session(read_bundle(found.folder / "bundle.onnx"), "cpu")

    rows = list(csv.DictReader(io.StringIO(found.predictions)))
    test = [row for row in rows if row["part"] == "test"]
    assert (len(rows), len(test)) == (24, found.summary["held_out"])
    for row in test:
        data = (course_folder / row["file"]).read_bytes()
        answer = session.predict(read_pixels(data, session.metadata.preprocessing)[None])[0]
        assert answer.label == row["answered"]
        assert answer.probability == pytest.approx(float(row[f"p({answer.label})"]), abs=1e-4)


def test_where_nothing_is_held_out_all_pictures_judge_and_are_learned_from(whole: Ended) -> None:
    told, rows = whole.summary, list(csv.DictReader(io.StringIO(whole.predictions)))

    assert told["judged_by"] == "cross-validation"
    assert told["held_out"] == told["trained_on"] == len(rows) == 24
    right = sum(row["right"] == "true" for row in rows)
    assert told["accuracy"] == pytest.approx(right / 24)
    assert {row["part"] for row in rows} == {f"fold {number}" for number in range(1, 6)}
    log = (whole.folder / "log.txt").read_text("utf-8")
    assert "by five-fold cross-validation over all 24 pictures" in log


def test_heatmaps_are_graded_on_a_fold_and_bundle_summary_and_report_say_so(whole: Ended) -> None:
    rows = csv.DictReader(io.StringIO(whole.predictions))
    quality = read_metadata(whole.folder / "bundle.onnx").map_quality

    assert quality is not None
    assert quality.pictures == sum(row["part"] == "fold 1" for row in rows)
    assert TypeAdapter(MapQuality).validate_python(whole.summary["map_quality"]) == quality
    report = (whole.folder / "report.html").read_text("utf-8")
    assert "Can its heatmaps be believed?" in report
    assert f"On {quality.pictures} pictures" in report
    assert quality.doubt.replace("'", "&#39;") in report


def test_a_folder_that_grows_keeps_its_folds(train: Run, class_folder: Path) -> None:
    before = folds_of(train(class_folder))
    fill(class_folder / "cat", "cat", range(12, 20))

    after = folds_of(train(class_folder))

    assert len(after) == len(before) + 8
    assert {file: after[file] for file in before} == before


def folds_of(summary: dict[str, Any]) -> dict[str, str]:
    rows = csv.DictReader(io.StringIO(ended(summary).predictions))
    return {row["file"]: row["part"] for row in rows}


def test_what_the_user_says_belongs_together_is_in_one_fold(train: Run, class_folder: Path) -> None:
    folds = folds_of(train(class_folder, groups=r"_(\d)\d"))

    of_group = [{folds[name] for name in folds if f"_{tens}" in name} for tens in range(2)]
    assert [len(found) for found in of_group] == [1, 1]


def test_groups_that_say_nothing_are_refused_before_pictures_are_read(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    with pytest.raises(UsageError, match="--groups zebra"):
        train(class_folder, groups="zebra")

    assert "run folder" not in caplog.text


def test_the_summary_is_what_is_written_down(whole: Ended) -> None:
    assert whole.summary == json.loads((whole.folder / "summary.json").read_text("utf-8"))
    told = whole.summary
    assert (told["precision"]["precision"], told["framing"]["framing"]) == ("fp32", "squash")
    assert "too few pictures" in told["precision"]["chosen_by"]
    assert not list(whole.folder.glob(".*"))


def test_an_operating_point_is_in_bundle_summary_report_and_card(whole: Ended) -> None:
    told, metadata = (
        whole.summary["operating_point"],
        read_bundle(whole.folder / "bundle.onnx").metadata,
    )

    assert metadata.operating_point is not None
    assert told.items() >= metadata.operating_point.model_dump(mode="json").items()
    rows = list(csv.DictReader(io.StringIO(whole.predictions)))
    of_cats = sorted(float(row["p(cat)"]) for row in rows if row["true"] == "cat")
    assert told["threshold"] == pytest.approx(of_cats[0], abs=1e-6)
    assert (told["recall"], told["pictures"]) == (1, 12)
    report, card = (
        (whole.folder / name).read_text("utf-8") for name in ("report.html", "MODEL_CARD.md")
    )
    assert 'When is <bdi class="name">cat</bdi> decided?' in report
    assert "<li>recall (sensitivity) 100.0% (95% interval 7" in report
    assert "--at-least recall=cat:0.9" in report
    assert "Operating point for recall 90% at least: cat is decided from a probability of" in card


def test_a_report_says_how_far_probabilities_and_sets_can_be_believed(whole: Ended) -> None:
    report, told = (whole.folder / "report.html").read_text("utf-8"), whole.summary

    assert f"What it says and what is right are {told['calibration_error']:.1%} apart" in report
    calibration = told["calibration"]
    assert f"were divided by {calibration['temperature']:.2f}" in report
    assert f"{calibration['covered']:.1%}, with {calibration['mean_set_size']:.2f} cl" in report


def test_the_bundle_is_in_the_store_under_the_folders_name(whole: Ended) -> None:
    stored = store.get(whole.summary["model"])

    assert stored.name.startswith("pets")
    assert stored.path.read_bytes() == (whole.folder / "bundle.onnx").read_bytes()


def test_tensorboard_shows_the_run(whole: Ended) -> None:
    events = EventAccumulator(str(whole.folder))
    events.Reload()

    assert events.Scalars("accuracy")[0].value == pytest.approx(whole.summary["accuracy"])
    assert {"confusion", "heatmaps"} <= set(events.Tags()["images"])


def test_the_same_folder_and_seed_give_the_same_result(
    whole: Ended, train: Run, pets: Path, own_cache: Path
) -> None:
    """Though nothing is known from before."""
    assert not own_cache.exists()

    again = ended(train(pets, seed=3))

    assert again.summary["data_digest"] == whole.summary["data_digest"]
    assert again.summary["confusion"] == whole.summary["confusion"]
    assert again.predictions == whole.predictions
    assert again.folder != whole.folder


def test_the_courses_layout_is_judged_by_its_test_folder(train: Run, course_folder: Path) -> None:
    summary = train(course_folder)

    assert (summary["judged_by"], summary["held_out"]) == ("test part", 8)
    assert list(summary["classes"]) == ["cat", "dog"]


def test_eight_orientations_of_one_picture_are_one_picture(whole: Ended) -> None:
    session = Session(read_bundle(whole.folder / "bundle.onnx"), "cpu")
    picture = draw("cat", 70, (64, 48))

    pixels = [read_pixels(_turned(picture, n), session.metadata.preprocessing) for n in range(1, 9)]
    answers = session.predict(np.stack(pixels))

    assert len({answer.label for answer in answers}) == 1
    assert np.ptp([answer.probability for answer in answers]) < 1e-3


def test_a_folder_whose_name_is_no_unicode_is_as_good_as_any(
    train: Run, class_folder: Path
) -> None:
    odd = class_folder.with_name(b"bilder\xe4".decode("utf-8", "surrogateescape"))
    class_folder.rename(odd)

    summary = train(odd)

    assert Path(summary["bundle"]).parents[1].name == r"bilder\xe4"
