"""The network in this package, and when it takes another's place; no network, no hub."""

import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
import timm
import torch
from safetensors.torch import save_file

from models import pretrained
from models.backbones import bundled_backbone
from models.backbones.backbone import load_backbone
from models.backbones.bundled_backbone import decide_weights
from models.backbones.weights import Bundled, File, Hub, Random, Weights, source_of
from models.errors import WeightsError
from models.pretrained import BUNDLED_BACKBONE

IS_BUNDLED = pretrained.bundled_file() is not None


@pytest.fixture(autouse=True)
def no_hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """An empty cache, and a hub that refuses at once."""
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", "http://127.0.0.1:9")
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_CACHE", str(tmp_path / "hub"))
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))


@pytest.fixture(scope="module")
def weights_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """In the form of the bundled file, with random numbers."""
    path = tmp_path_factory.mktemp("bundled") / "backbone.safetensors"
    model = timm.create_model(BUNDLED_BACKBONE, num_classes=0)
    state = {k: v.half() for k, v in model.state_dict().items() if v.is_floating_point()}
    save_file(state, path)
    return path


@pytest.fixture
def bundled(weights_file: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setattr(pretrained, "BUNDLED_FILE", weights_file)
    return weights_file


@pytest.fixture
def missing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pretrained, "BUNDLED_FILE", tmp_path / "missing.safetensors")


@pytest.fixture
def cached(tmp_path: Path) -> None:
    """resnet18's weights in the hub's cache, as far as their presence goes."""
    repository = str(source_of("resnet18")).replace("/", "--")
    folder = tmp_path / "hub" / f"models--{repository}"
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text("0" * 40)
    (folder / "snapshots" / ("0" * 40)).mkdir(parents=True)
    (folder / "snapshots" / ("0" * 40) / "model.safetensors").touch()


@pytest.fixture
def silent() -> Iterator[str]:
    """A hub that takes a connection and never says anything."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


@pytest.mark.usefixtures("bundled")
def test_without_a_hub_the_bundled_network_is_taken_and_named(
    caplog: pytest.LogCaptureFixture,
) -> None:
    assert decide_weights(None, None) == (BUNDLED_BACKBONE, Bundled())

    (record,) = caplog.records
    said = record.getMessage()
    assert record.levelname == "WARNING"
    assert "resnet18 are not on this machine, and http://127.0.0.1:9 could not be reached" in said
    assert "The bundled mobilenetv2_100 is taken instead" in said
    assert "For a larger network: connect to the hub once, or" in said


@pytest.mark.usefixtures("bundled")
def test_a_hub_that_says_nothing_is_not_waited_for(
    silent: str, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.ENDPOINT", silent)
    monkeypatch.setattr(bundled_backbone, "PATIENCE_S", 0.2)

    assert decide_weights(None, None) == (BUNDLED_BACKBONE, Bundled())
    assert "the ImageNet weights of resnet18 were not here within 0 s" in caplog.text


@pytest.mark.usefixtures("bundled", "cached")
def test_weights_that_are_here_are_preferred() -> None:
    assert decide_weights(None, None) == ("resnet18", Hub())


@pytest.mark.usefixtures("bundled")
@pytest.mark.parametrize(
    ("backbone", "asked", "decided"),
    [
        (None, Bundled(), (BUNDLED_BACKBONE, Bundled())),
        (None, Random(), ("resnet18", Random())),
        (None, Hub(), ("resnet18", Hub())),
        (None, File(Path("mine.pth")), ("resnet18", File(Path("mine.pth")))),
        (BUNDLED_BACKBONE, None, (BUNDLED_BACKBONE, Bundled())),
        ("mobilenetv2_100.ra_in1k", None, ("mobilenetv2_100.ra_in1k", Bundled())),
        ("baseline", None, ("baseline", Random())),
        ("resnet50", None, ("resnet50", Hub())),
    ],
)
def test_what_was_asked_for_is_what_is_taken(
    backbone: str | None, asked: Weights | None, decided: tuple[str, Weights]
) -> None:
    assert decide_weights(backbone, asked) == decided


@pytest.mark.usefixtures("missing")
def test_a_copy_without_the_file_says_so() -> None:
    assert decide_weights(None, None) == ("resnet18", Hub())
    with pytest.raises(WeightsError, match="the bundled weights are missing from this copy"):
        load_backbone(BUNDLED_BACKBONE, Bundled())


def test_bundled_weights_fit_one_network(bundled: Path) -> None:
    assert load_backbone(BUNDLED_BACKBONE, Bundled()).weights == Bundled()
    assert load_backbone("mobilenetv2_100.ra_in1k", Bundled(), 160).weights == Bundled()
    assert bundled.is_file()
    with pytest.raises(
        WeightsError, match="those of a mobilenetv2_100 and do not fit resnet50: leave --backbone"
    ):
        load_backbone("resnet50", Bundled())


@pytest.mark.usefixtures("bundled")
def test_another_network_without_a_hub_is_an_error_that_names_the_bundled_one() -> None:
    with pytest.raises(WeightsError, match="--weights bundled, without --backbone"):
        load_backbone("resnet50", decide_weights("resnet50", None)[1])


@pytest.mark.skipif(not IS_BUNDLED, reason="the trained weights are not in this copy yet")
@torch.inference_mode()
def test_the_bundled_file_is_small_and_tells_pictures_apart() -> None:
    file = pretrained.bundled_file()
    assert file is not None

    backbone = load_backbone(BUNDLED_BACKBONE, Bundled())

    assert file.stat().st_size <= 8_000_000
    assert (file.parent / "README.md").is_file()
    features = backbone(torch.randn(4, 3, 224, 224, generator=torch.Generator().manual_seed(0)))
    assert features.isfinite().all()
    assert features.std(0).mean() > 0.01
