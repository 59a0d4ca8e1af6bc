"""All that a recipe learns from and is judged by."""

from dataclasses import dataclass

from models.bundle import JudgedBy
from training.data.example import Example
from training.data.parts import Parts, Rows
from training.data.pictures import Pictures, pictures_gone
from training.data.sample import Sample
from training.evaluation import Probabilities, evaluate
from training.features.extractor import Extractor
from training.features.table import FeatureTable
from training.head.fit import Task
from training.report.record import Answers, Judged


@dataclass(frozen=True)
class Material:
    """What the pass over a folder found, divided.

    Attributes:
        table: the frozen features of every picture.
        parts: which of them are for what.
        classes: K names.
        sample: of the training part, to be asked with how many bits a network may compute.
        pictures: opens their files.
        seed: of all chance in fine-tuning.
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

    def task(self, rows: Rows) -> Task:
        """What a head is to be learned from, if from some rows of `train`."""
        features, labels = self.table.features, self.table.labels[rows]
        return Task(features, rows, labels, self.parts.folds_of(rows), len(self.classes))

    def read(self, extractor: Extractor, rows: Rows) -> FeatureTable:
        """What another network sees of pictures that could be read a while ago.

        Raises:
            PicturesGoneError: one of them is gone.
        """
        table = extractor.read_shared(self.examples(rows), self.pictures)
        if table.left_out:
            raise pictures_gone(table.left_out[0].name, table.left_out[0].reason)
        return table

    def judged(self, answers: Probabilities, rows: Rows, judged_by: JudgedBy) -> Judged:
        """What answers to all pictures, float32 (N, K), are worth where some rows judge."""
        labels, groups = self.table.labels[rows], self.parts.groups[rows]
        evaluation = evaluate(answers[rows], labels, self.classes, groups, judged_by)
        return Judged(self.examples(rows), answers[rows], evaluation)

    def answers(self, probabilities: Probabilities, *, is_fine_tuned: bool) -> Answers:
        """Answers to all pictures, float32 (N, K), each with the part that it was in."""
        names = tuple(self.parts.names(is_fine_tuned=is_fine_tuned))
        return Answers(self.table.examples, probabilities, names)
