import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file
from torch import nn

from models.backbones.weights import (
    File,
    Hub,
    Packaged,
    Random,
    Weights,
    decide_weights,
    load_from_file,
    load_from_hub,
    parse_weights,
    random_start,
)
from models.errors import WeightsError
from models.pretrained import DEFAULT_BACKBONE

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


@pytest.mark.parametrize(
    ("word", "meant", "origin"),
    [
        ("imagenet", Hub(), "imagenet"),
        ("packaged", Packaged(), "packaged"),
        ("none", Random(), "none (random)"),
        ("of a friend/mine.pth", File(Path("of a friend/mine.pth")), "mine.pth"),
        ("./none", File(Path("none")), "none"),
        ("Imagenet", File(Path("Imagenet")), "Imagenet"),
    ],
)
def test_a_word_means_weights_that_say_where_they_are_from(
    word: str, meant: Weights, origin: str
) -> None:
    found = parse_weights(word)

    assert found == meant
    assert found.origin == origin
    assert isinstance(found, File) or found.word == word


def test_bundled_is_answered_with_what_took_its_place(caplog: pytest.LogCaptureFixture) -> None:
    assert parse_weights("bundled") == Packaged()
    assert "--weights bundled: the small network that this was is no more" in caplog.text


@pytest.mark.parametrize(
    ("backbone", "asked", "decided"),
    [
        (None, None, (DEFAULT_BACKBONE, Packaged())),
        (None, Packaged(), (DEFAULT_BACKBONE, Packaged())),
        (None, Hub(), (DEFAULT_BACKBONE, Hub())),
        (None, Random(), (DEFAULT_BACKBONE, Random())),
        (None, File(Path("mine.pth")), (DEFAULT_BACKBONE, File(Path("mine.pth")))),
        ("tf_efficientnet_lite0.in1k", None, ("tf_efficientnet_lite0.in1k", Hub())),
        ("resnet18", None, ("resnet18", Hub())),
        ("baseline", None, ("baseline", Random())),
    ],
)
def test_what_is_left_open_is_packaged_or_the_hub_s_or_nothing_where_nothing_can_be_had(
    backbone: str | None, asked: Weights | None, decided: tuple[str, Weights]
) -> None:
    assert parse_weights("auto") is None
    assert decide_weights(backbone, asked) == decided


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


def test_random_weights_say_so_loudly(caplog: pytest.LogCaptureFixture) -> None:
    random_start(NAME)

    (record,) = caplog.records
    assert record.levelname == "WARNING"
    assert "NONE. test_resnet starts from random numbers" in record.getMessage()


def config_of(name: str) -> Any:
    return timm.get_pretrained_cfg(name)


def filled_cache(home: Path, state: State) -> None:
    """A hub cache with test_resnet in it, laid out as the hub's own library does."""
    repository = config_of(NAME).hf_hub_id.replace("/", "--")
    folder = home / "hub" / f"models--{repository}"
    revision = "0" * 40
    (folder / "refs").mkdir(parents=True)
    (folder / "refs" / "main").write_text(revision)
    (folder / "snapshots" / revision).mkdir(parents=True)
    save_file(state, folder / "snapshots" / revision / "model.safetensors")


LOAD = """
import logging
from models.errors import WeightsError
from models.pretrained import DEFAULT_BACKBONE
from models.backbones.backbone import load_backbone
from models.backbones.weights import Hub
logging.basicConfig(level=logging.INFO)
try:
    backbone = load_backbone("test_resnet", Hub())
    print("loaded", backbone.weights.origin, float(backbone.model.state_dict()["bn1.weight"][0]))
except WeightsError as error:
    print("refused:", error)
"""


def load_elsewhere(home: Path, **environment: str) -> str:
    """What another process says that loads ImageNet weights; it has a hub cache of its own."""
    inherited = {k: v for k, v in os.environ.items() if not k.startswith(("HF_", "HUGGINGFACE_"))}
    done = subprocess.run(
        [sys.executable, "-c", LOAD],
        env={**inherited, "HF_HOME": str(home), **environment},
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    return done.stdout


@pytest.mark.slow
@pytest.mark.parametrize(
    "environment", [{"HF_HUB_OFFLINE": "1"}, {"HF_ENDPOINT": "http://127.0.0.1:9"}]
)
def test_a_filled_cache_is_enough_without_a_hub(
    tmp_path: Path, environment: dict[str, str]
) -> None:
    torch.manual_seed(5)
    state = timm.create_model(NAME).state_dict()
    state["bn1.weight"] += 0.25
    filled_cache(tmp_path, state)

    assert load_elsewhere(tmp_path, **environment) == "loaded imagenet 1.25\n"


@pytest.mark.slow
@pytest.mark.parametrize(
    ("environment", "sentence"),
    [
        ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE forbids asking https://huggingface.co"),
        (
            {"HF_ENDPOINT": "http://127.0.0.1:9"},
            "http://127.0.0.1:9 could not be reached within 5 s",
        ),
    ],
)
def test_without_cache_and_hub_there_is_one_sentence_with_ways_on(
    tmp_path: Path, environment: dict[str, str], sentence: str
) -> None:
    found = load_elsewhere(tmp_path, **environment)

    assert found.startswith("refused: the ImageNet weights of test_resnet are not on this machine")
    assert sentence in found
    assert "--weights FILE" in found
    assert "--weights none" in found
    assert found.count("\n") == 1


def test_a_network_without_pretrained_weights_says_so() -> None:
    names = [n for n in timm.list_models("res*") if not config_of(n).has_weights]
    name = names[0]

    with pytest.raises(WeightsError, match=f"timm has no pretrained weights for {name}: choose"):
        load_from_hub(name)


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
