from pathlib import Path
from typing import Any

import pytest
import timm
import torch

from models.backbones.backbone import (
    Backbone,
    Normalisation,
    check_image_size,
    load_backbone,
    preprocessing_of,
)
from models.backbones.weights import File, Random
from models.errors import BackboneError
from models.preprocessing import Preprocessing
from tests.conftest import TINY_BACKBONE, lively_backbone


@pytest.mark.parametrize("name", ["crossvit_tiny_240", "pit_ti_224", "efficientvim_m1"])
def test_networks_that_end_in_nothing_with_a_place_are_refused(name: str) -> None:
    with pytest.raises(
        BackboneError,
        match=f"{name} ends in nothing that has a place .* cannot show where",
    ):
        load_backbone(name, Random())


@pytest.mark.parametrize(
    ("name", "near"),
    [
        ("resnt18", "resnet18"),
        ("ResNet18", "resnet18"),
        ("resnet-18", "resnet18"),
        ("convnext_ato", "convnext_atto"),
        ("mobilenet", "mobilenet"),
    ],
)
def test_a_misspelt_name_is_refused_with_the_nearest_ones(name: str, near: str) -> None:
    with pytest.raises(
        BackboneError, match=rf"no backbone named '{name}'\. Did you mean .*{near}.*\?"
    ):
        load_backbone(name, Random())


@pytest.mark.parametrize("name", ["", "???", "hf-hub:timm/resnet18.a1_in1k", "../resnet18", "a\nb"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(BackboneError, match="there is no backbone named "):
        load_backbone(name, Random())


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("resnet18", Preprocessing(224, 224, "crop", 0.95, "bicubic")),
        ("inception_v3", Preprocessing(299, 299, "crop", 0.875, "bicubic")),
        ("mobilenetv2_100", Preprocessing(224, 224, "crop", 0.875, "bicubic")),
        ("test_resnet", Preprocessing(160, 160, "crop", 0.95, "bilinear")),
    ],
)
def test_pictures_are_framed_as_timm_evaluates(name: str, expected: Preprocessing) -> None:
    with torch.device("meta"):
        found = preprocessing_of(timm.create_model(name))

    assert found == expected


def image_of(backbone: Backbone) -> torch.Tensor:
    size = (2, 3, backbone.preprocessing.height, backbone.preprocessing.width)
    return torch.randn(size, generator=torch.Generator().manual_seed(0))


@pytest.mark.parametrize("name", ["test_mambaout", "test_convnext", "test_byobnet"])
@torch.inference_mode()
def test_the_two_parts_of_a_backbone_are_the_network_without_its_last_layer(name: str) -> None:
    backbone = lively_backbone(name)
    images = image_of(backbone)

    activations = backbone.trunk(images)

    assert backbone.map_of(activations).ndim == 4
    assert activations.is_contiguous()
    expected: Any = backbone.model(images)
    assert torch.allclose(backbone.features(activations), expected, atol=1e-5)
    assert torch.allclose(backbone(images), expected, atol=1e-5)
    assert expected.shape == (2, backbone.num_features)


@pytest.mark.parametrize(
    ("name", "channels", "features"),
    [("mobilenetv3_small_100", 576, 1024), ("test_mambaout", 64, 256)],
)
@torch.inference_mode()
def test_what_enters_the_last_layer_may_be_wider_than_the_map(
    name: str, channels: int, features: int
) -> None:
    backbone = load_backbone(name, Random())

    assert backbone.map_of(backbone.trunk(image_of(backbone))).shape[1] == channels
    assert backbone.num_features == features


def test_a_backbone_says_where_its_weights_came_from(
    tiny_backbone: Backbone, tmp_path: Path
) -> None:
    torch.save(tiny_backbone.model.state_dict(), tmp_path / "mine.pth")

    found = load_backbone(TINY_BACKBONE, File(tmp_path / "mine.pth"))

    assert tiny_backbone.weights == Random()
    assert found.weights.origin == "mine.pth"
    assert (tiny_backbone.is_random, found.is_random) == (True, False)
    assert found.name == TINY_BACKBONE
    with torch.inference_mode():
        images = image_of(found)
        assert torch.equal(found(images), tiny_backbone(images))


def test_a_backbone_is_in_inference_mode(tiny_backbone: Backbone) -> None:
    assert not any(module.training for module in tiny_backbone.model.modules())


def test_how_timm_evaluates_a_backbone_is_never_written_over(tiny_backbone: Backbone) -> None:
    with pytest.raises(AttributeError, match="preprocessing"):
        tiny_backbone.preprocessing = Preprocessing(32, 32)  # type: ignore[misc]


def test_a_backbone_is_normalised_as_timm_says(tiny_backbone: Backbone) -> None:
    config = timm.get_pretrained_cfg(TINY_BACKBONE)
    assert config is not None
    found: Normalisation = tiny_backbone.normalisation

    assert (found.mean, found.std) == (config.mean, config.std)


@pytest.mark.parametrize(
    ("name", "size", "sentence"),
    [
        ("test_resnet", 20, "would see such a picture as a single point"),
        ("test_convnext", 1, "cannot read pictures of this size"),
        ("vit_small_patch14_dinov2", 224 + 4, "cuts pictures into patches of 14 pixels.* Take 224"),
        ("vit_tiny_patch16_224", 16, "would see such a picture as a single point"),
    ],
)
def test_a_size_that_a_backbone_cannot_read_is_refused_before_any_weights(
    name: str, size: int, sentence: str
) -> None:
    check_image_size(name, 112)
    with pytest.raises(BackboneError, match=f"--image-size {size}: {name} {sentence}"):
        check_image_size(name, size)
