"""Fine-tuning learns on from the probe, and the better of the two is kept."""

import os
import shutil
import signal
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from pydantic import TypeAdapter

from models.errors import PicturesGoneError, UsageError
from models.preprocessing import Pixels, Preprocessing
from tests.training.conftest import backbone_of, draw_pets, material_of
from tests.training.moments import at
from training.data.example import Example
from training.data.pictures import Pictures
from training.features.extractor import Extractor
from training.finetuning.learner import FineTuned
from training.finetuning.plan import FineTuningOptions, FineTuningPlan
from training.group import Group, member_of
from training.recipes.comparison import Comparison
from training.recipes.finetune import FineTuningReport, finetune
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import probe
from training.selection.int8_against_fp32 import PrecisionChoice

OPTIONS = FineTuningOptions(epochs=2, batch_size=8, learning_rate=3e-3, augmentation="none")


@pytest.fixture(scope="module")
def blind(extractor: Extractor, tmp_path_factory: pytest.TempPathFactory) -> Material:
    """A probe learns nothing from it, its features are noise; enough to tell more than chance."""
    root = draw_pets(tmp_path_factory.mktemp("many") / "pets", 40)
    material = material_of(root, extractor)
    noise = np.random.default_rng(0).normal(size=material.table.features.shape)
    features = noise.astype(np.float32)
    return replace(material, table=replace(material.table, features=features))


def probe_of(material: Material, extractor: Extractor, choice: PrecisionChoice) -> Outcome:
    return probe(extractor, choice, material).outcome


FP32 = PrecisionChoice("fp32", "--precision", None)
INT8 = PrecisionChoice("int8", "--precision", None)

Tuned = tuple[Outcome, FineTuningReport]


@pytest.fixture(scope="module")
def tuned(
    blind: Material, extractor: Extractor, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Tuned]:
    """Fine-tuned from a probe that knows nothing, and asked for in int8."""
    before = {k: v.clone() for k, v in backbone_of(extractor).state_dict().items()}
    begun = probe_of(blind, extractor, INT8)
    options = replace(OPTIONS, epochs=6)
    yield finetune(begun, blind, options, tmp_path_factory.mktemp("run"))
    after = backbone_of(extractor).state_dict()
    assert all((before[name] == after[name]).all() for name in before), "the network was changed"


def test_the_fine_tuned_network_is_kept_where_it_is_better(tuned: Tuned) -> None:
    best, report = tuned

    assert report.comparison is not None
    assert report.comparison.is_tuned_better
    assert report.comparison.pictures == 16
    assert best.recipe == "fine-tuned"
    assert best.trained_on == 48
    assert best.trained_parameters > 100_000
    assert report.held_out_accuracy is not None
    assert report.plan.epochs == 6


def test_what_is_kept_is_judged_by_what_neither_taught_nor_decided(
    tuned: Tuned, blind: Material
) -> None:
    best, _ = tuned

    parts = np.array(best.answers.parts)
    assert best.judged.evaluation.judged_by == "test part"
    assert best.judged.examples == blind.examples(np.flatnonzero(parts == "test"))
    assert np.flatnonzero(parts == "validation").tolist() == blind.parts.validation.tolist()
    assert (parts == "train").sum() == best.trained_on
    told = best.answers.probabilities[parts == "test"]
    np.testing.assert_array_equal(told, best.judged.probabilities)


def test_what_is_kept_is_judged_in_the_precision_in_which_it_is_exported(
    tuned: Tuned, blind: Material
) -> None:
    best, _ = tuned
    judged = blind.examples(blind.parts.set_aside)

    features = best.extractor.read(judged, blind.pictures).features

    assert best.extractor.graph.precision == best.precision.precision == "int8"
    found = best.head.probabilities(features)
    np.testing.assert_allclose(found, best.judged.probabilities, atol=1e-4)


def test_a_network_that_has_forgotten_everything_is_not_kept(
    probed: Outcome, material: Material, tmp_path: Path
) -> None:
    hasty = replace(OPTIONS, epochs=1, learning_rate=1.0)

    best, report = finetune(probed, material, hasty, tmp_path)

    assert best is probed
    assert best.judged.evaluation.judged_by == "cross-validation"
    assert report.comparison is not None
    assert not report.comparison.is_tuned_better
    assert set(report.as_json()["held_out_accuracy"]) == {"frozen", "fine_tuned"}


class Interrupting(Pictures):
    """Somebody presses Ctrl-C while the first batch is read."""

    def pixels_again(self, example: Example, preprocessing: Preprocessing) -> Pixels:
        if not self._interrupted:
            self._interrupted = True
            os.kill(os.getpid(), signal.SIGINT)
        return super().pixels_again(example, preprocessing)

    _interrupted = False


def test_where_no_epoch_was_finished_the_probe_is_kept(
    probed: Outcome, material: Material, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    asked = replace(material, pictures=Interrupting())

    best, report = finetune(probed, asked, OPTIONS, tmp_path)

    assert best is probed
    assert report.tuned.interrupted
    assert "no epoch was finished: the frozen network is exported" in caplog.text
    assert not {"comparison", "held_out_accuracy"} & set(report.as_json())


def test_pictures_that_are_gone_when_it_is_judged_are_a_sentence(
    extractor: Extractor, tmp_path: Path
) -> None:
    root = draw_pets(tmp_path / "pets")
    vanishing = replace(material_of(root, extractor), pictures=Pictures(keep_bytes=0))
    begun, options = probe_of(vanishing, extractor, FP32), replace(OPTIONS, epochs=1)

    with (
        pytest.raises(PicturesGoneError, match=r"cat/.* could be read before.*--resume"),
        at("epoch 1:", lambda: shutil.rmtree(root)),
    ):
        finetune(begun, vanishing, options, tmp_path)

    assert (tmp_path / "checkpoints" / "last.ckpt").exists()


def test_more_processes_than_pictures_are_refused(
    probed: Outcome, material: Material, tmp_path: Path
) -> None:
    with (
        member_of(Group(0, 9, 0, 9), lambda mine: [mine] * 9),
        pytest.raises(UsageError, match="9 processes were started, for which"),
    ):
        finetune(probed, material, OPTIONS, tmp_path)


def test_too_few_groups_to_learn_to_decide_and_to_judge_are_a_sentence(
    pets: Path, extractor: Extractor, probed: Outcome, tmp_path: Path
) -> None:
    """Each class has pictures of two animals: in two folds of five."""
    found = material_of(pets, extractor)
    folds = np.where(np.arange(24) % 2, 0, 3)
    parts = replace(found.parts, folds=folds, validation=found.parts.train[folds == 1])

    with pytest.raises(UsageError, match="--finetune: too few groups of pictures"):
        finetune(probed, replace(found, parts=parts), OPTIONS, tmp_path)


def test_a_report_tells_plan_and_comparison() -> None:
    plan, done = FineTuningPlan(2, 8, 1e-3), FineTuned(2, 1, interrupted=False, precision="32-true")
    comparison = Comparison(0.8, 0.9, 0.1, (0.0, 0.2), 0.5, 0.4, 40)

    told = FineTuningReport(plan, done, comparison, (0.7, 0.8)).as_json()
    short = FineTuningReport(plan, done).as_json()

    assert set(short) == {"plan", "epochs", "best_epoch", "interrupted", "precision"}
    assert set(told) - set(short) == {"comparison", "held_out_accuracy"}
    assert told["held_out_accuracy"] == {"frozen": 0.7, "fine_tuned": 0.8}
    assert TypeAdapter(FineTuningPlan).validate_python(told["plan"]) == plan
