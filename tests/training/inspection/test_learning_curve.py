"""Whether more pictures would help, by heads that have not seen what they answer."""

import json
from dataclasses import replace

import numpy as np

from tests.training.inspection.drawn_evidence import clouds, evidence_of
from training.inspection.evidence import Evidence
from training.inspection.inspection import LearningCurve
from training.inspection.learning_curve import learning_curve


def _evidence(apart: float, count: int = 80) -> Evidence:
    labels = [0, 1] * count
    return evidence_of(labels, features=clouds(labels, apart, width=40))


def _curve(evidence: Evidence) -> LearningCurve:
    found = learning_curve(evidence)
    assert found is not None
    return found


def test_where_fewer_pictures_taught_less_more_are_said_to_teach_more() -> None:
    found = _curve(_evidence(apart=2.0))

    accuracies = [point.accuracy for point in found.measured]
    assert [point.pictures for point in found.measured] == [20, 40, 80, 160]
    assert accuracies[0] < accuracies[-1] < found.carried_on.accuracy < 1
    assert found.carried_on.pictures == 320
    assert found.carried_on.interval[0] <= found.carried_on.accuracy
    assert "with twice as many" in found.sentence


def test_where_all_is_right_already_more_pictures_hardly_help() -> None:
    found = _curve(_evidence(apart=20.0))

    assert found.carried_on.accuracy == 1
    assert "would hardly help" in found.sentence


def test_the_last_point_is_the_accuracy_of_all_pictures_out_of_fold() -> None:
    evidence = _evidence(apart=2.0)

    found = _curve(evidence)

    assert found.measured[-1].accuracy == evidence.evaluation.accuracy
    assert json.loads(json.dumps(found.as_json()))["measured"][0]["pictures"] == 20


def test_groups_are_drawn_whole() -> None:
    evidence = _evidence(apart=2.0)
    pairs = np.arange(160) // 4 * 2 + np.arange(160) % 2

    found = _curve(replace(evidence, groups=pairs))

    assert [point.pictures for point in found.measured] == [20, 40, 80, 160]


def test_of_very_few_pictures_none_are_left_out() -> None:
    assert learning_curve(_evidence(apart=2.0, count=10)) is None


def test_no_head_learns_from_what_it_answers() -> None:
    noise = np.random.default_rng(1).normal(size=(160, 40))

    # Held back so little that it knows by heart what it has seen.
    found = _curve(replace(evidence_of([0, 1] * 80, features=noise), strength=10.0))

    assert all(0.3 < point.accuracy < 0.7 for point in found.measured)
