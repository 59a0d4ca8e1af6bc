"""`--backbone auto`: what loses least on a sample, or a faster network that is as good."""

import json
import logging
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from models.backbones.backbone import Backbone
from models.errors import BackboneError, UsageError, WeightsError
from models.graph.network import Network
from models.pretrained import DEFAULT_BACKBONE
from tests.conftest import TINY_BACKBONE, lively_backbone
from tests.training.conftest import Run, draw_pets
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.features.extractor import Extractor
from training.features.graphs import graph_of
from training.head.cross_validation import CrossValidation
from training.selection.backbone import (
    BackboneChoice,
    Candidate,
    choose_backbone,
    preferred,
)

Choose = Callable[..., BackboneChoice]

#: Another of timm's smallest.
OTHER = "test_efficientnet"

_SAME = [0.1, 0.2, 0.1, 0.2]


def blind_backbone() -> Backbone:
    """One whose features are the same for all pictures."""
    backbone = lively_backbone(TINY_BACKBONE)
    with torch.no_grad():
        for parameter in backbone.parameters():
            parameter.zero_()
    return backbone


def shown(backbone: Backbone) -> Extractor:
    network = Network(backbone)
    return Extractor(network, graph_of(network), backbone.preprocessing)


def refused() -> Extractor:
    raise BackboneError("tiny cannot read pictures of this size")


BLIND = Candidate("blind", "blind.pth", lambda: shown(blind_backbone()))
SEEING = Candidate("seeing", "seeing.pth", lambda: shown(lively_backbone(TINY_BACKBONE)))
REFUSED = Candidate("refused", "refused.pth", refused)


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return draw_pets(tmp_path_factory.mktemp("drawn") / "pets", 24)


def choose(folder: Path, *candidates: Candidate) -> BackboneChoice:
    found = scan_folder(folder)
    return choose_backbone(candidates, "auto", None, found, Pictures(found.read))


def test_the_network_that_tells_the_classes_apart_is_taken_and_both_are_told(
    many: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    choice = choose(many, BLIND, SEEING)

    assert (choice.backbone, choice.weights) == ("seeing", "seeing.pth")
    assert choice.chosen_by == "cross-validation on 24 pictures of the training part"
    asked = {one.backbone: one for one in choice.asked}
    assert asked["seeing"].log_loss < asked["blind"].log_loss
    assert asked["blind"].accuracy == pytest.approx(0.5, abs=0.2)
    assert min(one.milliseconds for one in choice.asked) > 0
    assert "blind, blind.pth: log loss" in caplog.text
    assert "ms a picture" in caplog.text


def test_in_which_order_networks_are_at_hand_has_no_part_in_it(many: Path) -> None:
    assert choose(many, BLIND, SEEING) == choose(many, SEEING, BLIND)


def test_a_network_that_takes_no_such_pictures_is_left_out_and_told(
    many: Path, caplog: pytest.LogCaptureFixture
) -> None:
    choice = choose(many, REFUSED, SEEING)

    assert (choice.backbone, choice.chosen_by) == ("seeing", "no others are at hand")
    assert "not asked: tiny cannot read pictures of this size" in caplog.text
    with pytest.raises(BackboneError, match="none of the networks at hand"):
        choose(many, REFUSED)


def test_of_too_few_pictures_nothing_is_asked(class_folder: Path) -> None:
    default = Candidate(DEFAULT_BACKBONE, "packaged", SEEING.load)

    choice = choose(class_folder, BLIND, default)

    assert (choice.backbone, choice.asked) == (DEFAULT_BACKBONE, ())
    assert choice.chosen_by == "there are too few pictures to ask"


@pytest.mark.parametrize(
    ("losses", "milliseconds", "expected"),
    [
        ([[0.3, 0.3, 0.3, 0.4], [0.1, 0.1, 0.2, 0.1]], [1, 10], 1),
        ([_SAME, _SAME], [10, 1], 1),
        ([_SAME, [0.0, 0.3, 0.0, 0.29]], [1, 10], 0),
        ([_SAME, [0.0, 0.3, 0.0, 0.29]], [9, 10], 1),
        ([_SAME, [0.1, 0.1, 0.1, 0.1]], [1, 10], 1),
        ([_SAME, _SAME, [0.0, 0.3, 0.0, 0.29]], [5, 1, 10], 1),
    ],
    ids=[
        "the better one, however slow",
        "of equals the faster",
        "a gain that is chance does not make up for time",
        "what is hardly faster gains nothing",
        "a gain that is more than chance does",
        "of several that are as good the fastest",
    ],
)
def test_the_best_is_preferred_or_the_fastest_that_is_as_good(
    losses: list[list[float]], milliseconds: list[float], expected: int
) -> None:
    answers = [CrossValidation(np.array(one), np.array([]), 1.0) for one in losses]

    assert preferred(answers, milliseconds) == expected


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    """A folder with two files, each called like its network."""
    for name in (TINY_BACKBONE, OTHER):
        save_file(dict(lively_backbone(name).model.state_dict()), tmp_path / f"{name}.safetensors")
    return tmp_path


def test_a_run_says_what_it_chose_and_why(
    train: Run, many: Path, weights: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("huggingface_hub.constants.HF_HUB_OFFLINE", True)
    monkeypatch.setattr("models.backbones.at_hand.WHEELS", {})

    summary = train(many, backbone="auto", weights=str(weights))

    choice = summary["backbone_choice"]
    names = [one["backbone"] for one in choice["asked"]]
    assert sorted(names) == sorted([TINY_BACKBONE, OTHER])
    assert choice["backbone"] == summary["backbone"] == summary["settings"]["backbone"]
    folder = Path(summary["bundle"]).parent
    assert json.loads((folder / "backbone.json").read_text("utf-8")) == choice


def test_a_network_that_was_named_is_asked_nothing(train: Run, class_folder: Path) -> None:
    assert train(class_folder)["backbone_choice"] == {}


def test_a_file_that_does_not_fit_the_network_it_is_called_like_is_an_error(
    train: Run, many: Path, tmp_path: Path
) -> None:
    file = tmp_path / f"{TINY_BACKBONE}.safetensors"
    save_file({"other": torch.zeros(1)}, file)

    with pytest.raises(WeightsError, match=r"safetensors"):
        train(many, backbone="auto", weights=str(file))


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"weights": "none"}, "--backbone auto chooses among networks that have learned something"),
        ({"weights": "packaged", "epochs": 3}, "--epochs: no effect without --finetune"),
    ],
)
def test_what_makes_no_sense_beside_it_is_said_at_once(
    train: Run, class_folder: Path, options: dict[str, object], sentence: str
) -> None:
    with pytest.raises(UsageError, match=sentence):
        train(class_folder, backbone="auto", **options)
