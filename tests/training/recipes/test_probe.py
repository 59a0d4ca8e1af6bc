"""The frozen recipe learns from the training part and is judged by the test part."""

from dataclasses import replace

import numpy as np

from training.evaluation import evaluate
from training.features.extractor import Extractor
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import Probe, probe
from training.selection.int8_against_fp32 import PrecisionChoice

AS_ASKED = PrecisionChoice("fp32", "--precision", None)


def test_an_outcome_is_judged_by_what_it_did_not_learn_from(
    probed: Outcome, material: Material
) -> None:
    test = material.parts.test

    answers = probed.head.probabilities(material.table.features[test])

    np.testing.assert_array_equal(probed.judged.probabilities, answers)
    judged = evaluate(answers, material.table.labels[test], material.classes)
    assert probed.judged.evaluation.confusion.tolist() == judged.confusion.tolist()
    assert probed.judged.evaluation.count == len(test) == 4
    assert probed.trained_on == len(material.parts.train) == 20


def test_an_outcome_tells_what_it_stands_on(
    probed: Outcome, material: Material, extractor: Extractor
) -> None:
    found = probe(extractor, AS_ASKED, material)

    assert isinstance(found, Probe)
    assert found.outcome.recipe == "frozen"
    assert found.outcome.extractor is extractor
    assert found.outcome.precision is AS_ASKED
    assert found.outcome.head is found.fitted.head
    assert found.outcome.trained_parameters == (96 + 1) * 2
    np.testing.assert_array_equal(found.outcome.head.weight, probed.head.weight)


def test_what_is_held_out_has_no_part_in_the_head(
    probed: Outcome, material: Material, extractor: Extractor
) -> None:
    features = material.table.features.copy()
    features[material.parts.test] = 1e3
    other = replace(material, table=replace(material.table, features=features))

    found = probe(extractor, AS_ASKED, other).outcome

    np.testing.assert_array_equal(found.head.weight, probed.head.weight)
    assert not np.array_equal(found.judged.probabilities, probed.judged.probabilities)
