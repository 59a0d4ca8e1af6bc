"""Evidence about pictures that nobody has drawn: features in clouds, one for each class."""

from collections.abc import Sequence
from dataclasses import fields, replace
from pathlib import Path
from typing import Any

import numpy as np

from training.data.example import Example
from training.data.parts import Parts
from training.data.properties import SIDE, Properties
from training.evaluation import evaluate
from training.features.table import FeatureTable
from training.head.fit import Task
from training.head.out_of_fold import cross_fit
from training.inspection.evidence import Evidence

#: Of a picture like any other.
_PLAIN: dict[str, Any] = {
    "format": "JPEG",
    "width": 640,
    "height": 480,
    "file_bytes": 90_000,
    "jpeg_quality": 90,
    "is_turned": False,
    "names_camera": False,
    "shows_nothing": False,
}


def properties_of(**changed: Any) -> Properties:
    """What a picture is like: all that is not said, as of any other."""
    rest: dict[str, Any] = {
        f.name: 0.5 for f in fields(Properties) if f.name not in {*_PLAIN, "thumbnail"}
    }
    thumbnail = np.zeros((SIDE, SIDE), np.uint8)
    return Properties(**{**rest, **_PLAIN, **changed, "thumbnail": thumbnail})


def table_of(features: np.ndarray, labels: list[int], classes: tuple[str, ...]) -> FeatureTable:
    """A table of pictures called `CLASS/NUMBER.png`."""
    names = [f"{classes[label]}/{row}.png" for row, label in enumerate(labels)]
    examples = tuple(
        Example(Path(name), name, label, None) for name, label in zip(names, labels, strict=True)
    )
    return FeatureTable(
        examples, features.astype(np.float32), tuple(names), (), (properties_of(),) * len(names)
    )


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
    folds = every % 5
    parts = Parts(every, none, none, "cross-validation", folds, every)
    found = cross_fit(Task(table.features, every, table.labels, folds, len(classes)))
    evaluation = evaluate(found.answers, table.labels, classes)
    strength = found.fitted.strength
    return Evidence(table, classes, parts, found.answers, every, evaluation, strength)


def with_properties(evidence: Evidence, properties: Sequence[Properties]) -> Evidence:
    """The same features of pictures that are like this."""
    return replace(evidence, table=replace(evidence.table, properties=tuple(properties)))
