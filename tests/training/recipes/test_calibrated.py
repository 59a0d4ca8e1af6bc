"""Whatever the recipe: what an outcome says of itself it has from pictures it had not seen."""

from dataclasses import replace

import numpy as np
import pytest

from models.calibration import FAMILIARITY_THRESHOLD
from models.signature import feature_maps_of
from training.evaluation import calibration_error
from training.head.calibration import at_temperature
from training.recipes.calibrated import calibrate_outcome
from training.recipes.material import Material
from training.recipes.probe import Probe


def test_head_and_answers_of_a_probe_get_the_same_temperature(
    begun: Probe, material: Material
) -> None:
    found, calibrated = calibrate_outcome(begun.outcome, begun.alike, material, 0.9)

    temperature = calibrated.calibration.temperature
    assert temperature != 1
    assert found.head is calibrated.head
    np.testing.assert_allclose(
        found.head.weight * temperature, begun.outcome.head.weight, rtol=1e-5
    )
    expected = at_temperature(begun.outcome.answers.probabilities, temperature)
    np.testing.assert_array_equal(found.answers.probabilities, expected)
    evaluation = found.judged.evaluation
    assert evaluation.accuracy == begun.outcome.judged.evaluation.accuracy
    labels = found.judged.labels
    assert evaluation.calibration_error == calibration_error(found.judged.probabilities, labels)
    assert evaluation.mean_confidence == pytest.approx(found.judged.probabilities.max(1).mean())


def test_of_a_probe_heads_held_back_as_the_exported_one_decide(
    begun: Probe, material: Material
) -> None:
    """Those that judge have strengths of their own: how sure they are says nothing of this one."""
    answers = replace(begun.outcome.answers, probabilities=np.full((24, 2), 0.5, np.float32))
    other = replace(begun.outcome, answers=answers)
    surer = at_temperature(begun.alike, 0.5)

    first, second, third = (
        calibrate_outcome(*each, material, 0.8)[1].calibration
        for each in ((begun.outcome, begun.alike), (other, begun.alike), (begun.outcome, surer))
    )

    assert first.temperature == second.temperature
    np.testing.assert_array_equal(first.set_thresholds, second.set_thresholds)
    assert third.temperature == pytest.approx(2 * first.temperature, rel=0.05)


def test_about_one_in_twenty_of_a_task_s_own_pictures_is_a_stranger_and_noise_is_one(
    begun: Probe, material: Material
) -> None:
    _, calibrated = calibrate_outcome(begun.outcome, begun.alike, material, 0.9)

    preprocessing = begun.outcome.extractor.preprocessing
    size = (30, preprocessing.height, preprocessing.width, 3)
    noise = np.random.default_rng(0).integers(0, 256, size, np.uint8)
    maps = feature_maps_of(begun.outcome.extractor.graph.session, noise)
    features = begun.outcome.extractor.network.features(maps)
    familiarity = calibrated.calibration.familiarity
    own = familiarity(material.table.features[material.parts.train]) >= FAMILIARITY_THRESHOLD
    assert own.mean() >= 0.9
    assert (familiarity(features) < FAMILIARITY_THRESHOLD).all()


def test_of_a_network_that_learned_itself_only_unseen_pictures_decide(
    begun: Probe, material: Material
) -> None:
    """What it answered to pictures that it learned from has no part in anything."""
    parts = material.parts
    answers = begun.outcome.answers.probabilities.copy()
    answers[parts.fine_tuned_on] = 0.5
    tuned = replace(begun.outcome, recipe="fine-tuned")
    other = replace(tuned, answers=replace(begun.outcome.answers, probabilities=answers))

    first, second = (
        calibrate_outcome(one, begun.alike, material, 0.8)[1] for one in (tuned, other)
    )

    assert first.calibration.temperature == second.calibration.temperature
    np.testing.assert_array_equal(
        first.calibration.set_thresholds, second.calibration.set_thresholds
    )
    np.testing.assert_array_equal(first.calibration.scaling, second.calibration.scaling)
    kept = calibrate_outcome(other, begun.alike, material, 0.8)[0].answers.probabilities
    np.testing.assert_array_equal(kept[parts.fine_tuned_on], answers[parts.fine_tuned_on])
