"""Parameters from a file: all of them and no others, whatever they are wrapped in, and no code."""

import pickle
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from models.backbones.weights import (
    load_from_file,
    random_start,
)
from models.errors import WeightsError

NAME = "test_resnet"
State = dict[str, torch.Tensor]


@pytest.fixture(scope="module")
def trained() -> nn.Module:
    """A network as somebody else has trained it, for seven classes."""
    torch.manual_seed(5)
    model: nn.Module = timm.create_model(NAME, num_classes=7)
    return model


@pytest.fixture
def state(trained: nn.Module) -> State:
    return {name: tensor.clone() for name, tensor in trained.state_dict().items()}


def as_safetensors(state: State, path: Path) -> None:
    save_file(state, path)


def as_checkpoint(state: State, path: Path) -> None:
    torch.save(state, path)


def as_wrapped_checkpoint(state: State, path: Path) -> None:
    torch.save({"state_dict": state, "epoch": 3}, path)


def as_model_checkpoint(state: State, path: Path) -> None:
    torch.save({"model": state, "lr": 0.1}, path)


def as_parallel_checkpoint(state: State, path: Path) -> None:
    torch.save({"state_dict": {f"module.{k}": v for k, v in state.items()}}, path)


def without_counters(state: State, path: Path) -> None:
    torch.save({k: v for k, v in state.items() if "num_batches" not in k}, path)


def without_classifier(state: State, path: Path) -> None:
    torch.save({k: v for k, v in state.items() if not k.startswith("fc.")}, path)


@pytest.mark.parametrize(
    ("save", "suffix"),
    [
        (as_safetensors, ".safetensors"),
        (as_checkpoint, ".pth"),
        (as_checkpoint, ".pt"),
        (as_checkpoint, ".bin"),
        (as_wrapped_checkpoint, ".pth"),
        (as_model_checkpoint, ".pth"),
        (as_parallel_checkpoint, ".pth"),
        (without_counters, ".pth"),
        (without_classifier, ".pth"),
    ],
)
def test_weights_are_loaded_whatever_they_are_wrapped_in(
    state: State, tmp_path: Path, save: Callable[..., None], suffix: str
) -> None:
    save(state, tmp_path / f"weights{suffix}")

    found = load_from_file(NAME, tmp_path / f"weights{suffix}").state_dict()

    assert found
    for name, tensor in found.items():
        assert name.endswith("num_batches_tracked") or torch.equal(tensor, state[name]), name


def lacking_one(state: State) -> None:
    del state["conv1.0.weight"]


def lacking_many(state: State) -> None:
    for name in [name for name in state if name.startswith("layer")]:
        del state[name]


def with_one_more(state: State) -> None:
    state["layer9.weight"] = torch.zeros(1)


def with_another_shape(state: State) -> None:
    state["bn1.weight"] = torch.zeros(1)


def with_two_problems(state: State) -> None:
    lacking_one(state)
    with_one_more(state)


@pytest.mark.parametrize(
    ("spoil", "sentence"),
    [
        (lacking_one, r"do not fit test_resnet: 1 missing \(conv1\.0\.weight\)\. Name the network"),
        (lacking_many, r"\d+ missing \(layer1.* and \d+ more\)"),
        (with_one_more, r"fit test_resnet: 1 unexpected \(layer9\.weight\)"),
        (with_another_shape, r"fit test_resnet: 1 of another shape \(bn1\.weight\)"),
        (with_two_problems, r"1 missing \(conv1\.0\.weight\); 1 unexpected \(layer9\.weight\)"),
    ],
)
@pytest.mark.parametrize(
    ("save", "suffix"), [(as_safetensors, ".safetensors"), (as_checkpoint, ".pth")]
)
def test_weights_that_do_not_fit_are_refused_with_the_names(
    state: State,
    tmp_path: Path,
    spoil: Callable[[State], None],
    sentence: str,
    save: Callable[..., None],
    suffix: str,
) -> None:
    spoil(state)
    save(state, tmp_path / f"weights{suffix}")

    with pytest.raises(WeightsError, match=sentence):
        load_from_file(NAME, tmp_path / f"weights{suffix}")


@pytest.mark.parametrize("other", ["test_convnext", "test_efficientnet", "resnet10t"])
def test_another_network_s_weights_are_refused(tmp_path: Path, other: str) -> None:
    torch.save(timm.create_model(other, num_classes=7).state_dict(), tmp_path / "other.pth")

    with pytest.raises(
        WeightsError, match=r"other\.pth do not fit test_resnet: \d+ missing .* Name the network"
    ):
        load_from_file(NAME, tmp_path / "other.pth")


@pytest.mark.parametrize("name", ["test_convnext", "test_mambaout", "test_efficientnet"])
def test_heads_of_other_names_are_left_out_too(tmp_path: Path, name: str) -> None:
    model = timm.create_model(name, num_classes=7)
    torch.save(model.state_dict(), tmp_path / "weights.pth")

    found = load_from_file(name, tmp_path / "weights.pth").state_dict()

    expected = model.state_dict()
    assert all(torch.equal(tensor, expected[key]) for key, tensor in found.items())


class Dropper:
    """Unpickled, this makes a file: what a hostile checkpoint would do, and worse."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self.path), "w")


@pytest.mark.parametrize("suffix", [".pth", ".bin", ".ckpt", ".safetensors.pth"])
@pytest.mark.parametrize("zipped", [True, False])
def test_code_in_a_checkpoint_is_refused_and_not_run(
    state: State, tmp_path: Path, suffix: str, zipped: bool
) -> None:
    path = tmp_path / f"hostile{suffix}"
    hostile = {**state, "extra": Dropper(tmp_path / "ran")}
    torch.save(hostile, path, _use_new_zipfile_serialization=zipped)

    with pytest.raises(WeightsError, match="holds more than tensors, and loading it could run"):
        load_from_file(NAME, path)

    assert not (tmp_path / "ran").exists()


def test_a_plain_pickle_is_refused_and_not_run(tmp_path: Path) -> None:
    (tmp_path / "hostile.pth").write_bytes(pickle.dumps({"extra": Dropper(tmp_path / "ran")}))

    with pytest.raises(WeightsError, match=r"hostile\.pth is not a file of weights: "):
        load_from_file(NAME, tmp_path / "hostile.pth")

    assert not (tmp_path / "ran").exists()


@pytest.mark.parametrize(
    "suffix", [".safetensors", ".pth", ".pt", ".bin", ".txt", ".npz", ".npy", ""]
)
@pytest.mark.parametrize(
    "data", [b"", b"just text\n" * 9, b"\x80\x02}q\0.", b"PK\x03\x04", b"\0" * 99]
)
def test_what_is_no_file_of_weights_is_refused_by_name(
    tmp_path: Path, suffix: str, data: bytes
) -> None:
    path = tmp_path / f"notes{suffix}"
    path.write_bytes(data)

    with pytest.raises(
        WeightsError, match=r"notes\S* is not a file of weights.*: a \.safetensors file or"
    ):
        load_from_file(NAME, path)


@pytest.mark.parametrize(
    "content", [{"epoch": 3}, [1, 2, 3], {"state_dict": {"lr": 0.1}}, torch.zeros(3)]
)
def test_a_checkpoint_without_weights_is_refused(tmp_path: Path, content: Any) -> None:
    torch.save(content, tmp_path / "empty.pth")

    with pytest.raises(WeightsError, match=r"empty\.pth .*state_dict"):
        load_from_file(NAME, tmp_path / "empty.pth")


def test_a_missing_file_is_refused_by_name(tmp_path: Path) -> None:
    with pytest.raises(WeightsError, match=r"--weights: there is no file .*absent\.pth"):
        load_from_file(NAME, tmp_path / "absent.pth")
    with pytest.raises(WeightsError, match="--weights: there is no file"):
        load_from_file(NAME, tmp_path)


@pytest.mark.parametrize("name", ["vit_tiny_patch16_224", "beit_base_patch16_224"])
def test_a_file_for_pictures_of_another_size_gets_its_positions_interpolated(
    tmp_path: Path, name: str
) -> None:
    short = {"embed_dim": 48, "num_heads": 3, "depth": 1}
    torch.save(random_start(name, img_size=96, **short).state_dict(), tmp_path / "mine.pth")

    found = load_from_file(name, tmp_path / "mine.pth", img_size=64, **short).state_dict()

    state = torch.load(tmp_path / "mine.pth", weights_only=True)
    moved = {key for key in found if not torch.equal(found[key], state.get(key, found[key]))}
    assert moved
    assert all(key.endswith(("pos_embed", "relative_position_bias_table")) for key in moved)


def test_patches_of_another_size_are_another_network_s(tmp_path: Path) -> None:
    short = {"img_size": 64, "embed_dim": 48, "num_heads": 3, "depth": 1}
    model = random_start("vit_base_patch32_224", **short)
    torch.save(model.state_dict(), tmp_path / "mine.pth")

    with pytest.raises(WeightsError, match=r"another shape \(patch_embed.proj.weight, pos_"):
        load_from_file("vit_base_patch16_224", tmp_path / "mine.pth", **short)
