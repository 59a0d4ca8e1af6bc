"""What a network is shown has its own size, one that was asked for, or a larger one that pays."""

from pathlib import Path

import pytest
import torch

from models.backbones.backbone import load_backbone
from models.backbones.weights import Random
from tests.conftest import TINY_BACKBONE
from tests.training.conftest import Run, fill
from training.cli import main
from training.selection.image_size import larger_than


def test_a_larger_size_is_taken_where_it_pays(
    train: Run, class_folder: Path, learned_weights: Path
) -> None:
    for label in ("cat", "dog"):
        fill(class_folder / label, label, range(24))

    summary = train(class_folder, weights=str(learned_weights), image_size="auto", framing="crop")

    asked = summary["larger_size"]
    assert asked["image_size"] == 192
    assert summary["image_size"] == (192 if asked["pays"] else 160)
    assert asked["pays"] == (asked["gain"] > asked["error"])
    assert asked["cost"] == 1.44


@pytest.mark.parametrize(
    ("backbone", "size", "sentence"),
    [
        (TINY_BACKBONE, "16", "as a single point"),
        ("inception_v3", "40", "cannot read pictures of this size"),
        ("maxvit_tiny_tf_224", "250", "cannot read pictures of this size"),
        (TINY_BACKBONE, "15", "16 to 4096 pixels"),
        (TINY_BACKBONE, "0", "16 to 4096 pixels"),
    ],
)
def test_a_size_that_a_network_cannot_take_is_a_sentence_and_exit_code_2(
    class_folder: Path, backbone: str, size: str, sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    given = ["--data", str(class_folder), "--backbone", backbone, "--weights", "none"]

    code = main([*given, "--image-size", size])

    said = capsys.readouterr().err.splitlines()[-1]
    assert code == 2
    assert said.startswith(f"train-transfer: --image-size {size}: ")
    assert sentence in said


def test_a_size_is_a_number_or_auto(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        main(["--data", "x", "--image-size", "large"])

    assert "'large' is neither a number of pixels nor auto" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "map_size"), [("resnet18", 8), ("swin_tiny_patch4_window7_224", 8), ("vgg11", 7)]
)
def test_a_backbone_reads_the_size_that_it_is_given(name: str, map_size: int) -> None:
    backbone = load_backbone(name, Random(), image_size=250)

    assert (backbone.preprocessing.height, backbone.preprocessing.width) == (250, 250)
    feature_map = backbone.map_of(backbone.trunk(torch.zeros(1, 3, 250, 250)))
    assert tuple(feature_map.shape[2:]) == (map_size, map_size)


@pytest.mark.parametrize(("own", "larger"), [(224, 288), (299, 384), (160, 192), (40, 64)])
def test_a_larger_size_is_a_third_larger_and_a_multiple_of_32(own: int, larger: int) -> None:
    assert larger_than(own) == larger
