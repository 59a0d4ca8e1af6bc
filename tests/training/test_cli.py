import subprocess
import sys
from collections.abc import Callable
from importlib import metadata
from pathlib import Path

import pytest

from samples.cli import main as draw_screws_nuts
from tests.conftest import TINY_BACKBONE
from training.cli import main
from training.cli import main as train_transfer
from training.distillation.cli import main as distil_backbone


def _command(*arguments: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training.cli", *arguments],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )


def test_help_shows_every_option_with_its_default(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as stopped:
        main(["--help"])

    shown = " ".join(capsys.readouterr().out.split())
    assert stopped.value.code == 0
    assert "default: tf_efficientnet_lite0, whose weights are installed" in shown
    for option in ("--data", "--backbone", "--weights", "--name", "--out", "--seed"):
        assert option in shown


@pytest.mark.parametrize(
    ("option", "heavy"),
    [
        ("--help", ("torch", "timm", "sklearn")),
        ("--version", ("torch", "numpy", "onnx", "pydantic")),
    ],
)
def test_help_and_version_wait_for_nothing_heavy(option: str, heavy: tuple[str, ...]) -> None:
    code = (
        "import sys\n"
        "from training.cli import main\n"
        f"try: main([{option!r}])\n"
        "except SystemExit: pass\n"
        f"print([m for m in {heavy!r} if m in sys.modules])"
    )
    found = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)

    assert found.stdout.endswith("[]\n")


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--data", "/nowhere/at/all"], "/nowhere/at/all does not exist"),
        (["--data", "{pets}", "--backbone", "resnet81"], "Did you mean"),
        (["--data", "{pets}", "--backbone", "crossvit_9_240"], "has a place in the picture"),
        (["--data", "{pets}", "--weights", "missing.safetensors"], "no file missing.safetensors"),
        (["--data", "{pets}", "--weights", "none", "--out", "{pets}/cat/cat_00.png"], "--out"),
        (["--data", "{pets}", "--seed", "-1"], "a seed lies between"),
        (["--data", "{pets}", "--coverage", "1"], "--coverage 1.0: a share from 0.5 to below 1"),
        (["--data", "{pets}", "--coverage", "nan"], "--coverage nan: a share from 0.5"),
        (["--data", "{pets}", "--at-least", "recal=cat:0.9"], "; did you mean recall?"),
        (["--data", "{pets}", "--at-least", "recall=0.9"], "recall or precision of a class, as"),
        (["--data", "{pets}", "--at-least", "recall=cat:98"], "a share above 0 and below 1"),
        (["--data", "{pets}", "--at-least", "recall=cat:1"], "no number of pictures can show"),
        (["--data", "{pets}", "--at-least", "recall=cat:nan"], "a share above 0 and below 1"),
        (["--data", "{pets}", "--at-least", "recall=cat:x"], "a share above 0 and below 1"),
        (["--data", "{pets}", "--at-least", "recall=cta:0.9"], "'cta'; did you mean cat?"),
        (["--data", "{pets}", "--at-least", "precision=dog:0.98"], "takes 49 pictures of dog"),
        (["--inspect", "--data", "{pets}", "--at-least", "recall=cat:0.9"], "leave one"),
        (["--data", "{pets}", "--grey-range", "4095,0"], "black and then white, as in 0,4095"),
        (["--data", "{pets}", "--grey-range", "-1000,-2000"], "--grey-range -1000,-2000: two"),
        (["--data", "{pets}", "--grey-range", "4095"], "--grey-range 4095: two numbers with a"),
        (["--data", "{pets}", "--name", "a/b"], "holds no /"),
        (["--data", "{pets}", "--name", ".."], "not dots alone"),
    ],
)
def test_wrong_use_is_one_sentence_and_exit_code_2(
    class_folder: Path,
    arguments: list[str],
    sentence: str,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    given = [a.replace("{pets}", str(class_folder)) for a in arguments]

    code = main(given)

    said = capsys.readouterr().err
    assert code == 2
    assert sentence in said
    assert said.splitlines()[-1].startswith("train-transfer: ")
    assert not list(tmp_path.glob("runs/**/*"))


def test_wrong_use_shows_no_traceback() -> None:
    found = _command("--data", "/nowhere/at/all")

    assert found.returncode == 2
    assert found.stderr.endswith("\ntrain-transfer: --data: /nowhere/at/all does not exist\n")
    assert "Traceback" not in found.stderr


def test_a_misspelt_option_ends_with_2() -> None:
    found = _command("--data", "x", "--bakbone", "y")

    assert found.returncode == 2
    assert "unrecognized arguments: --bakbone; did you mean --backbone?" in found.stderr


@pytest.mark.parametrize("command", [train_transfer, distil_backbone, draw_screws_nuts])
def test_each_command_says_its_version(
    command: Callable[[list[str]], int], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit, match="0"):
        command(["--version"])

    assert capsys.readouterr().out.endswith(f" {metadata.version('train-transfer')}\n")


@pytest.mark.slow
def test_a_closed_pipe_does_not_lose_the_run(class_folder: Path, tmp_path: Path) -> None:
    command = f"{sys.executable} -m training.cli --data {class_folder} --weights none"
    options = f"--backbone {TINY_BACKBONE} --out {tmp_path / 'runs'}"

    found = subprocess.run(
        ["/bin/sh", "-c", f"{command} {options} | true"],
        check=False,
        capture_output=True,
        text=True,
        cwd=Path(__file__).parents[2],
    )

    assert "Traceback" not in found.stderr
    assert list(tmp_path.glob("runs/pets/*/summary.json"))
