"""distill-backbone, as a user calls it: from pictures to a file that --weights takes."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import torch
from huggingface_hub import ModelCard
from safetensors.torch import load_file

from tests.conftest import TINY_BACKBONE
from tests.training.conftest import Run
from tests.training.distillation.conftest import ONE_THREAD, OTHER_BACKBONE, Make
from training.distillation.cli import main
from training.distillation.run import distil
from training.distillation.settings import DistillationSettings

ROOT = Path(__file__).parents[3]


def arguments_of(settings: DistillationSettings) -> list[str]:
    given = {k: v for k, v in settings.as_json().items() if v is not None}
    return [word for k, v in given.items() for word in (f"--{k.replace('_', '-')}", str(v))]


def only_run(settings: DistillationSettings) -> Path:
    (found,) = settings.out.glob("*/*/settings.json")
    return found.parent


@pytest.mark.slow
@pytest.mark.parametrize("student", [TINY_BACKBONE, OTHER_BACKBONE])
def test_a_folder_of_200_pictures_becomes_a_file_that_weights_takes(
    make_settings: Make, train: Run, class_folder: Path, student: str
) -> None:
    summary = distil(make_settings(student=student))

    trained = train(class_folder, backbone=student, weights=summary["weights"])
    assert (summary["learned_from"], summary["held_out"]) == (190, 10)
    assert trained["weights"] == "student.safetensors"
    state = load_file(summary["weights"])
    assert {str(v.dtype) for v in state.values() if v.ndim > 1} == {"torch.float16"}


def test_the_card_says_how_it_was_made(make_settings: Make) -> None:
    summary = distil(make_settings())

    card = ModelCard.load(Path(summary["weights"]).parent / "README.md")
    assert card.data.library_name == "timm"
    assert "to\n160 crops of 190 pictures from `mine`" in card.text
    assert all(f"| {point['pictures']} |" in card.text for point in summary["curve"])


def stopped_at(line: str, how: signal.Signals, arguments: list[str]) -> int:
    """The exit code of the command, which is sent a signal when it has said this."""
    command = [sys.executable, "-m", "training.distillation.cli", *arguments]
    environment = os.environ | ONE_THREAD
    with subprocess.Popen(
        command, cwd=ROOT, env=environment, stderr=subprocess.PIPE, text=True
    ) as process:
        assert process.stderr is not None
        for said in process.stderr:
            if line in said:
                process.send_signal(how)
    return process.returncode


@pytest.mark.slow
def test_a_run_that_was_stopped_and_killed_ends_with_the_same_weights(
    make_settings: Make, tmp_path: Path
) -> None:
    """Asked to stop in the first phase, killed in the second, some steps after a checkpoint."""
    unbroken = distil(make_settings(out=tmp_path / "unbroken", pictures=3200))
    settings = make_settings(pictures=3200)

    code = stopped_at("picture 800 of 3,200: rel", signal.SIGTERM, arguments_of(settings))
    resume = ["--resume", str(only_run(settings))]
    assert code == 130
    assert stopped_at("picture 1,600 of 3,200: rel", signal.SIGKILL, resume) == -signal.SIGKILL
    assert main(resume) == 0

    files = [unbroken["weights"], only_run(settings) / "student.safetensors"]
    one, other = (load_file(file) for file in files)
    assert all(torch.equal(one[k], other[k]) for k in one)


@pytest.mark.slow
def test_a_run_that_goes_on_with_another_number_of_pictures_says_so(
    make_settings: Make, capsys: pytest.CaptureFixture[str]
) -> None:
    settings = make_settings()
    distil(settings)
    folder = only_run(settings)
    (folder / "summary.json").unlink()

    code = main(["--resume", str(folder), "--pictures", "80"])

    assert code == 2
    assert "this run has already shown 160; name more" in capsys.readouterr().err
    assert main(["--resume", str(folder), "--pictures", "240"]) == 0
    assert "goes on with 240 pictures in all instead of 160" in (folder / "log.txt").read_text()
    assert "planned" in (folder / "summary.json").read_text()


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--teacher-weights", "none"], "knows nothing to teach"),
        (["--student", "mobilnetv2_100"], "Did you mean"),
        (["--student", "crossvit_9_240"], "has a place in the picture"),
        (["--pictures", "1"], "--pictures 1: fewer than one step's"),
        (["--batch-size", "1"], "BatchNorm needs 2"),
        (["--crop", "100"], "--crop 100: a multiple of 32"),
        (["--last-crop", "32", "--crop", "64"], "--last-crop 32 is smaller than --crop 64"),
        (["--data", "nowhere.zip"], "nowhere.zip does not exist"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    make_settings: Make, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    code = main([*arguments_of(make_settings()), *options])

    said = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert said.startswith("distill-backbone: ")
    assert sentence in said


def test_a_teacher_is_needed(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--data", "pictures"]) == 2
    assert "distill-backbone: --teacher is needed" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("options", "sentence"),
    [([], "is no run folder"), (["--student", "resnet18"], "only --pictures may change")],
)
def test_what_cannot_be_resumed_is_said(
    tmp_path: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--resume", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err
