from pathlib import Path
from typing import Any

import pytest
import torch
import torchvision.models
from torch import nn

from models.backbones.backbone import load_backbone
from models.backbones.catalogue import check_backbone, measure
from models.backbones.course_networks import __all__ as EXTRA_NAMES
from models.backbones.hub import source_of
from models.backbones.weights import File, Hub, Random, usual_weights
from models.errors import BackboneError, WeightsError
from models.pretrained import torch_cache_path

State = dict[str, torch.Tensor]


@pytest.mark.parametrize("name", [*EXTRA_NAMES, "resnet18", "resnet18.tv_in1k", "convnext_atto"])
def test_a_known_name_is_taken(name: str) -> None:
    check_backbone(name)


@pytest.mark.parametrize(
    ("name", "sentence"),
    [
        ("alexnett", "Did you mean alexnet"),
        ("google_net", "Did you mean googlenet"),
        ("basline", "Did you mean baseline"),
        ("cbam-resnet18", "Did you mean cbam_resnet18"),
        ("resnet18.tv_1k", r"Did you mean resnet18\.tv_in1k"),
        ("resnt18.tv_in1k", "Did you mean .*resnet18"),
        ("tv_resnet50", r"It is called resnet50\.tv_in1k now"),
    ],
)
def test_another_name_is_refused_with_a_nearer_one(name: str, sentence: str) -> None:
    with pytest.raises(BackboneError, match=f"no backbone named '{name}'. {sentence}"):
        check_backbone(name)


def test_a_spatial_map_without_features_is_not_usable() -> None:
    """An encoder for language models: a map (1, 48, 48, 768), and nothing to classify by."""
    assert not measure("qwen3_vit_88m_enc").usable


def test_a_measure_says_what_building_the_network_costs() -> None:
    found = measure("baseline")

    assert found.usable
    assert (found.height, found.width) == (224, 224)
    assert found.parameters == sum(
        9 * a * b + b for a, b in [(3, 16), (16, 16), (16, 32), (32, 32), (32, 64), (64, 64)]
    )


def test_the_baseline_is_trained_from_scratch(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level("INFO"):
        backbone = load_backbone("baseline", usual_weights("baseline"))

    assert backbone.weights == Random()
    assert [record.levelname for record in caplog.records] == ["INFO"]
    assert "made to be trained from scratch" in caplog.text


def test_the_baseline_has_no_imagenet_weights() -> None:
    with pytest.raises(WeightsError, match=r"baseline is trained from scratch .* --weights none"):
        load_backbone("baseline", Hub())


def test_a_trained_baseline_can_be_loaded_from_its_file(tmp_path: Path) -> None:
    first = load_backbone("baseline", Random())
    torch.save(first.model.state_dict(), tmp_path / "mine.pth")

    again = load_backbone("baseline", File(tmp_path / "mine.pth"))

    images = torch.rand(2, 3, 224, 224)
    assert torch.equal(first(images), again(images))


@pytest.mark.parametrize("name", ["cbam_resnet18", "cbam_resnet50"])
def test_attention_without_pretrained_weights_is_not_quietly_random(name: str) -> None:
    with pytest.raises(WeightsError, match=f"no pretrained weights for {name}: .*--weights FILE"):
        load_backbone(name, usual_weights(name))


def test_cbam_attends_to_channels_and_to_places() -> None:
    names = {type(module).__name__ for module in load_backbone("cbam_resnet18", Random()).modules()}

    assert {"ChannelAttn", "SpatialAttn"} <= names


def googlenet() -> nn.Module:
    network: nn.Module = torchvision.models.googlenet(
        weights=None, aux_logits=True, transform_input=True, init_weights=False
    )
    return network.eval()


def alexnet() -> nn.Module:
    network: nn.Module = torchvision.models.alexnet(weights=None)
    return network.eval()


def normalised(images: torch.Tensor, backbone: Any) -> torch.Tensor:
    mean, std = (torch.tensor(n).view(3, 1, 1) for n in (backbone.mean, backbone.std))
    return (images - mean) / std


@pytest.fixture
def torch_home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    return tmp_path


@pytest.mark.parametrize(("name", "make"), [("googlenet", googlenet), ("alexnet", alexnet)])
@torch.inference_mode()
def test_torchvision_s_weights_answer_as_in_torchvision(
    torch_home: Path, name: str, make: Any
) -> None:
    """From torch's own cache; the last layer, put back, gives torchvision's logits."""
    torch.manual_seed(0)
    network = make()
    source = source_of(name)
    assert source is not None
    file = torch_cache_path(source)
    assert torch_home in file.parents
    file.parent.mkdir(parents=True)
    torch.save(network.state_dict(), file)

    backbone = load_backbone(name, Hub())

    images = torch.rand(2, 3, 224, 224)
    imagenet = torchvision.models.AlexNet_Weights.IMAGENET1K_V1.transforms()
    last: Any = network.fc if name == "googlenet" else network.classifier[6]
    expected = network(normalised(images, imagenet))
    found = last(backbone(normalised(images, backbone.normalisation)))
    assert torch.allclose(found, expected, atol=1e-5)
    assert backbone.weights == Hub()


def lacking_one(state: State) -> None:
    del state["inception5b.branch1.conv.weight"]


def with_one_more(state: State) -> None:
    state["inception9.weight"] = torch.zeros(1)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lacking_one, r"1 missing \(inception5b\.branch1\.conv\.weight\)"),
        (with_one_more, r"1 unexpected \(inception9\.weight\)"),
    ],
)
def test_torchvision_s_files_are_checked_like_all_others(
    tmp_path: Path, spoil: Any, sentence: str
) -> None:
    state = googlenet().state_dict()
    spoil(state)
    torch.save(state, tmp_path / "weights.pth")

    with pytest.raises(WeightsError, match=f"do not fit googlenet: {sentence}. Name the network"):
        load_backbone("googlenet", File(tmp_path / "weights.pth"))
