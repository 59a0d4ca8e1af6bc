"""The frozen recipe is judged by what it has not seen: a given part, or all in turn."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from tests.training.conftest import material_of
from training.features.extractor import Extractor
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.recipes.probe import Probe, probe
from training.selection.int8_against_fp32 import PrecisionChoice

AS_ASKED = PrecisionChoice("fp32", "--precision", None)


def test_where_nothing_is_held_out_all_pictures_judge_and_all_are_learned_from(
    extractor: Extractor, material: Material
) -> None:
    found = probe(extractor, AS_ASKED, material)

    judged = found.outcome.judged
    assert judged.evaluation.judged_by == "cross-validation"
    assert judged.evaluation.count == found.outcome.trained_on == 24
    assert {*found.outcome.answers.parts} == {f"fold {n}" for n in range(1, 6)}
    fitted = found.outcome.head.probabilities(material.table.features)
    assert not np.array_equal(fitted, judged.probabilities)


def test_a_given_test_part_judges_and_has_no_part_in_the_head(
    extractor: Extractor, given_parts: Material
) -> None:
    test = given_parts.parts.test
    features = given_parts.table.features.copy()
    features[test] += 1
    other = replace(given_parts, table=replace(given_parts.table, features=features))

    before, after = (probe(extractor, AS_ASKED, m) for m in (given_parts, other))

    np.testing.assert_array_equal(before.outcome.head.weight, after.outcome.head.weight)
    np.testing.assert_array_equal(before.alike, after.alike)
    answers = after.outcome.head.probabilities(features[test])
    np.testing.assert_array_equal(after.outcome.judged.probabilities, answers)
    assert after.outcome.judged.evaluation.judged_by == "test part"
    assert [after.outcome.answers.parts[row] for row in test] == ["test"] * 8


@pytest.fixture
def given_parts(course_folder: Path, extractor: Extractor) -> Material:
    """16 pictures to learn from and 8 that judge."""
    return material_of(course_folder, extractor)


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
