"""Fine-tuning as a recipe: learn on from the frozen one, judge both, keep the better.

The fine-tuned network is exported only where it is better than the probe *on the validation part*;
the held-out part judges what is exported and decides nothing.
"""

import copy
import logging
from collections.abc import Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx
from scipy.stats import bootstrap
from sklearn.metrics import log_loss

from models.errors import UsageError
from models.graph.classifier import Classifier, LinearHead
from models.graph.export import export_backbone
from training.data.folder import Example, hold_out
from training.data.sample import Sample
from training.evaluation import CONFIDENCE, Probabilities, evaluate
from training.features.extractor import FeatureTable, read_features
from training.finetuning.learner import FineTuningTask, fine_tune
from training.finetuning.plan import plan_fine_tuning
from training.group import first_says, size
from training.head.fit import fit_head, probabilities_of
from training.recipes.outcome import Outcome
from training.recipes.probe import Learned
from training.selection.image_size import Sized
from training.selection.precision import PrecisionChoice, choose_again
from training.settings import TrainingSettings

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Comparison:
    """Fine-tuned against probe on the validation part.

    Attributes:
        probe_accuracy: of the head on frozen features.
        tuned_accuracy: of the fine-tuned network.
        gain: the difference of the two.
        gain_interval: of that difference, at 95 %, by bootstrap over the pictures.
        probe_log_loss: decides where the accuracies are equal.
        tuned_log_loss: the same of the fine-tuned network.
        pictures: how many there are in the validation part.
    """

    probe_accuracy: float
    tuned_accuracy: float
    gain: float
    gain_interval: tuple[float, float]
    probe_log_loss: float
    tuned_log_loss: float
    pictures: int

    @property
    def is_tuned_better(self) -> bool:
        """By accuracy; by log loss where that is equal."""
        return (self.tuned_accuracy, -self.tuned_log_loss) > (
            self.probe_accuracy,
            -self.probe_log_loss,
        )


def fine_tuned_outcome(
    probe: Outcome,
    table: FeatureTable,
    learned: Learned,
    settings: TrainingSettings,
    run_folder: Path,
    sample: Sample,
) -> Outcome:
    """Fine-tunes from a probe on a part of the training pictures, and keeps the better of the two.

    Args:
        probe: the frozen recipe's outcome, fitted on all training pictures.
        table: every picture's features.
        learned: which pictures are for what.
        settings: of the run.
        run_folder: where checkpoints go; fine-tuning goes on from those that are there.
        sample: of the training part, which says with how many bits the result may compute.

    Raises:
        UsageError: there are fewer pictures than processes.
        OutputError: a checkpoint cannot be written.
    """
    task = _task(table, learned, probe, settings)
    head, before = _probe_of_part(table, task)
    backbone = copy.deepcopy(probe.classifier.backbone)
    plan = plan_fine_tuning(
        len(task.training), settings, from_scratch=backbone.is_random, processes=size()
    )
    classifier = Classifier(backbone, _zero(head) if plan.from_scratch else head)
    tuned = fine_tune(classifier, task, plan, run_folder)
    details: dict[str, Any] = {"plan": plan.as_json(), **asdict(tuned)}
    if not tuned.best_epoch:
        log.warning("no epoch was finished: the frozen network is exported")
        return replace(probe, details=details)
    answered = _answered(classifier, task, learned.held_out, probe)
    if probe.precision.precision != "fp32":
        answered = _in_fewer_bits(answered, task, learned.held_out, probe, sample)
    comparison = compare(before, answered.validation, _labels(task.validation))
    details["comparison"] = asdict(comparison)
    # Told, and nothing is decided by it.
    details["held_out_accuracy"] = {
        "frozen": probe.evaluation.accuracy,
        "fine_tuned": answered.outcome.evaluation.accuracy,
    }
    _log_comparison(comparison, answered.outcome.recipe)
    best = answered.outcome if comparison.is_tuned_better else probe
    return replace(best, details=details)


@dataclass(frozen=True)
class _Answered:
    """What the fine-tuned network says of the validation part, and its outcome."""

    validation: Probabilities
    outcome: Outcome


def compare(
    probe: Probabilities, tuned: Probabilities, labels: npt.NDArray[np.int64]
) -> Comparison:
    """Compares two answers to the same pictures: float32 (N, K) twice, int64 (N,)."""
    right = [(answers.argmax(1) == labels).astype(float) for answers in (probe, tuned)]
    every = range(probe.shape[1])
    losses = [float(log_loss(labels, answers, labels=every)) for answers in (probe, tuned)]
    difference = right[1] - right[0]
    low = high = float(difference.mean())
    if np.ptp(difference) > 0:
        resampled = bootstrap(
            (difference,), np.mean, confidence_level=CONFIDENCE, method="percentile", rng=0
        )
        low, high = (float(edge) for edge in resampled.confidence_interval)
    return Comparison(
        probe_accuracy=float(right[0].mean()),
        tuned_accuracy=float(right[1].mean()),
        gain=float(difference.mean()),
        gain_interval=(low, high),
        probe_log_loss=losses[0],
        tuned_log_loss=losses[1],
        pictures=len(labels),
    )


def _task(
    table: FeatureTable, learned: Learned, probe: Outcome, settings: TrainingSettings
) -> FineTuningTask:
    """What is to be learned from what.

    Raises:
        UsageError: there are fewer pictures than processes.
    """
    training, validation = _parts(table, learned, settings.seed)
    if min(len(training), len(validation)) < size():
        raise UsageError(
            f"{size()} processes were started, for which {len(training)} pictures to learn from "
            f"and {len(validation)} for validation are too few; start fewer"
        )
    classes = len(probe.evaluation.classes)
    return FineTuningTask(training, validation, classes, settings, probe.preprocessing)


def _parts(table: FeatureTable, learned: Learned, seed: int) -> tuple[list[Example], list[Example]]:
    """Training and validation: the folder's own, or a fifth of the training part set aside."""
    if learned.validation:
        return list(learned.trained_on), list(learned.validation)
    digests = dict(zip((e.path for e in table.examples), table.digests, strict=True))
    taught = learned.trained_on
    aside = hold_out(taught, [digests[e.path] for e in taught], seed)
    return (
        [e for e, held in zip(taught, aside, strict=True) if not held],
        [e for e, held in zip(taught, aside, strict=True) if held],
    )


def _probe_of_part(table: FeatureTable, task: FineTuningTask) -> tuple[LinearHead, Probabilities]:
    """A head fitted on what fine-tuning learns from, and its answers to the validation part."""
    rows = {example.path: row for row, example in enumerate(table.examples)}
    training = np.array([rows[e.path] for e in task.training])
    validation = table.features[[rows[e.path] for e in task.validation]]
    labels = _labels(task.training)
    fitted = fit_head(table.features, labels, task.classes, task.settings.seed, training)
    return fitted.head, probabilities_of(fitted.head, validation)


def _zero(head: LinearHead) -> LinearHead:
    """A head that has no opinion, of the same shape."""
    return LinearHead(np.zeros_like(head.weight), np.zeros_like(head.bias))


def _answered(
    classifier: Classifier, task: FineTuningTask, held_out: Sequence[Example], probe: Outcome
) -> _Answered:
    """Exports the fine-tuned backbone and asks it; every example was readable a moment ago."""
    graph = export_backbone(classifier.backbone)
    validation = task.validation
    examples = (*validation, *held_out)
    table = read_features(examples, classifier.backbone, graph, task.preprocessing)
    weight = classifier.linear.weight.detach().numpy()
    bias = classifier.linear.bias.detach().numpy()
    answers = probabilities_of(LinearHead(weight, bias), table.features)
    judged = answers[len(validation) :]
    evaluation = evaluate(judged, _labels(held_out), tuple(probe.evaluation.classes))
    recipe = "from scratch" if classifier.backbone.is_random else "fine-tuned"
    fp32 = PrecisionChoice("fp32", "torch learns in it", None)
    outcome = Outcome(
        recipe,
        classifier,
        task.preprocessing,
        graph,
        fp32,
        judged,
        evaluation,
        len(task.training),
        {},
    )
    return _Answered(answers[: len(validation)], outcome)


def _in_fewer_bits(
    answered: _Answered,
    task: FineTuningTask,
    held_out: Sequence[Example],
    probe: Outcome,
    sample: Sample,
) -> _Answered:
    """The fine-tuned network in the probe's precision, its head fitted on what it then sees.

    What was not asked for by name must not answer less of the validation part rightly.
    """
    outcome, settings = answered.outcome, task.settings
    backbone = outcome.classifier.backbone
    fp32 = Sized(backbone, outcome.backbone_graph, None, {})

    def choose() -> tuple[PrecisionChoice, onnx.ModelProto]:
        choice, sized = choose_again(probe.precision, settings, fp32, sample)
        return choice, sized.graph

    choice, graph = first_says(choose)
    if choice.precision == "fp32":
        return replace(answered, outcome=replace(outcome, precision=choice))
    learned, judging = len(task.training), len(task.training) + len(task.validation)
    examples = (*task.training, *task.validation, *held_out)
    table = read_features(examples, backbone, graph, task.preprocessing)
    labels = _labels(task.training)
    fitted = fit_head(table.features[:learned], labels, task.classes, settings.seed)
    answers = probabilities_of(fitted.head, table.features[learned:])
    validation, judged = answers[: judging - learned], answers[judging - learned :]
    if settings.precision == "auto" and _right(validation, task) < _right(
        answered.validation, task
    ):
        log.info("precision: fp32, which answers more of the validation part rightly")
        choice = replace(choice, precision="fp32", chosen_by="better on the validation part")
        return replace(answered, outcome=replace(outcome, precision=choice))
    evaluation = evaluate(judged, _labels(held_out), tuple(probe.evaluation.classes))
    return _Answered(
        validation,
        replace(
            outcome,
            classifier=Classifier(backbone, fitted.head),
            backbone_graph=graph,
            precision=choice,
            probabilities=judged,
            evaluation=evaluation,
        ),
    )


def _right(answers: Probabilities, task: FineTuningTask) -> int:
    """How many of the validation part are answered rightly."""
    return int((answers.argmax(1) == _labels(task.validation)).sum())


def _labels(examples: Sequence[Example]) -> npt.NDArray[np.int64]:
    return np.array([example.class_index for example in examples])


def _log_comparison(comparison: Comparison, recipe: str) -> None:
    low, high = comparison.gain_interval
    log.info(
        "on %d validation pictures: frozen %.1f %%, %s %.1f %% "
        "(%+.1f points, 95 %% interval %+.1f to %+.1f); the %s network is exported",
        comparison.pictures,
        100 * comparison.probe_accuracy,
        recipe,
        100 * comparison.tuned_accuracy,
        100 * comparison.gain,
        100 * low,
        100 * high,
        recipe if comparison.is_tuned_better else "frozen",
    )
