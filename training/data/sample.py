"""A bounded sample of the training part, for what must be known before all pictures are read.

How pictures are framed, and how large, decides what the one pass over them reads, and must not be
learned from what is held out. Where the folder holds pictures out, the sample is drawn from its
train/. Where it does not, the parts are made after the pass (docs/decisions/0003): the sample then
comes first, and `split` never holds out what was in it. It is drawn whether it is looked at or not,
so that the settings of a run do not change by which pictures it is judged.

No seed has a part in it: what is decided here decides what all pictures are read with, and another
seed is no reason to read them again.
"""

import hashlib
import logging
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_predict
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

from models.cores import granted_cores
from models.files import file_digest
from training.data.folder import Example, ImageFolder, contents_of_classes, has_given_parts
from training.features.extractor import FeatureTable
from training.terminal import progress

log = logging.getLogger(__name__)

#: About as many pictures are drawn, in proportion to their classes (docs/decisions/0007).
SIZE: Final = 120

#: Of more classes, only so many are asked, drawn by chance: each shows a few pictures.
MOST_CLASSES: Final = 24
FEWEST_OF_A_CLASS: Final = 5

#: Fewer readable pictures cannot tell anything apart.
FEWEST: Final = 20

#: scikit-learn's C, for standardised features: the middle of what `training.head.fit` finds best.
STRENGTH: Final = 1e-2


@dataclass(frozen=True)
class Sample:
    """Some of the training part.

    Attributes:
        examples: in the folder's order.
        taught: digests of their bytes, which must not be held out any more; empty where the folder
            itself holds others out.
    """

    examples: tuple[Example, ...]
    taught: frozenset[str]


@dataclass(frozen=True)
class CrossValidation:
    """How a head does on pictures of the sample that it was not fitted on.

    Attributes:
        losses: float64 (N,), the log loss of each picture.
        answers: int64 (N,), what each was taken for, numbered among the classes that were asked.
        accuracy: top-1, in [0, 1].
    """

    losses: npt.NDArray[np.float64]
    answers: npt.NDArray[np.int64]
    accuracy: float

    @property
    def log_loss(self) -> float:
        """The mean of the losses."""
        return float(self.losses.mean())


@dataclass(frozen=True)
class Gain:
    """How much less one way loses than another, on the same pictures.

    Attributes:
        mean: of the differences of the log loss, picture by picture.
        error: its standard error.
    """

    mean: float
    error: float

    @property
    def is_real(self) -> bool:
        """Whether it is larger than its standard error: what less says is chance."""
        return self.mean > self.error


def draw_sample(folder: ImageFolder) -> Sample:
    """Draws the sample: always the same for the same pictures.

    Of each class at most half of its different contents is drawn where others are still to be held
    out. Files that cannot be opened are not drawn; whether they are pictures is not asked.
    """
    given = has_given_parts(folder.examples)
    candidates = [e for e in folder.examples if not given or e.part == "train"]
    digests = [_place(e, folder) for e in candidates] if given else _digests(candidates)
    readable = [(e, d) for e, d in zip(candidates, digests, strict=True) if d]
    contents = contents_of_classes([e for e, _ in readable], [d for _, d in readable])
    classes = sorted(contents, key=lambda c: _lot(folder.classes[c]))[:MOST_CLASSES]
    total = sum(len(contents[c]) for c in classes)
    chosen: dict[str, Example] = {}
    for class_index in classes:
        found = sorted(contents[class_index].items(), key=lambda item: _lot(item[0]))
        most = len(found) if given else len(found) // 2
        share = max(FEWEST_OF_A_CLASS, round(SIZE * len(found) / total))
        chosen.update(found[: min(share, most)])
    examples = sorted(chosen.values(), key=lambda e: (e.name, str(e.path)))
    return Sample(tuple(examples), frozenset() if given else frozenset(chosen))


def cross_validate(table: FeatureTable) -> CrossValidation | None:
    """Fits heads on parts of a table and asks each about the rest.

    Returns:
        None where there are too few pictures to learn anything from it.
    """
    labels = np.array([example.class_index for example in table.examples])
    known, counts = np.unique(labels, return_counts=True)
    asked = np.isin(labels, known[counts > 1])
    folds = min(5, min(counts[counts > 1], default=0))
    if asked.sum() < FEWEST or (counts > 1).sum() < 2:
        return None
    known, labels = np.unique(labels[asked], return_inverse=True)
    # Some hundred steps on matrices this small: threads would only wait for each other.
    with threadpool_limits(1):
        answers = cross_val_predict(
            LogisticRegression(C=STRENGTH, max_iter=1000, class_weight="balanced"),
            _rotated(table.features[asked]),
            labels,
            cv=StratifiedKFold(folds, shuffle=True, random_state=0),
            method="predict_proba",
        )
    true = answers[np.arange(len(labels)), labels]
    best = answers.argmax(axis=1)
    accuracy = float((best == labels).mean())
    return CrossValidation(-np.log(np.maximum(true, 1e-7)), best, accuracy)


def gain(before: CrossValidation, after: CrossValidation) -> Gain:
    """What is gained by going from one way of reading the sample to another."""
    differences = before.losses - after.losses
    error = differences.std(ddof=1) / len(differences) ** 0.5
    return Gain(float(differences.mean()), float(error))


def _rotated(features: npt.NDArray[np.float32]) -> npt.NDArray[np.float64]:
    """Standardised features in the space of the pictures: float64 (N, at most N).

    With an L2 penalty the fit is the same there, and takes a tenth of the time.
    """
    scaled = StandardScaler().fit_transform(features.astype(np.float64))
    left, lengths, _ = np.linalg.svd(scaled, full_matrices=False)
    rotated: npt.NDArray[np.float64] = left * lengths
    return rotated


def _place(example: Example, folder: ImageFolder) -> str:
    return str(example.path.relative_to(folder.root))


def _lot(name: str) -> bytes:
    """What decides by chance, and always alike, whether something of this name is drawn."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _digests(examples: Sequence[Example]) -> list[str]:
    """SHA-256 of the bytes of each; empty where they cannot be had."""
    with progress("telling files apart", len(examples)) as advance:
        found: list[str] = []
        pool = ThreadPoolExecutor(granted_cores(), thread_name_prefix="digests")
        try:
            for digest in pool.map(file_digest, (example.path for example in examples)):
                found.append(digest)
                advance(1)
        finally:
            pool.shutdown(cancel_futures=True)
    return found
