"""What a report is made of, for a folder that nobody has: drawn pictures, features by chance."""

import io
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from PIL import Image

from models.session import Session
from training.data.example import Example
from training.data.pictures import Pictures
from training.evaluation import evaluate
from training.features.table import FeatureTable
from training.inspection.finding import Finding
from training.inspection.inspection import Inspection
from training.report.page import Told
from training.report.record import Answers, Judged, Record

#: Names that want to be more than text.
HOSTILE = (
    "<img src=x onerror='window.hit=1'>",
    "</title></style><script>window.hit=1</script>",
    "\"'>{{ 7 * 7 }}",
    "\u05d0\u05d1\u05d2 \u05e9\u05dc\u05d5\u05dd",
    "a\\nb",
    "x" * 240,
)


def drawn(path: Path) -> bytes:
    """A picture that its name alone decides."""
    rng = np.random.default_rng([*path.name.encode()])
    noise = rng.integers(0, 256, (6, 8, 3)).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(noise).resize((48, 36)).save(buffer, "PNG")
    return buffer.getvalue()


def told_of(record: Record, session: Session, count: int, names: Sequence[str] = ()) -> Told:
    """A record about so many pictures of the session's classes, a tenth of them answered wrongly.

    Args:
        record: what else there is to tell.
        session: whose classes they are; half of the pictures taught it.
        count: of the pictures.
        names: of the first files, else their class and number.
    """
    classes, rng = session.classes, np.random.default_rng(0)
    labels = np.arange(count) % len(classes)
    called = [*names, *(f"{classes[labels[i]]}/{i}.png" for i in range(len(names), count))]
    examples = tuple(
        Example(Path(f"{i}.png"), name, int(label), None)
        for i, (name, label) in enumerate(zip(called, labels, strict=True))
    )
    meant = np.where(rng.random(count) < 0.1, (labels + 1) % len(classes), labels)
    answers = 0.4 * rng.dirichlet(np.ones(len(classes)), count)
    answers[np.arange(count), meant] += 0.6
    features = rng.normal(size=(count, 16)).astype(np.float32)
    table = FeatureTable(examples, features, tuple(map(str, range(count))), (), ())
    judged = judged_of(examples, answers.astype(np.float32), classes)
    parts = tuple(f"fold {i % 2 + 1}" for i in range(count))
    answered = Answers(examples, judged.probabilities, parts)
    told = replace(record, judged=judged, answers=answered)
    return Told(told, table, Pictures(drawn), session)


def judged_of(examples: Sequence[Example], answers: np.ndarray, classes: Sequence[str]) -> Judged:
    """Answers, float32 (N, K), to all of these."""
    labels = np.array([example.class_index for example in examples])
    evaluation = evaluate(answers, labels, tuple(classes))
    return Judged(tuple(examples), answers, evaluation)


def with_findings(told: Told, *findings: Finding) -> Told:
    """The same, where an inspection found something."""
    return replace(told, record=replace(told.record, inspection=Inspection(findings)))
