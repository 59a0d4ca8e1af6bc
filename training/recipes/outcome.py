"""What a recipe ends in: what is exported, and how good it is."""

from dataclasses import dataclass
from typing import Literal

from models.head import LinearHead
from training.features.extractor import Extractor
from training.report.record import Answers, Judged
from training.selection.int8_against_fp32 import PrecisionChoice

Recipe = Literal["frozen", "fine-tuned", "from scratch"]


@dataclass(frozen=True)
class Outcome:
    """What is exported, and how good it is.

    Attributes:
        recipe: how it was learned.
        extractor: the network, its graph, and what that is shown.
        head: the last layer.
        precision: why the graph has the precision that it has.
        judged: how good it is, by what had not been seen.
        answers: to every picture, none by what had learned from it.
        trained_on: how many pictures it learned from.
        trained_parameters: how many numbers were learned from them.
    """

    recipe: Recipe
    extractor: Extractor
    head: LinearHead
    precision: PrecisionChoice
    judged: Judged
    answers: Answers
    trained_on: int
    trained_parameters: int
