"""Whole runs, as the command does them, on folders of drawn pictures and a tiny real network."""

import io
import json
import logging
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from models import store
from models.bundle import read_bundle
from models.preprocessing import read_pixels
from models.session import Session
from tests.conftest import TINY_BACKBONE, encoded
from tests.training.conftest import draw
from training.cli import main
from training.run import run
from training.settings import TrainingSettings

Run = Callable[..., dict[str, Any]]


@pytest.fixture
def train(tmp_path: Path) -> Run:
    def _train(data: Path, **options: Any) -> dict[str, Any]:
        chosen = {"backbone": TINY_BACKBONE, "weights": "none", "out": tmp_path / "runs"}
        return run(TrainingSettings(data, **{**chosen, **options}))

    return _train


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
    before = {p: p.lstat().st_mtime_ns for p in class_folder.rglob("*")}

    with caplog.at_level(logging.INFO):
        summary = train(class_folder)

    assert summary["left_out"]["count"] == len(bad)
    assert {file["file"] for file in summary["left_out"]["files"]} == bad
    for name in bad:
        assert sum(f"left out: {name}:" in message for message in caplog.messages) == 1
    assert summary["held_out"] + summary["trained_on"] == good
    assert sum(summary["left_out"]["by_kind"].values()) == len(bad)
    assert before == {p: p.lstat().st_mtime_ns for p in class_folder.rglob("*")}


def test_of_many_bad_files_ten_are_named_and_the_rest_counted(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(14):
        (class_folder / "cat" / f"phone_{number:02}.heic").write_bytes(b"\0\0\0\x18ftypheic")

    summary = train(class_folder)

    named = [m for m in caplog.messages if m.startswith("left out: ")]
    assert len(named) == 10
    assert "left out, and named in summary.json: 4 more: " in caplog.text
    assert summary["left_out"]["count"] == 14


def test_a_picture_in_two_classes_is_said(
    train: Run, class_folder: Path, caplog: pytest.LogCaptureFixture
) -> None:
    (picture, *_) = sorted((class_folder / "cat").iterdir())
    shutil.copy(picture, class_folder / "dog" / "zz.png")

    train(class_folder)

    assert f"in two classes (cat/{picture.name} and dog/zz.png, …)" in caplog.text


@pytest.mark.parametrize("option", ["epochs", "batch_size", "learning_rate"])
def test_an_option_without_effect_is_refused(
    class_folder: Path, option: str, capsys: pytest.CaptureFixture[str]
) -> None:
    flag = f"--{option.replace('_', '-')}"

    assert main(["--data", str(class_folder), flag, "3"]) == 2

    assert f"{flag}: no effect without --finetune" in capsys.readouterr().err


def test_a_run_leaves_a_bundle_that_answers_as_the_summary_says(
    train: Run, class_folder: Path
) -> None:
    summary = train(class_folder)
    folder = Path(summary["bundle"]).parent

    session = Session(read_bundle(folder / "bundle.onnx"), "cpu")

    rows = (folder / "predictions.csv").read_text("utf-8").splitlines()[1:]
    for row in rows:
        name, _, answered, *probabilities = row.split(",")
        data = (class_folder / name).read_bytes()
        found = session.predict(read_pixels(data, session.metadata.preprocessing)[None])[0]
        assert found.label == answered
        np.testing.assert_allclose(
            found.probabilities, [float(p) for p in probabilities], atol=1e-4
        )
    assert len(rows) == summary["held_out"]
    assert summary == json.loads((folder / "summary.json").read_text("utf-8"))


def test_the_bundle_is_in_the_store_under_the_folders_name(train: Run, class_folder: Path) -> None:
    summary = train(class_folder)

    stored = store.get("pets")

    assert stored.tag == summary["model"]
    assert stored.path.read_bytes() == Path(summary["bundle"]).read_bytes()


def test_the_same_folder_and_seed_give_the_same_result(train: Run, class_folder: Path) -> None:
    first, second = train(class_folder, seed=3), train(class_folder, seed=3)

    assert first["data_digest"] == second["data_digest"]
    assert first["confusion"] == second["confusion"]
    files = [
        Path(s["bundle"]).with_name("predictions.csv").read_text("utf-8") for s in (first, second)
    ]
    assert files[0] == files[1]
    assert first["bundle"] != second["bundle"]


def test_the_courses_layout_is_judged_by_its_test_folder(train: Run, course_folder: Path) -> None:
    summary = train(course_folder)

    assert (summary["held_out_part"], summary["held_out"]) == ("test", 8)
    assert list(summary["classes"]) == ["cat", "dog"]


def test_tensorboard_shows_settings_accuracy_confusion_and_heatmaps(
    train: Run, class_folder: Path
) -> None:
    summary = train(class_folder)

    events = EventAccumulator(str(Path(summary["bundle"]).parent))
    events.Reload()

    assert events.Scalars("accuracy")[0].value == pytest.approx(summary["accuracy"])
    assert "_hparams_/session_start_info" in events.summary_metadata
    for name in ("confusion", "heatmaps"):
        picture = events.Images(name)[0]
        assert picture.width > 200
        with Image.open(io.BytesIO(picture.encoded_image_string)) as image:
            assert np.ptp(np.asarray(image)) > 100


def test_eight_orientations_of_one_picture_are_one_picture(train: Run, class_folder: Path) -> None:
    summary = train(class_folder)
    session = Session(read_bundle(Path(summary["bundle"])), "cpu")
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
