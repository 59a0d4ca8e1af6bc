"""Which weights a word means, and where those of the hub come from."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import timm
import torch
from safetensors.torch import save_file

from models.backbones.weights import (
    File,
    Hub,
    Packaged,
    Random,
    Weights,
    decide_weights,
    load_from_hub,
    parse_weights,
    random_start,
)
from models.errors import WeightsError
from models.pretrained import DEFAULT_BACKBONE

NAME = "test_resnet"
State = dict[str, torch.Tensor]


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
