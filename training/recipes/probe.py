"""The course's recipe: the backbone stays as it is, and only the last layer is learned."""

import logging
from collections.abc import Collection, Sequence
from dataclasses import dataclass

import numpy as np

from models.graph.classifier import Classifier
from training.data.folder import Example, ImageFolder, check_counts, held_out_part, split
from training.evaluation import Evaluation, Probabilities, evaluate
from training.features.extractor import FeatureTable
from training.head.fit import FittedHead, fit_head, probabilities_of
from training.recipes.outcome import Outcome
from training.selection.select import Viewer

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Learned:
    """What the training part taught, and how the held-out part judges it.

    Attributes:
        fitted: the head.
        trained_on: the examples that it was fitted on.
        validation: examples that decide about fine-tuning, where the folder has a part for them.
        held_out: the examples that it is judged by.
        probabilities: float32 (N held out, K), the answers to those.
        evaluation: their comparison with the truth.
    """

    fitted: FittedHead
    trained_on: tuple[Example, ...]
    validation: tuple[Example, ...]
    held_out: tuple[Example, ...]
    probabilities: Probabilities
    evaluation: Evaluation


def learn_head(
    folder: ImageFolder, table: FeatureTable, seed: int, taught: Collection[str] = frozenset()
) -> Learned:
    """Splits what could be read, fits the head on one part and judges it on the other.

    Args:
        folder: whose pictures they are.
        table: their features.
        seed: of the split and of the folds.
        taught: digests of pictures that have been learned from already: they are never held out.

    Raises:
        DataFolderError: too few pictures of a class could be read.
    """
    _warn_of_pictures_in_two_classes(table)
    check_counts(folder, table.examples, table.digests)
    examples = split(table.examples, table.digests, seed, taught)
    _warn_of_shared_pictures(examples, table.digests)
    labels = np.array([e.class_index for e in examples])
    judged = held_out_part(examples)
    trained = np.array([i for i, e in enumerate(examples) if e.part == "train"])
    held_out = [i for i, e in enumerate(examples) if e.part == judged]
    log.info("fitting the head on %d pictures; %d are held out", len(trained), len(held_out))
    fitted = fit_head(table.features, labels[trained], len(folder.classes), seed, trained)
    probabilities = probabilities_of(fitted.head, table.features[held_out])
    return Learned(
        fitted,
        tuple(examples[i] for i in trained),
        tuple(e for e in examples if e.part == "validation" != judged),
        tuple(examples[i] for i in held_out),
        probabilities,
        evaluate(probabilities, labels[held_out], folder.classes),
    )


def frozen_outcome(learned: Learned, viewer: Viewer) -> Outcome:
    """The frozen recipe's: what has been learned already."""
    return Outcome(
        "frozen",
        Classifier(viewer.backbone, learned.fitted.head),
        viewer.preprocessing,
        viewer.graph,
        viewer.view.precision,
        learned.probabilities,
        learned.evaluation,
        len(learned.trained_on),
        {},
    )


def _warn_of_pictures_in_two_classes(table: FeatureTable) -> None:
    first = {d: e for e, d in zip(reversed(table.examples), reversed(table.digests), strict=True)}
    both = [
        (first[digest].name, example.name)
        for example, digest in zip(table.examples, table.digests, strict=True)
        if example.class_index != first[digest].class_index
    ]
    if both:
        log.warning(
            "%d files are byte for byte in two classes (%s and %s, …): nothing tells those apart",
            len(both),
            *both[0],
        )


def _warn_of_shared_pictures(examples: Sequence[Example], digests: Sequence[str]) -> None:
    taught = {d for e, d in zip(examples, digests, strict=True) if e.part == "train"}
    shared = [
        e.name for e, d in zip(examples, digests, strict=True) if e.part != "train" and d in taught
    ]
    if shared:
        log.warning(
            "%d held-out pictures are byte for byte in train/ too (%s, …): "
            "the accuracy will look better than it is",
            len(shared),
            shared[0],
        )
