"""Fine-tuning on folders of drawn pictures with a tiny real network, as the command does it."""

import json
import logging
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from models.graph.classifier import Classifier
from models.preprocessing import read_pixels
from tests.conftest import TINY_BACKBONE, lively_backbone, with_lively_head
from tests.models.graph.families import MEMBERS, small_backbone
from tests.training.conftest import ROOT, Run, best_weights
from tests.training.moments import at
from training.cli import main
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.finetuning.learner import (
    FineTuningTask,
    fine_tune,
    parameter_groups,
)
from training.finetuning.plan import FineTuningOptions, FineTuningPlan, plan_fine_tuning


def small_classifier() -> Classifier:
    """As large as the pictures are: the same network, in a sixth of the time."""
    return with_lively_head(lively_backbone(TINY_BACKBONE, image_size=64), classes=2)


@pytest.fixture
def classifier() -> Classifier:
    return small_classifier()


@pytest.fixture
def task(pets: Path, classifier: Classifier) -> FineTuningTask:
    examples = scan_folder(pets).examples
    held: list[Example] = [e for i, e in enumerate(examples) if i % 4 == 0]
    taught = [e for e in examples if e not in held]
    shown = classifier.backbone.preprocessing
    return FineTuningTask(taught, held, 2, shown, Pictures(), "mild", seed=1)


def test_earlier_layers_learn_more_slowly(classifier: Classifier) -> None:
    plan = plan_fine_tuning(1000, FineTuningOptions(), from_scratch=False)

    groups = parameter_groups(classifier, plan)

    rates = {id(p): group["lr"] for group in groups for p in group["params"]}
    named = dict(classifier.named_parameters())
    assert rates.keys() == {id(p) for p in named.values()}
    first = rates[id(named["backbone.model.conv1.0.weight"])]
    middle = rates[id(named["backbone.model.layer2.0.conv1.weight"])]
    assert first < middle < rates[id(named["linear.weight"])]


def test_all_weights_learn_and_batch_norm_statistics_stay(
    classifier: Classifier, task: FineTuningTask, tmp_path: Path
) -> None:
    before = {k: v.clone() for k, v in classifier.state_dict().items()}

    fine_tune(classifier, task, FineTuningPlan(2, 8, 1e-3), tmp_path)

    for name, value in classifier.state_dict().items():
        is_statistic = "running_" in name or "num_batches" in name
        assert torch.equal(value, before[name]) == is_statistic, name
    assert not classifier.training


def test_fine_tuning_lowers_the_loss_on_pictures_that_it_did_not_learn_from(
    classifier: Classifier, task: FineTuningTask, tmp_path: Path
) -> None:
    before = _log_loss(classifier, task)

    fine_tune(classifier, task, FineTuningPlan(8, 8, 3e-3), tmp_path)

    assert _log_loss(classifier, task) < before


def test_what_has_learned_nothing_learns_its_statistics_too(
    classifier: Classifier, task: FineTuningTask, tmp_path: Path
) -> None:
    before = {k: v.clone() for k, v in classifier.state_dict().items()}

    fine_tune(classifier, task, FineTuningPlan(1, 8, 1e-3, from_scratch=True), tmp_path)

    after = classifier.state_dict()
    moved = [k for k in before if "running_mean" in k and not torch.equal(after[k], before[k])]
    assert len(moved) == sum("running_mean" in k for k in before)


def test_the_course_s_network_is_trained_from_scratch_unasked(
    class_folder: Path, train: Run
) -> None:
    summary = train(class_folder, backbone="baseline", image_size=32, epochs=4)

    assert summary["fine_tuning"]["plan"]["from_scratch"]
    assert summary["fine_tuning"]["epochs"] == 4
    assert set(summary["fine_tuning"]["held_out_accuracy"]) == {"frozen", "fine_tuned"}
    features, classes = 64, 2
    expected = {"frozen": (features + 1) * classes, "from scratch": 71_970}
    assert summary["trained_parameters"] == expected[summary["recipe"]]


def _log_loss(classifier: Classifier, task: FineTuningTask) -> float:
    shown = task.preprocessing
    pixels = np.stack([read_pixels(e.path.read_bytes(), shown) for e in task.validation])
    labels = torch.tensor([e.class_index for e in task.validation])
    with torch.no_grad():
        return float(cross_entropy(classifier(torch.from_numpy(pixels)), labels))


def test_the_same_seed_gives_the_same_weights(task: FineTuningTask, tmp_path: Path) -> None:
    weights = []
    for name in ("one", "other"):
        network = small_classifier()
        fine_tune(network, task, FineTuningPlan(2, 8, 1e-3), tmp_path / name)
        weights.append(network.linear.weight.detach())

    assert torch.equal(*weights)


def test_one_goes_on_after_the_last_epoch_even_where_an_earlier_one_was_better(
    task: FineTuningTask, tmp_path: Path
) -> None:
    """At a rate of 0 no epoch is better than the first; the folder is moved meanwhile."""
    idle = FineTuningPlan(2, 8, 0.0, patience=9)
    first = fine_tune(small_classifier(), task, idle, tmp_path / "here")
    last = torch.load(tmp_path / "here/checkpoints/last.ckpt", weights_only=True)
    (tmp_path / "here").rename(tmp_path / "there")

    longer = replace(idle, epochs=4)
    found = fine_tune(small_classifier(), task, longer, tmp_path / "there")

    assert (first.best_epoch, last["epoch"] + 1) == (1, 2)
    assert (found.epochs, found.best_epoch) == (4, 1)


def test_an_early_end_is_said(
    task: FineTuningTask, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)

    found = fine_tune(small_classifier(), task, FineTuningPlan(9, 8, 0.0, patience=1), tmp_path)

    assert found.epochs == 2
    assert "stopped early, after epoch 2 of at most 9" in caplog.text
    assert "the weights of epoch 1 are kept" in caplog.text


@pytest.fixture(scope="module")
def unbroken(pets: Path, learned_weights: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Where a run that was left in peace has ended."""
    out = tmp_path_factory.mktemp("unbroken")
    assert main(arguments(pets, learned_weights, out)) == 0
    return out


def arguments(data: Path, weights: Path, out: Path, epochs: int = 3) -> list[str]:
    given = {"data": data, "backbone": TINY_BACKBONE, "weights": weights, "image-size": 64}
    asked = {**given, "out": out, "epochs": epochs, "precision": "fp32"}
    return ["--finetune", *(f"--{option}={value}" for option, value in asked.items())]


def answers(out: Path) -> str:
    (path,) = out.glob("*/*/predictions.csv")
    return path.read_text("utf-8")


@pytest.mark.slow
def test_a_run_that_is_killed_again_and_again_ends_with_the_same_weights(
    tmp_path: Path, pets: Path, learned_weights: Path, unbroken: Path
) -> None:
    """Before it learns, and twice while it does so, each time by a signal that it cannot catch."""
    begun = arguments(pets, learned_weights, tmp_path)
    moments = ["fitting the head", "epoch 1:", "epoch 2:"]
    command = [sys.executable, "-m", "tests.training.killed"]
    subprocess.run([*command, json.dumps([moments, begun])], cwd=ROOT, check=True)
    (folder,) = tmp_path.glob("*/*")
    assert not (folder / "summary.json").exists()

    assert main(["--resume", str(folder)]) == 0

    one, other = best_weights(unbroken), best_weights(tmp_path)
    assert all(torch.equal(one[name], other[name]) for name in one)
    assert answers(tmp_path) == answers(unbroken)


@pytest.fixture
def hears_ctrl_c() -> Iterator[None]:
    """What a shell starts in the background ignores it, the tests themselves included."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def press_ctrl_c() -> None:
    os.kill(os.getpid(), signal.SIGINT)


def test_ctrl_c_exports_the_best_so_far(tmp_path: Path, pets: Path, learned_weights: Path) -> None:
    with at("epoch 2:", press_ctrl_c):
        assert main(arguments(pets, learned_weights, tmp_path, epochs=500)) == 0

    (summary,) = tmp_path.glob("*/*/summary.json")
    found: dict[str, Any] = json.loads(summary.read_text("utf-8"))
    assert found["fine_tuning"]["interrupted"]
    assert found["fine_tuning"]["best_epoch"] >= 1
    assert found["fine_tuning"]["epochs"] == 2
    assert summary.with_name("bundle.onnx").exists()


@pytest.mark.usefixtures("hears_ctrl_c")
def test_ctrl_c_ends_after_the_step_and_a_second_one_at_once(
    classifier: Classifier, task: FineTuningTask, tmp_path: Path
) -> None:
    plan = FineTuningPlan(500, 8, 1e-3)

    with at("epoch 1:", press_ctrl_c):
        found = fine_tune(classifier, task, plan, tmp_path)

    assert (found.epochs, found.best_epoch, found.interrupted) == (1, 1, True)
    with (
        pytest.raises(KeyboardInterrupt),
        at("epoch 2:", press_ctrl_c),
        at("stopping after this step", press_ctrl_c),
    ):
        fine_tune(classifier, task, plan, tmp_path)


def test_a_run_that_is_none_or_has_ended_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--resume", str(tmp_path)]) == 2
    assert "is no run folder" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "summary.json").write_text("{}")
    assert main(["--resume", str(tmp_path)]) == 2
    assert "has ended" in capsys.readouterr().err


def test_of_a_transformer_earlier_blocks_learn_more_slowly_and_positions_keep_their_size() -> None:
    backbone = small_backbone(MEMBERS["vit_tiny_patch16_224"])
    plan = plan_fine_tuning(1000, FineTuningOptions(), from_scratch=False)

    groups = parameter_groups(with_lively_head(backbone, classes=2), plan)

    named = dict(backbone.model.named_parameters())
    group_of = {id(p): group for group in groups for p in group["params"]}
    rates = [group_of[id(named[n])]["lr"] for n in ("pos_embed", *_QKV)]
    assert rates == sorted(set(rates))
    assert group_of[id(named["pos_embed"])]["weight_decay"] == 0
    assert group_of[id(named[_QKV[0]])]["weight_decay"] == plan.weight_decay


_QKV = ("blocks.0.attn.qkv.weight", "blocks.1.attn.qkv.weight")
