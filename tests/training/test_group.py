"""Several processes train as one: the same batches, the same result, one end."""

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import psutil
import pytest

from tests.conftest import TINY_BACKBONE
from tests.training.conftest import ROOT, begin, best_weights, fill, wait_for
from training.cli import main

#: Seconds until a test gives up; nothing is measured by it.
DEADLINE = 400


@pytest.fixture
def pets(tmp_path: Path) -> Path:
    for label in ("cat", "dog"):
        fill(tmp_path / "pets" / label, label, range(24))
    (tmp_path / "pets" / "cat" / "broken.png").write_bytes(b"no picture")
    return tmp_path / "pets"


def summary_of(out: Path) -> dict[str, Any]:
    (path,) = out.glob("*/*/summary.json")
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


@pytest.mark.slow
def test_two_processes_end_as_one_does(pets: Path, tmp_path: Path, learned_weights: Path) -> None:
    options = ["--finetune", "--weights", str(learned_weights), "--epochs", "2"]
    for devices in ("1", "2"):
        process = begin(pets, tmp_path / devices, *options, "--devices", devices)
        _, said = process.communicate(timeout=DEADLINE)
        assert process.returncode == 0, said
        assert said.count("left out: cat/broken.png") == 1

    one, two = best_weights(tmp_path / "1"), best_weights(tmp_path / "2")
    moved = max(float((one[k] - two[k]).abs().max()) for k in one if one[k].is_floating_point())
    # AdamW's first steps go by the sign of a gradient: where that is all rounding, they may differ.
    assert moved < 2e-3
    alone, together = summary_of(tmp_path / "1"), summary_of(tmp_path / "2")
    assert together["accuracy"] == alone["accuracy"]
    assert together["data_digest"] == alone["data_digest"]
    tables = [np.load(next((tmp_path / n).glob("*/*/features.npz"))) for n in ("1", "2")]
    assert tables[0]["names"].tolist() == tables[1]["names"].tolist()
    assert np.allclose(tables[0]["features"], tables[1]["features"], atol=1e-4)


@pytest.mark.slow
def test_torchrun_starts_it_too(pets: Path, tmp_path: Path) -> None:
    torchrun = [sys.executable, "-m", "torch.distributed.run", "--nproc-per-node", "2"]
    options = ["--data", str(pets), "--out", str(tmp_path / "runs"), "--backbone", TINY_BACKBONE]
    done = subprocess.run(
        [*torchrun, "-m", "training.cli", *options, "--weights", "none", "--devices", "2"],
        cwd=ROOT, capture_output=True, text=True, check=False, timeout=DEADLINE,
    )  # fmt: skip

    assert done.returncode == 0, done.stderr
    assert done.stdout.count("held-out pictures (95% interval") == 1
    assert summary_of(tmp_path / "runs")["settings"]["devices"] == 2


@pytest.mark.slow
def test_when_the_command_is_killed_its_processes_end(
    pets: Path, tmp_path: Path, learned_weights: Path
) -> None:
    options = ["--finetune", "--weights", str(learned_weights), "--epochs", "500"]
    process = begin(pets, tmp_path / "runs", *options, "--devices", "2")
    wait_for(process, "epoch 1:")
    children = psutil.Process(process.pid).children()

    os.kill(process.pid, signal.SIGKILL)

    assert len(children) == 2
    _, alive = psutil.wait_procs(children, timeout=DEADLINE)
    assert not alive
    process.communicate()


@pytest.mark.slow
def test_wrong_use_is_a_sentence_and_not_a_traceback(tmp_path: Path) -> None:
    process = begin(tmp_path / "missing", tmp_path / "runs", "--devices", "2")
    _, said = process.communicate(timeout=DEADLINE)

    assert process.returncode == 2
    assert "missing does not exist" in said
    assert "Traceback" not in said


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (["--nodes", "2"], "started by torchrun or srun"),
        (["--devices", "2", "--batch-size", "5"], "must be a multiple of 2"),
        (["--devices", "0"], "must be above 0"),
    ],
)
def test_what_cannot_be_is_refused(
    options: list[str], sentence: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--data", str(tmp_path), *options]) == 2
    assert sentence in capsys.readouterr().err


def test_what_was_started_must_be_what_was_asked_for(
    pets: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    started = {"TORCHELASTIC_RUN_ID": "x", "RANK": "0", "LOCAL_RANK": "0", "WORLD_SIZE": "4"}
    for name, value in started.items():
        monkeypatch.setenv(name, value)

    assert main(["--data", str(pets), "--devices", "2"]) == 2
    assert "ask for 2 processes, and 4 were started" in capsys.readouterr().err
