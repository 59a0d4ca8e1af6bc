"""All that a recipe learns from and is judged by."""

from dataclasses import dataclass

from training.data.example import Example
from training.data.parts import Parts, Rows
from training.data.pictures import Pictures
from training.data.sample import Sample
from training.evaluation import Probabilities, evaluate
from training.features.table import FeatureTable
from training.report.record import Judged


@dataclass(frozen=True)
class Material:
    """What the pass over a folder found, divided.

    Attributes:
        table: the frozen features of every picture.
        parts: which of them are for what.
        classes: K names.
        sample: of the training part, to be asked with how many bits a network may compute.
        pictures: opens their files.
        seed: of the folds, and of all chance in fine-tuning.
    """

    table: FeatureTable
    parts: Parts
    classes: tuple[str, ...]
    sample: Sample
    pictures: Pictures
    seed: int

    def examples(self, rows: Rows) -> tuple[Example, ...]:
        """The examples in some rows of the table."""
        return tuple(self.table.examples[row] for row in rows)

    def judged(self, answers: Probabilities) -> Judged:
        """What answers to the test part, float32 (N, K), are worth."""
        test = self.parts.test
        evaluation = evaluate(answers, self.table.labels[test], self.classes)
        return Judged(self.examples(test), self.parts.judged_by, answers, evaluation)
