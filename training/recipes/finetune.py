"""Fine-tuning as a recipe: learn on from the probe, judge both, keep the better.

The fine-tuned network is exported only where it is better than the probe *on the validation part*,
by more than chance. What judges it decides nothing: the folder's test part, else a fold that is set
aside. Where the probe stays, that is judged as it would have been without all this.
"""

import copy
import logging
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import onnx

from models.bundle import JudgedBy
from models.errors import UsageError
from models.graph.classifier import Classifier
from models.graph.network import Network
from models.head import LinearHead
from models.terminal import working
from training.data.names import listed
from training.evaluation import Probabilities
from training.features.extractor import Extractor
from training.features.graphs import Graph
from training.finetuning.learner import FineTuned, FineTuningTask, fine_tune
from training.finetuning.plan import FineTuningOptions, FineTuningPlan, plan_fine_tuning
from training.group import first_says, size
from training.head.fit import fit_head
from training.recipes.comparison import Comparison, compare, log_comparison
from training.recipes.material import Material
from training.recipes.outcome import Outcome, Recipe
from training.report.record import Judged
from training.selection.int8_against_fp32 import PrecisionChoice
from training.selection.precision import choose_again

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class FineTuningReport:
    """How fine-tuning went, and what it was worth.

    Attributes:
        plan: what it was to do.
        tuned: what it did.
        comparison: with the probe; None where no epoch was finished.
        held_out_accuracy: of probe and fine-tuned network on what was set aside. Told; nothing is
            decided by it.
    """

    plan: FineTuningPlan
    tuned: FineTuned
    comparison: Comparison | None = None
    held_out_accuracy: tuple[float, float] | None = None

    def as_json(self) -> dict[str, Any]:
        """What `summary.json` says of it."""
        told: dict[str, Any] = {"plan": asdict(self.plan), **asdict(self.tuned)}
        if self.comparison is not None and self.held_out_accuracy is not None:
            frozen, fine_tuned = self.held_out_accuracy
            told["comparison"] = asdict(self.comparison)
            told["held_out_accuracy"] = {"frozen": frozen, "fine_tuned": fine_tuned}
        return told


@dataclass(frozen=True)
class _Answered:
    """What the fine-tuned network says of the validation part, and its outcome."""

    validation: Probabilities
    outcome: Outcome


def finetune(
    probe: Outcome, material: Material, options: FineTuningOptions, run_folder: Path
) -> tuple[Outcome, FineTuningReport]:
    """Fine-tunes from a probe on a part of the training pictures, and keeps the better of the two.

    Args:
        probe: the frozen recipe's outcome, fitted on all training pictures. A copy of its network
            learns.
        material: what there is to learn from.
        options: what was asked for.
        run_folder: where checkpoints go; fine-tuning goes on from those that are there.

    Raises:
        UsageError: there are fewer pictures than processes.
        OutputError: a checkpoint cannot be written.
        PicturesGoneError: pictures that could be read before are gone.
    """
    task = _task(probe.extractor, material, options)
    head, before = _probe_of_part(material)
    backbone = copy.deepcopy(_torch_of(probe).backbone)
    plan = plan_fine_tuning(
        len(task.training), options, from_scratch=backbone.is_random, processes=size()
    )
    classifier = Classifier(backbone, _zero(head) if plan.from_scratch else head)
    tuned = fine_tune(classifier, task, plan, run_folder)
    if not tuned.best_epoch:
        log.warning("no epoch was finished: the frozen network is exported")
        return probe, FineTuningReport(plan, tuned)
    answered = _answered(classifier, probe, material)
    if probe.precision.precision != "fp32":
        answered = _in_fewer_bits(answered, probe, material)
    validation = material.parts.validation
    asked = material.table.labels[validation], material.parts.groups[validation]
    comparison = compare(before, answered.validation, *asked)
    best = answered.outcome if comparison.is_tuned_better else probe
    accuracies = (_accuracy(probe, material), _accuracy(answered.outcome, material))
    log_comparison(comparison, answered.outcome.recipe)
    return best, FineTuningReport(plan, tuned, comparison, accuracies)


def _torch_of(probe: Outcome) -> Network:
    """Its network, which can learn; a run that fine-tunes has loaded it."""
    if not isinstance(probe.extractor.network, Network):
        raise TypeError("a network that is graphs alone cannot learn")
    return probe.extractor.network


def _task(extractor: Extractor, material: Material, options: FineTuningOptions) -> FineTuningTask:
    """What is to be learned from what.

    Raises:
        UsageError: there are fewer pictures than processes, or groups than it takes.
    """
    parts = material.parts
    _check_that_enough_is_left(material)
    training = material.examples(parts.fine_tuned_on)
    validation = material.examples(parts.validation)
    if min(len(training), len(validation)) < size():
        raise UsageError(
            f"{size()} processes were started, for which {len(training)} pictures to learn from "
            f"and {len(validation)} for validation are too few; start fewer"
        )
    return FineTuningTask(
        training=training,
        validation=validation,
        classes=len(material.classes),
        preprocessing=extractor.preprocessing,
        pictures=material.pictures,
        augmentation=options.augmentation,
        seed=material.seed,
    )


def _check_that_enough_is_left(material: Material) -> None:
    """Refuses (UsageError) to learn without a class, or with nothing to decide or to judge by."""
    parts, labels = material.parts, material.table.labels
    lacking = set(range(len(material.classes))) - set(labels[parts.fine_tuned_on].tolist())
    missing = [material.classes[label] for label in sorted(lacking)]
    if missing or not len(parts.validation) or not len(parts.set_aside):
        raise UsageError(
            "--finetune: too few groups of pictures that may not be parted"
            f"{f' (of {listed(missing)})' if missing else ''}: some must be left to learn from, "
            "others to decide and to judge by"
        )


def _probe_of_part(material: Material) -> tuple[LinearHead, Probabilities]:
    """A head fitted on what fine-tuning learns from, and its answers to the validation part."""
    head = fit_head(material.task(material.parts.fine_tuned_on)).head
    return head, head.probabilities(material.table.features[material.parts.validation])


def _zero(head: LinearHead) -> LinearHead:
    """A head that has no opinion, of the same shape."""
    return LinearHead(np.zeros_like(head.weight), np.zeros_like(head.bias))


def _answered(classifier: Classifier, probe: Outcome, material: Material) -> _Answered:
    """Exports the fine-tuned network and asks it."""
    network = Network(classifier.backbone)
    with working("building the fine-tuned network's graph"):
        graph = Graph(network.graph())
    extractor = Extractor(network, graph, probe.extractor.preprocessing)
    head = LinearHead(
        classifier.linear.weight.detach().numpy(), classifier.linear.bias.detach().numpy()
    )
    parts = material.parts
    asked = np.concatenate([parts.validation, parts.set_aside])
    answers = head.probabilities(material.read(extractor, asked).features)
    validation, told = answers[: len(parts.validation)], _told(probe, material, answers)
    recipe: Recipe = "from scratch" if classifier.backbone.is_random else "fine-tuned"
    outcome = Outcome(
        recipe=recipe,
        extractor=extractor,
        head=head,
        precision=PrecisionChoice("fp32", "torch learns in it", None),
        judged=_judged(material, told),
        answers=material.answers(told, is_fine_tuned=True),
        trained_on=len(parts.fine_tuned_on),
        trained_parameters=sum(p.numel() for p in classifier.parameters()),
    )
    return _Answered(validation, outcome)


def _in_fewer_bits(answered: _Answered, probe: Outcome, material: Material) -> _Answered:
    """The fine-tuned network in the probe's precision, its head fitted on what it then sees.

    What was not asked for by name must not answer less of the validation part rightly.
    """
    outcome, parts, labels = answered.outcome, material.parts, material.table.labels

    def choose() -> tuple[PrecisionChoice, bytes]:
        asked = material.sample, material.pictures
        choice, extractor = choose_again(probe.precision, outcome.extractor, *asked)
        return choice, extractor.graph.data

    choice, graph = first_says(choose)
    if choice.precision == "fp32":
        return replace(answered, outcome=replace(outcome, precision=choice))
    extractor = replace(outcome.extractor, graph=Graph(onnx.load_model_from_string(graph)))
    taught, validation = parts.fine_tuned_on, parts.validation
    asked = np.concatenate([taught, validation, parts.set_aside])
    features = material.read(extractor, asked).features
    task = material.task(taught)
    fitted = fit_head(replace(task, features=features, rows=np.arange(len(taught))))
    answers = fitted.head.probabilities(features[len(taught) :])
    of_validation, told = answers[: len(validation)], _told(probe, material, answers)
    right = [_right(a, labels[validation]) for a in (of_validation, answered.validation)]
    if choice.earned is not None and right[0] < right[1]:
        log.info("precision: fp32, which answers more of the validation part rightly")
        choice = replace(choice, precision="fp32", chosen_by="better on the validation part")
        return replace(answered, outcome=replace(outcome, precision=choice))
    best = replace(
        outcome,
        extractor=extractor,
        head=fitted.head,
        precision=choice,
        judged=_judged(material, told),
        answers=material.answers(told, is_fine_tuned=True),
    )
    return _Answered(of_validation, best)


def _told(probe: Outcome, material: Material, answers: Probabilities) -> Probabilities:
    """Answers to all pictures: the network's to what it has not learned from, else the probe's.

    Args:
        probe: whose answers are out of fold.
        material: of both.
        answers: the network's to the validation part and to what is set aside.
    """
    found = probe.answers.probabilities.copy()
    found[np.concatenate([material.parts.validation, material.parts.set_aside])] = answers
    return found


def _judged(material: Material, answers: Probabilities) -> Judged:
    parts = material.parts
    judged_by: JudgedBy = "test part" if parts.is_cross_validated else parts.judged_by
    return material.judged(answers, parts.set_aside, judged_by)


def _right(answers: Probabilities, labels: np.ndarray) -> int:
    """How many are answered rightly."""
    return int((answers.argmax(1) == labels).sum())


def _accuracy(outcome: Outcome, material: Material) -> float:
    """Of what is set aside."""
    rows = material.parts.set_aside
    return _right(outcome.answers.probabilities[rows], material.table.labels[rows]) / len(rows)
