"""Evidence about pictures that nobody has drawn: features in clouds, one for each class."""

from pathlib import Path

import numpy as np

from tests.training.conftest import draw, properties_of
from training.data.example import Example
from training.data.parts import Parts
from training.evaluation import evaluate
from training.features.table import FeatureTable
from training.head.fit import fit_head
from training.inspection.answers import answers_to_all
from training.inspection.evidence import Evidence


def table_of(features: np.ndarray, labels: list[int], classes: tuple[str, ...]) -> FeatureTable:
    """A table of pictures called `CLASS/NUMBER.png`."""
    names = [f"{classes[label]}/{row}.png" for row, label in enumerate(labels)]
    examples = tuple(
        Example(Path(name), name, label, None) for name, label in zip(names, labels, strict=True)
    )
    properties = tuple(properties_of(draw("cat", row)) for row in range(len(labels)))
    return FeatureTable(examples, features.astype(np.float32), tuple(names), (), properties)


def clouds(labels: list[int], apart: float = 6.0, width: int = 16) -> np.ndarray:
    """Features of each label around a place of its own, float64 (N, C)."""
    noise = np.random.default_rng(0).normal(size=(len(labels), width))
    return noise + apart * np.eye(width)[labels]


def evidence_of(
    labels: list[int], classes: tuple[str, ...] = ("cat", "dog"), features: np.ndarray | None = None
) -> Evidence:
    """What a run would know of these, all of them answered out of fold."""
    table = table_of(clouds(labels) if features is None else features, labels, classes)
    every, none = np.arange(len(labels)), np.array([], dtype=np.int64)
    parts = Parts(every, none, none, "validation")
    fitted = fit_head(table.features, table.labels, len(classes), seed=0)
    answers = answers_to_all(table, parts, every, fitted.head, fitted.strength)
    evaluation = evaluate(answers, table.labels, classes)
    return Evidence(table, classes, parts, answers, every, evaluation, fitted.strength)
