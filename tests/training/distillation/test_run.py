"""distill-backbone, as a user calls it: from pictures to a file that --weights takes."""

import json
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
from tests.training.distillation.conftest import OTHER_BACKBONE, Make
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


@pytest.mark.slow
def test_a_run_that_was_stopped_goes_on_to_the_same_weights(
    make_settings: Make, tmp_path: Path
) -> None:
    """Killed in the first phase and again in the second, each time after a checkpoint."""
    unbroken = distil(make_settings(out=tmp_path / "unbroken"))
    settings = make_settings()
    command = [sys.executable, "-c", STOPPED, *arguments_of(settings)]
    for step in ("4", "14"):
        done = subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, "KILL_AT": step})
        assert done.returncode == -signal.SIGKILL
        command = [sys.executable, "-c", STOPPED, "--resume", str(only_run(settings))]

    assert main(["--resume", str(only_run(settings))]) == 0

    one, other = (
        load_file(f) for f in (unbroken["weights"], only_run(settings) / "student.safetensors")
    )
    assert all(torch.equal(one[k], other[k]) for k in one)


#: Dies of a real SIGKILL in the middle of a step, the last checkpoint one step behind.
STOPPED = """
import os, signal, sys
from training.distillation import run
from training.distillation.cli import main
run._CHECKPOINT_EVERY_S = 0
learn = run.Learner.learn
steps = {"done": 0}
def learn_or_die(self, images, rate):
    store = sys._getframe(1).f_locals["self"]
    if store._step == int(os.environ["KILL_AT"]):
        os.kill(os.getpid(), signal.SIGKILL)
    return learn(self, images, rate)
run.Learner.learn = learn_or_die
main(sys.argv[1:])
"""


@pytest.mark.slow
def test_a_request_to_terminate_is_stored_and_goes_on(make_settings: Make, tmp_path: Path) -> None:
    settings = make_settings(pictures=100_000)
    log = tmp_path / "said"
    with log.open("w") as said, subprocess.Popen(
        [sys.executable, "-m", "training.distillation.cli", *arguments_of(settings)],
        cwd=ROOT, stderr=subprocess.PIPE, text=True,
    ) as process:  # fmt: skip
        assert process.stderr is not None
        for line in process.stderr:
            said.write(line)
            if "picture 800 of" in line:
                process.terminate()

    assert process.returncode == 130
    assert "--resume goes on from here" in log.read_text()
    assert main(["--resume", str(only_run(settings)), "--pictures", "1600"]) == 0
    summary = json.loads((only_run(settings) / "summary.json").read_text())
    assert [plan["pictures"] for plan in summary["pictures_planned"]] == [100_000, 1600]


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
        (["--student", "vit_tiny_patch16_224"], "no spatial feature map"),
        (["--pictures", "1"], "--pictures 1: fewer than one step's"),
        (["--batch-size", "1"], "BatchNorm needs 2"),
        (["--crop", "100"], "--crop 100: a multiple of 32"),
        (["--last-crop", "32", "--crop", "64"], "--last-crop 32 is smaller than --crop 64"),
        (["--data", "nowhere.zip"], "neither a folder nor a zip archive nowhere.zip"),
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


@pytest.mark.parametrize(
    ("options", "sentence"),
    [([], "is no run folder"), (["--student", "resnet18"], "only --pictures may change")],
)
def test_what_cannot_be_resumed_is_said(
    tmp_path: Path, options: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--resume", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err
