"""The course's recipe: the network stays as it is, and only the last layer is learned."""

from dataclasses import dataclass

from training.features.extractor import Extractor
from training.head.fit import FittedHead, fit_head
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.selection.int8_against_fp32 import PrecisionChoice
from training.terminal import working


@dataclass(frozen=True)
class Probe:
    """A head on frozen features.

    Attributes:
        fitted: the head, and how strongly it was held back.
        outcome: how good it is.
    """

    fitted: FittedHead
    outcome: Outcome


def probe(extractor: Extractor, precision: PrecisionChoice, material: Material) -> Probe:
    """Fits the head on the training part and judges it by the test part.

    Args:
        extractor: what read the pictures.
        precision: why it computes with what it does.
        material: what it found.
    """
    features, labels = material.table.features, material.table.labels
    train, test = material.parts.train, material.parts.test
    with working(f"fitting the head on {len(train)} pictures; {len(test)} are held out"):
        fitted = fit_head(features, labels[train], len(material.classes), material.seed, train)
    outcome = Outcome(
        recipe="frozen",
        extractor=extractor,
        head=fitted.head,
        precision=precision,
        judged=material.judged(fitted.head.probabilities(features[test])),
        trained_on=len(train),
        trained_parameters=fitted.head.weight.size + fitted.head.bias.size,
    )
    return Probe(fitted, outcome)
