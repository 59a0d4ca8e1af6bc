"""What a recipe ends in: what is exported, and how good it is."""

from dataclasses import dataclass
from typing import Any

import onnx

from models.graph.classifier import Classifier
from models.preprocessing import Preprocessing
from training.evaluation import Evaluation, Probabilities
from training.selection.precision import PrecisionChoice


@dataclass(frozen=True)
class Outcome:
    """What is exported, and how good it is.

    Attributes:
        recipe: `frozen`, `fine-tuned` or `from scratch`.
        classifier: in inference mode.
        preprocessing: how pictures are shown to it.
        backbone_graph: its backbone, exported, in the precision that was chosen.
        precision: that choice.
        probabilities: float32 (N held out, K), its answers.
        evaluation: their comparison with the truth.
        trained_on: how many pictures it learned from.
        details: what `summary.json` says of the recipe.
    """

    recipe: str
    classifier: Classifier
    preprocessing: Preprocessing
    backbone_graph: onnx.ModelProto
    precision: PrecisionChoice
    probabilities: Probabilities
    evaluation: Evaluation
    trained_on: int
    details: dict[str, Any]

    @property
    def trained_parameters(self) -> int:
        """How many numbers were learned from the user's pictures."""
        trained = self.classifier.linear if self.recipe == "frozen" else self.classifier
        return sum(parameter.numel() for parameter in trained.parameters())
