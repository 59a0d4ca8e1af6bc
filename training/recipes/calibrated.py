"""An outcome that says how far it is to be believed, whatever recipe it is of.

Of a probe every picture of the training part has an answer by a head that had not seen it, and is
held back as strongly as the exported one (docs/decisions/0040). Of a network that learned itself
only the validation part has: temperature, sets and threshold come from that, and the centres from
what it learned from, as that network sees it.
"""

from dataclasses import replace

import numpy as np

from models.choices import AtLeast
from models.terminal import working
from training.data.parts import Rows
from training.evaluation import Probabilities, calibration_error
from training.head.calibration import (
    Calibrated,
    Unseen,
    at_temperature,
    calibrate,
    say_what_is_covered,
)
from training.head.familiarity import (
    Centres,
    Features,
    fit_centres,
    similarities,
    similarities_out_of_fold,
)
from training.head.operating_point import (
    Answered,
    ChosenPoint,
    choose_point,
    say_what_was_chosen,
    share_referred,
)
from training.recipes.material import Material
from training.recipes.outcome import Outcome


def calibrate_outcome(
    outcome: Outcome, alike: Probabilities, material: Material, coverage: float
) -> tuple[Outcome, Calibrated]:
    """The same outcome with a temperature in its head and its answers, and what was found.

    Args:
        outcome: of a recipe.
        alike: float32 (M, K), of the probe that the same material began with: `Probe.alike`.
        material: that it learned from.
        coverage: the share of pictures whose prediction sets are to hold what is true.

    Raises:
        PicturesGoneError: pictures that could be read before are gone.
    """
    is_probe = outcome.recipe == "frozen"
    parts, labels = material.parts, material.table.labels
    with working("asking how far answers are to be believed"):
        centres, near = _of_probe(material) if is_probe else _of_network(outcome, material)
        asked = _asked(outcome, material)
        answers = alike if is_probe else outcome.answers.probabilities[asked]
        unseen = Unseen(answers, labels[asked], near)
        found = calibrate(outcome.head, centres, unseen, coverage)
    say_what_is_covered(found, unseen, material.classes)
    answered = np.arange(len(labels)) if is_probe else np.union1d(asked, parts.set_aside)
    return _at_temperature(replace(outcome, head=found.head), found, answered), found


def choose_operating_point(
    asked: AtLeast,
    outcome: Outcome,
    alike: Probabilities,
    material: Material,
    calibrated: Calibrated,
) -> ChosenPoint:
    """From which probability on a class is decided, and how good that is; it is said in the log.

    Args:
        asked: for the class.
        outcome: calibrated.
        alike: as above.
        material: that it learned from.
        calibrated: how far it is to be believed.
    """
    parts, classes = material.parts, material.classes
    answers, judging = outcome.answers.probabilities, parts.set_aside
    if outcome.recipe == "frozen":
        answers = answers.copy()
        answers[parts.train] = at_temperature(alike, calibrated.calibration.temperature)
        judging = parts.train if parts.is_cross_validated else parts.test
    unseen, judged = (
        Answered(answers[rows], material.table.labels[rows], parts.groups[rows])
        for rows in (_asked(outcome, material), judging)
    )
    point = choose_point(asked, classes, unseen, judged)
    of_class = unseen.labels == classes.index(asked.label)
    sets = calibrated.calibration.prediction_sets(unseen.probabilities)
    found = ChosenPoint(
        point,
        pictures=len(np.unique(unseen.groups[of_class])),
        referred=share_referred(point, classes, unseen.probabilities, sets, calibrated.is_familiar),
    )
    say_what_was_chosen(found)
    return found


def _asked(outcome: Outcome, material: Material) -> Rows:
    """The pictures that had no part in what answered them, by which it is calibrated."""
    return material.parts.train if outcome.recipe == "frozen" else material.parts.validation


def _of_probe(material: Material) -> tuple[Centres, Features]:
    """Centres, and how near each picture of the training part is to such as lack its fold."""
    features, parts = material.table.features, material.parts
    near = similarities_out_of_fold(features, parts.train, parts.groups, parts.folds)
    return fit_centres(features, parts.train, parts.groups), near


def _of_network(outcome: Outcome, material: Material) -> tuple[Centres, Features]:
    """Centres of what it learned from, and how near the validation part is to them."""
    parts = material.parts
    rows = np.concatenate([parts.fine_tuned_on, parts.validation])
    features = material.read(outcome.extractor, rows).features
    taught, validation = np.split(np.arange(len(rows)), [len(parts.fine_tuned_on)])
    centres = fit_centres(features, taught, parts.groups[rows])
    return centres, similarities(features, validation, centres)


def _at_temperature(outcome: Outcome, found: Calibrated, answered: Rows) -> Outcome:
    """The outcome with the temperature in what it answered itself: those rows of all."""
    temperature = found.calibration.temperature
    answers = outcome.answers.probabilities.copy()
    answers[answered] = at_temperature(answers[answered], temperature)
    judged = at_temperature(outcome.judged.probabilities, temperature)
    evaluation = replace(
        outcome.judged.evaluation,
        mean_confidence=float(judged.max(axis=1).mean()),
        calibration_error=calibration_error(judged, outcome.judged.labels),
    )
    return replace(
        outcome,
        answers=replace(outcome.answers, probabilities=answers),
        judged=replace(outcome.judged, probabilities=judged, evaluation=evaluation),
    )
