"""How far two answers to the same pictures are apart, and how far they may be. No torch."""

from collections.abc import Sequence
from dataclasses import asdict, astuple, dataclass
from typing import Final

import numpy as np

from models.calibration import Calibration
from models.errors import ExportError
from models.signature import Answers

#: Largest difference between torch and ONNX Runtime, absolute.
PROBABILITY_TOLERANCE: Final = 1e-4
HEATMAP_TOLERANCE: Final = 1e-3

#: Of two peaks of which both are nothing no ratio is asked.
_LEAST_PEAK: Final = 1e-9
FAMILIARITY_TOLERANCE: Final = 1e-3


@dataclass(frozen=True)
class Agreement:
    """The largest differences seen between the exported file and torch with autograd.

    `heatmap_peak`: in parts of the largest peak.
    """

    probabilities: float
    heatmap: float
    heatmap_peak: float
    familiarity: float

    @property
    def is_close(self) -> bool:
        """Whether all are within the tolerances; NaN is not."""
        return (
            self.probabilities <= PROBABILITY_TOLERANCE
            and self.heatmap <= HEATMAP_TOLERANCE
            and self.heatmap_peak <= HEATMAP_TOLERANCE
            and self.familiarity <= FAMILIARITY_TOLERANCE
        )

    def __str__(self) -> str:
        """The figures, for a sentence."""
        return (
            f"probabilities differ by {self.probabilities:.2g} (allowed {PROBABILITY_TOLERANCE}), "
            f"heatmaps by {self.heatmap:.2g} and their peaks by {self.heatmap_peak:.2g} (allowed "
            f"{HEATMAP_TOLERANCE}), familiarity by {self.familiarity:.2g} (allowed "
            f"{FAMILIARITY_TOLERANCE})"
        )

    def as_json(self) -> dict[str, float]:
        """The figures, for `summary.json`."""
        return asdict(self)


def difference(
    answers: Answers, expected: Sequence[np.ndarray], calibration: Calibration
) -> Agreement:
    """Of a graph's answers to what they should be: probabilities, heatmaps, peaks, familiarity.

    Raises:
        ExportError: they have other shapes; or the prediction sets do not follow from the answers.
    """
    found = []
    for ours, reference in zip(answers[:-1], expected, strict=True):
        if ours.shape != reference.shape:
            raise ExportError(
                f"the exported graph answers {len(ours)} pictures with shape {ours.shape}; "
                f"torch with {reference.shape}"
            )
        found.append(float(np.abs(ours - reference).max()))
    sets = calibration.prediction_sets(answers.probabilities)
    if not np.array_equal(answers.prediction_set, sets):
        raise ExportError("the exported graph's prediction sets do not follow from its answers")
    of_probabilities, of_heatmaps, of_peaks, of_familiarity = found
    of_peaks /= max(float(answers.heatmap_peak.max()), _LEAST_PEAK)
    return Agreement(of_probabilities, of_heatmaps, of_peaks, of_familiarity)


def worst(seen: Sequence[Agreement]) -> Agreement:
    """The largest of each difference; one that is no number is the largest."""
    return Agreement(*map(float, np.max([astuple(one) for one in seen], axis=0)))
