"""What a run knows of a folder's pictures, as every finder of this room reads it."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from training.evaluation import Evaluation, Probabilities
from training.features.table import FeatureTable

if TYPE_CHECKING:
    from training.data.parts import Parts
    from training.inspection.twins import Twin

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Evidence:
    """What there is to find something by.

    Attributes:
        table: the frozen features of N pictures, and what else the pass found.
        classes: K names.
        parts: which pictures are for what.
        answers: float32 (N, K), of heads that have not seen the picture they answer.
        groups: int64 (N,), which pictures belong together and are one thing, as twins are.
        evaluation: how good what is exported is.
        strength: of the exported head's regularisation (scikit-learn's C).
        twins: pairs of pictures that show the same.
    """

    table: FeatureTable
    classes: tuple[str, ...]
    parts: "Parts"
    answers: Probabilities
    groups: npt.NDArray[np.int64]
    evaluation: Evaluation
    strength: float
    twins: "tuple[Twin, ...]" = ()

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The class of each picture by its folder, int64 (N,)."""
        return self.table.labels

    @property
    def answered(self) -> npt.NDArray[np.int64]:
        """The class that each picture is answered with, int64 (N,)."""
        found: npt.NDArray[np.int64] = self.answers.argmax(axis=1)
        return found

    def names(self, rows: Rows) -> tuple[str, ...]:
        """What the pictures in some rows of the table are called."""
        return tuple(self.table.examples[row].name for row in rows)
