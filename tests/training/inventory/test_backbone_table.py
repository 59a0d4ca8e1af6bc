"""The table that is shipped against the models that are here."""

import random

import pytest
import timm

from models.backbones.catalogue import measure
from models.backbones.course_networks import __all__ as EXTRA_NAMES
from models.backbones.weights import source_of
from training.inventory.backbone_table import Row, Table, read_table, write_table

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


def test_the_sources_of_weights_are_timm_s(rows: dict[str, Row]) -> None:
    for name, row in rows.items():
        assert row.source == (source_of(name) or ""), REMEDY


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


@pytest.mark.parametrize("name", ["vit_base_patch16_224", "mixer_b16_224", "qwen3_vit_88m_enc"])
def test_what_has_no_spatial_map_is_marked(rows: dict[str, Row], name: str) -> None:
    assert not rows[name].usable


def test_what_is_written_is_read_again(
    tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = Table((Row("a", 1, True, 2, 3, "timm/a"), Row("b", 10**10, False, 4, 5, "")), "9.9")
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
