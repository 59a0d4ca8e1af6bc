"""The table that is shipped against the models that are here, and the list made of it."""

import random
import subprocess
import sys
from pathlib import Path

import pytest
import timm

from models.backbones.catalogue import measure
from models.backbones.course_networks import __all__ as EXTRA_NAMES
from models.backbones.licences import weights_of
from models.pretrained import torch_cache_path
from training.cli import main
from training.inventory.backbone_table import Row, Table, read_table, write_table

ROOT = Path(__file__).parents[3]

REMEDY = "run scripts/measure_backbones.py"


@pytest.fixture(scope="module")
def rows() -> dict[str, Row]:
    return {row.name: row for row in read_table().rows}


def test_the_table_is_of_the_timm_that_is_installed() -> None:
    assert read_table().is_of_this_timm, REMEDY


def test_every_name_of_timm_s_and_ours_is_there_in_natural_order() -> None:
    names = [row.name for row in read_table().rows]

    assert names == timm.list_models(), REMEDY
    assert set(EXTRA_NAMES) <= set(names)


def test_the_weights_their_licences_and_tags_are_timm_s(rows: dict[str, Row]) -> None:
    for name, row in rows.items():
        assert (row.source, row.licence, row.tags) == weights_of(name), REMEDY


def test_a_tag_whose_licence_is_another_says_so(rows: dict[str, Row]) -> None:
    assert rows["resnet18"].licence == "apache-2.0"
    assert rows["resnet18"].tags.startswith("a1_in1k, ")
    assert "tv_in1k (bsd-3-clause)" in rows["resnet18"].tags


def sample() -> list[str]:
    """A few usable ones and a few others, drawn anew for every version of timm."""
    rows = read_table().rows
    chance = random.Random(timm.__version__)
    usable = chance.sample([row.name for row in rows if row.usable], 12)
    others = chance.sample([row.name for row in rows if not row.usable], 6)
    return [*EXTRA_NAMES, *usable, *others]


@pytest.mark.parametrize("name", sample())
def test_a_row_says_what_the_model_says(rows: dict[str, Row], name: str) -> None:
    found, row = measure(name), rows[name]

    assert (row.parameters, row.usable) == (found.parameters, found.usable), REMEDY
    assert (row.height, row.width) == (found.height, found.width), REMEDY


@pytest.mark.parametrize("name", ["crossvit_9_240", "pit_s_224", "qwen3_vit_88m_enc"])
def test_what_has_no_place_is_marked(rows: dict[str, Row], name: str) -> None:
    assert not rows[name].usable


def test_few_names_are_refused(rows: dict[str, Row]) -> None:
    assert sum(not row.usable for row in rows.values()) <= 100


NOTHING = Row("b", 10**10, False, 4, 5, "", "", "")


def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table((Row("a", 1, True, 2, 3, "timm/a", "mit", "x, y"), NOTHING), "9.9")
    monkeypatch.setattr(
        "training.inventory.backbone_table.TABLE", tmp_path_factory.mktemp("t") / "t.csv"
    )

    write_table(table)

    assert read_table() == table
    assert not read_table().is_of_this_timm


@pytest.mark.parametrize(
    ("pattern", "names"),
    [
        ("alexnet", ["alexnet"]),
        ("cbam*", ["cbam_resnet18", "cbam_resnet50"]),
        ("CBAM", ["cbam_resnet18", "cbam_resnet50"]),
        ("vgg1[16]", ["vgg11", "vgg16"]),
        ("resnet3?", ["resnet34"]),
        ("no such thing", []),
    ],
)
def test_a_pattern_is_a_shell_s_or_a_part_of_the_name(pattern: str, names: list[str]) -> None:
    assert [row.name for row in read_table(pattern).rows] == names


def listed(capsys: pytest.CaptureFixture[str], *pattern: str) -> tuple[list[str], str]:
    """The lines of the list below its headings, and what was remarked beside it."""
    assert main(["--list-backbones", *pattern]) == 0
    said = capsys.readouterr()
    headings, *lines = said.out.splitlines()
    assert headings == "backbone\tparameters, millions\tinput, pixels\tweights\ttheir licence\ttags"
    return lines, said.err


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

    assert listed(capsys, "baseline") == (["baseline\t0.1\t224 x 224\tnone\t\t"], "1 backbones\n")
    assert listed(capsys, "alexnet")[0] == [
        "alexnet\t57.0\t224 x 224\tto download\tbsd-3-clause\ttv_in1k"
    ]


def test_weights_on_this_machine_are_marked(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    (row,) = read_table("alexnet").rows
    file = torch_cache_path(row.source)
    file.parent.mkdir(parents=True)
    file.touch()

    assert listed(capsys, "alexnet")[0] == ["alexnet\t57.0\t224 x 224\there\tbsd-3-clause\ttv_in1k"]


def test_a_terminal_gets_a_table(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("COLUMNS", "100")

    assert main(["--list-backbones", "cbam*"]) == 0

    lines = capsys.readouterr().out.splitlines()
    assert any("parameters, millions" in line for line in lines)
    assert any("cbam_resnet18" in line and "11.3" in line for line in lines)


def test_a_pattern_that_fits_nothing_is_a_sentence(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--list-backbones", "no_such_net"]) == 2

    assert "no backbone's name fits 'no_such_net'" in capsys.readouterr().err


def test_only_unusable_names_are_counted_without_a_list(
    capsys: pytest.CaptureFixture[str],
) -> None:
    lines, remark = listed(capsys, "pit_ti*")

    assert not lines
    assert remark.startswith("0 backbones; ")


def test_a_list_of_another_timm_says_so(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    fields = "name,parameters,usable,height,width,source,licence,tags"
    text = f"# with timm 0.0.1\n{fields}\na,1,yes,2,2,,,\n"
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

    assert (found.stdout.count("\n"), found.returncode) == (1, 0)
    assert "Traceback" not in found.stderr
