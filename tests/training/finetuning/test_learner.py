"""Fine-tuning on folders of drawn pictures with a tiny real network, as the command does it."""

import json
import os
import resource
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch.nn.functional import cross_entropy

from models.errors import OutputError
from models.graph.classifier import Classifier
from models.preprocessing import read_pixels
from tests.conftest import TINY_BACKBONE, lively_classifier
from tests.training.conftest import Run, begin, best_weights, fill, wait_for
from training.cli import main
from training.data.folder import Example, scan_folder
from training.finetuning.checkpoints import AtomicCheckpoints
from training.finetuning.learner import FineTuningTask, fine_tune, parameter_groups
from training.finetuning.plan import FineTuningPlan, plan_fine_tuning
from training.recipes.finetune import compare
from training.settings import TrainingSettings

ROOT = Path(__file__).parents[3]


@pytest.fixture
def classifier() -> Classifier:
    return lively_classifier(TINY_BACKBONE, classes=2)


@pytest.fixture
def task(class_folder: Path, classifier: Classifier) -> FineTuningTask:
    examples = scan_folder(class_folder).examples
    held: list[Example] = [e for i, e in enumerate(examples) if i % 4 == 0]
    settings = TrainingSettings(class_folder, seed=1)
    taught = [e for e in examples if e not in held]
    return FineTuningTask(taught, held, 2, settings, classifier.backbone.preprocessing)


@pytest.mark.parametrize(
    ("pictures", "epochs", "batch_size"),
    [(20, 20, 16), (1000, 8, 16), (1999, 4, 16), (2000, 4, 32), (50_000, 4, 64)],
)
def test_epochs_and_batches_follow_from_the_number_of_pictures(
    pictures: int, epochs: int, batch_size: int
) -> None:
    plan = plan_fine_tuning(pictures, TrainingSettings(Path()), from_scratch=False)

    assert (plan.epochs, plan.batch_size) == (epochs, batch_size)


def test_what_is_given_overrides_the_rule() -> None:
    settings = TrainingSettings(Path(), epochs=2, learning_rate=1e-5, batch_size=7)

    plan = plan_fine_tuning(1000, settings, from_scratch=False)

    assert (plan.epochs, plan.learning_rate, plan.batch_size) == (2, 1e-5, 7)


def test_earlier_layers_learn_more_slowly(classifier: Classifier) -> None:
    plan = plan_fine_tuning(1000, TrainingSettings(Path()), from_scratch=False)

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


def test_from_scratch_takes_longer_and_treats_all_layers_alike() -> None:
    plan = plan_fine_tuning(800, TrainingSettings(Path()), from_scratch=True)

    assert plan.epochs == 62
    assert plan.layer_decay == 1


def _log_loss(classifier: Classifier, task: FineTuningTask) -> float:
    shown = task.preprocessing
    pixels = np.stack([read_pixels(e.path.read_bytes(), shown) for e in task.validation])
    labels = torch.tensor([e.class_index for e in task.validation])
    with torch.no_grad():
        return float(cross_entropy(classifier(torch.from_numpy(pixels)), labels))


def test_the_same_seed_gives_the_same_weights(task: FineTuningTask, tmp_path: Path) -> None:
    weights = []
    for name in ("one", "other"):
        network = lively_classifier(TINY_BACKBONE, classes=2)
        fine_tune(network, task, FineTuningPlan(2, 8, 1e-3), tmp_path / name)
        weights.append(network.linear.weight.detach())

    assert torch.equal(*weights)


def test_the_better_of_two_is_told_by_accuracy_and_then_by_log_loss() -> None:
    labels = np.array([0, 1, 1, 0])
    sure = np.array([[0.9, 0.1], [0.1, 0.9], [0.1, 0.9], [0.9, 0.1]], np.float32)
    unsure = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.6, 0.4]], np.float32)
    wrong = np.array([[0.6, 0.4], [0.4, 0.6], [0.4, 0.6], [0.4, 0.6]], np.float32)

    assert compare(unsure, sure, labels).is_tuned_better
    assert not compare(sure, unsure, labels).is_tuned_better
    assert not compare(sure, sure, labels).is_tuned_better
    gained = compare(wrong, unsure, labels)
    assert gained.is_tuned_better
    assert gained.gain == pytest.approx(0.25)
    assert gained.gain_interval[0] <= 0.25 <= gained.gain_interval[1]


def test_a_full_disk_is_a_sentence_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints = AtomicCheckpoints()
    checkpoints.save_checkpoint({"weight": torch.zeros(10)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ: a write above the limit fails as one on a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputError, match=r"last\.ckpt cannot be written"):
            checkpoints.save_checkpoint({"weight": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert torch.load(path, weights_only=True)["weight"].shape == (10,)
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_one_goes_on_after_the_last_epoch_even_where_an_earlier_one_was_better(
    task: FineTuningTask, tmp_path: Path
) -> None:
    """At a rate of 0 no epoch is better than the first; the folder is moved meanwhile."""
    idle = FineTuningPlan(2, 8, 0.0, patience=9)
    first = fine_tune(lively_classifier(TINY_BACKBONE, 2), task, idle, tmp_path / "here")
    last = torch.load(tmp_path / "here/checkpoints/last.ckpt", weights_only=True)
    (tmp_path / "here").rename(tmp_path / "there")

    longer = replace(idle, epochs=4)
    found = fine_tune(lively_classifier(TINY_BACKBONE, 2), task, longer, tmp_path / "there")

    assert (first.best_epoch, last["epoch"] + 1) == (1, 2)
    assert (found.epochs, found.best_epoch) == (4, 1)


@pytest.mark.slow
@pytest.mark.parametrize("moment", ["epoch 1:", "epoch 2:", "fitting the head"])
def test_a_killed_run_goes_on_and_ends_with_the_same_weights(
    tmp_path: Path, learned_weights: Path, moment: str
) -> None:
    for label in ("cat", "dog"):
        fill(tmp_path / "pets" / label, label, range(20))
    options = ["--finetune", "--weights", str(learned_weights), "--epochs", "3"]
    unbroken = begin(tmp_path / "pets", tmp_path / "one", *options)
    unbroken.communicate()

    killed = begin(tmp_path / "pets", tmp_path / "other", *options)
    wait_for(killed, moment)
    os.kill(killed.pid, signal.SIGKILL)
    killed.communicate()
    (settings,) = tmp_path.glob("other/*/*/settings.json")
    resumed = subprocess.run(
        [sys.executable, "-m", "training.cli", "--resume", settings.parent],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert resumed.returncode == 0, resumed.stderr
    one, other = best_weights(tmp_path / "one"), best_weights(tmp_path / "other")
    assert all(torch.equal(one[name], other[name]) for name in one)
    tables = [
        next((tmp_path / name).glob("*/*/predictions.csv")).read_text("utf-8")
        for name in ("one", "other")
    ]
    assert tables[0] == tables[1]


@pytest.mark.slow
def test_ctrl_c_exports_the_best_so_far(tmp_path: Path, learned_weights: Path) -> None:
    for label in ("cat", "dog"):
        fill(tmp_path / "pets" / label, label, range(20))
    options = ["--finetune", "--weights", str(learned_weights), "--epochs", "500"]
    process = begin(tmp_path / "pets", tmp_path / "runs", *options)

    wait_for(process, "epoch 2:")
    process.send_signal(signal.SIGINT)
    process.communicate()

    assert process.returncode == 0
    (summary,) = tmp_path.glob("runs/*/*/summary.json")
    found: dict[str, Any] = json.loads(summary.read_text("utf-8"))
    assert found["fine_tuning"]["interrupted"]
    assert found["fine_tuning"]["best_epoch"] >= 1
    assert summary.with_name("bundle.onnx").exists()


def test_a_run_that_is_none_or_has_ended_is_not_resumed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["--resume", str(tmp_path)]) == 2
    assert "is no run folder" in capsys.readouterr().err
    (tmp_path / "settings.json").write_text("{}")
    (tmp_path / "summary.json").write_text("{}")
    assert main(["--resume", str(tmp_path)]) == 2
    assert "has ended" in capsys.readouterr().err
