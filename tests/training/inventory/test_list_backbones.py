import subprocess
import sys
from pathlib import Path

import pytest

from models.pretrained import torch_cache_path
from training.cli import main
from training.inventory.backbone_table import read_table

ROOT = Path(__file__).parents[3]


def listed(capsys: pytest.CaptureFixture[str], *pattern: str) -> tuple[list[str], str]:
    """The lines of the list, and what was remarked beside it."""
    assert main(["--list-backbones", *pattern]) == 0
    said = capsys.readouterr()
    return said.out.splitlines(), said.err


def test_all_usable_backbones_are_listed_and_the_others_counted(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, remark = listed(capsys)

    rows = read_table().rows
    usable = [row.name for row in rows if row.usable]
    assert [line.partition("\t")[0] for line in lines] == usable
    assert f"{len(usable)} backbones; {len(rows) - len(usable)} other names fit" in remark


def test_a_line_has_name_millions_of_parameters_size_and_weights(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))

    assert listed(capsys, "baseline") == (["baseline\t0.1\t224 x 224\tnone"], "1 backbones\n")
    assert listed(capsys, "alexnet")[0] == ["alexnet\t57.0\t224 x 224\tto download"]


def test_weights_on_this_machine_are_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (row,) = read_table("alexnet").rows
    file = torch_cache_path(row.source)
    file.parent.mkdir(parents=True)
    file.touch()

    assert listed(capsys, "alexnet")[0] == ["alexnet\t57.0\t224 x 224\there"]


def test_a_terminal_gets_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    lines, _ = listed(capsys, "cbam*")

    assert any("parameters, millions" in line for line in lines)
    assert any("cbam_resnet18" in line and "11.3" in line for line in lines)


def test_a_pattern_that_fits_nothing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-backbones", "no_such_net"]) == 2

    assert "no backbone's name fits 'no_such_net'" in capsys.readouterr().err


def test_only_unusable_names_are_counted_without_a_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, remark = listed(capsys, "deit_tiny*")

    assert not lines
    assert remark.startswith("0 backbones; ")


def test_a_list_of_another_timm_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    text = "# with timm 0.0.1\nname,parameters,usable,height,width,source\na,1,yes,2,2,\n"
    (tmp_path / "table.csv").write_text(text)
    monkeypatch.setattr("training.inventory.backbone_table.TABLE", tmp_path / "table.csv")

    _, remark = listed(capsys)

    assert "made with timm 0.0.1, which is not what is here" in remark


def test_the_command_lists_without_loading_torch() -> None:
    code = (
        "import sys\n"
        "from training.cli import main\n"
        "main(['--list-backbones', 'vgg11'])\n"
        "print([m for m in ('torch', 'timm') if m in sys.modules])"
    )

    found = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, check=True, capture_output=True, text=True
    )

    assert found.stdout.splitlines()[-1] == "[]"


def test_a_closed_pipe_is_no_error() -> None:
    command = f"set -o pipefail; {sys.executable} -m training.cli --list-backbones | head -n 1"

    found = subprocess.run(
        ["/bin/bash", "-c", command], cwd=ROOT, check=False, capture_output=True, text=True
    )

    assert (found.stdout.count("\n"), found.stderr, found.returncode) == (1, "", 0)
