"""The course's recipe: the network stays as it is, and only the last layer is learned."""

from dataclasses import dataclass

from models.terminal import working
from training.evaluation import Probabilities
from training.features.extractor import Extractor
from training.head.fit import FittedHead
from training.head.out_of_fold import answers_like, cross_fit
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.selection.int8_against_fp32 import PrecisionChoice


@dataclass(frozen=True)
class Probe:
    """A head on frozen features.

    Attributes:
        fitted: the head, and how strongly it was held back.
        alike: float32 (M, K), answers to each row of the training part, by a head that was fitted
            without its fold, and held back as strongly as this one.
        outcome: how good it is.
    """

    fitted: FittedHead
    alike: Probabilities
    outcome: Outcome


def probe(extractor: Extractor, precision: PrecisionChoice, material: Material) -> Probe:
    """Fits the head on the training part, and asks heads like it about what they have not seen.

    Args:
        extractor: what read the pictures.
        precision: why it computes with what it does.
        material: what it found.
    """
    parts = material.parts
    with working(f"fitting the head on {len(parts.train)} pictures, and without each fold"):
        task = material.task(parts.train)
        found = cross_fit(task)
        alike = answers_like(task, found)
    # To what it has not learned from it answers itself.
    answers = found.fitted.head.probabilities(material.table.features)
    answers[parts.train] = found.answers
    judges = parts.train if parts.is_cross_validated else parts.test
    outcome = Outcome(
        recipe="frozen",
        extractor=extractor,
        head=found.fitted.head,
        precision=precision,
        judged=material.judged(answers, judges, parts.judged_by),
        answers=material.answers(answers, is_fine_tuned=False),
        trained_on=len(parts.train),
        trained_parameters=found.fitted.head.weight.size + found.fitted.head.bias.size,
    )
    return Probe(found.fitted, alike, outcome)
