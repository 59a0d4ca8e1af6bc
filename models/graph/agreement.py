"""Whether an exported graph answers as torch does: both are asked, or there is no bundle.

Exporters have silently produced networks with 0 % accuracy (pytorch#169178), wrong biases (#166797)
and frozen batch sizes (#148886), so no export is believed: ONNX Runtime and torch answer the same
real pictures at two batch sizes, and a difference above the tolerances is an `ExportError`.

Where a backbone computes in fewer bits than torch does, torch takes over at its activations: that
the head and its gradient are right can be told to the last digits, and how good the whole is says
the accuracy on what is held out.
"""

import copy
from dataclasses import asdict, astuple, dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch

from models.calibration import Calibration, nothing_known
from models.cores import granted_cores
from models.errors import ExportError
from models.graph.classifier import Classifier
from models.graph.gradcam import explain_activations, explain_by_autograd
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import PREDICTED_CLASS, Floats, answers_of, feature_maps_of

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


def check_agreement(
    session: ort.InferenceSession,
    classifier: Classifier,
    examples: Pixels,
    backbone_graph: onnx.ModelProto | None = None,
    calibration: Calibration | None = None,
) -> Agreement:
    """Compares the exported graph with torch and autograd at batch size 1 and at all examples.

    Args:
        session: of the graph.
        classifier: what it was exported from.
        examples: uint8 (N, H, W, 3), N >= 2.
        backbone_graph: what makes the activations; None: torch does.
        calibration: as it was joined.

    Where the two differ, torch is asked again in float64, and the graph must agree with that: a
    head with ReLUs (VGG) has gradients that jump, and it may be torch's float32 that fell on the
    other side (0.011 in vgg11_bn's heatmap, of which ONNX Runtime had 2e-6).

    Raises:
        ExportError: they differ by more than the tolerances; with the figures.
    """
    classes = classifier.linear.out_features
    asked = np.array([i // 2 % classes if i % 2 else PREDICTED_CLASS for i in range(len(examples))])
    activations = None
    if backbone_graph is not None:
        backbone = open_graph(backbone_graph.SerializeToString(), "cpu", granted_cores())
        activations = feature_maps_of(backbone, examples)
    calibration = calibration or nothing_known(*classifier.linear.weight.shape)
    compared = _Compared(session, examples, asked, activations, calibration)
    worst = _largest_difference(compared, classifier)
    if not worst.is_close:
        worst = _largest_difference(compared, copy.deepcopy(classifier).double())
    if not worst.is_close:
        raise ExportError(
            f"the exported {classifier.backbone.name} does not answer as torch does: {worst}. No "
            "bundle was written; please report this with the versions of torch and onnxruntime, "
            "and try another backbone"
        )
    return worst


@dataclass(frozen=True)
class _Compared:
    """What torch and the exported graph are asked; torch begins at the activations, if any."""

    session: ort.InferenceSession
    pixels: Pixels
    asked: npt.NDArray[np.int64]
    activations: Floats | None
    calibration: Calibration

    def expected(self, classifier: Classifier, count: int) -> list[np.ndarray]:
        """What torch says of the first ones: probabilities, heatmaps, peaks, familiarity."""
        *answers, features = (one.detach().numpy() for one in self._by_torch(classifier, count))
        return [*answers, self.calibration.familiarity(features)]

    def _by_torch(self, classifier: Classifier, count: int) -> tuple[torch.Tensor, ...]:
        asked = torch.from_numpy(self.asked[:count])
        if self.activations is None:
            return explain_by_autograd(classifier, torch.from_numpy(self.pixels[:count]), asked)
        activations = torch.from_numpy(self.activations[:count]).to(classifier.linear.weight.dtype)
        return explain_activations(classifier, activations, asked)


def _largest_difference(compared: _Compared, classifier: Classifier) -> Agreement:
    seen = [_difference(compared, classifier, count) for count in (1, len(compared.pixels))]
    return Agreement(*map(max, *map(astuple, seen)))


def _difference(compared: _Compared, classifier: Classifier, count: int) -> Agreement:
    answers = answers_of(compared.session, compared.pixels[:count], compared.asked[:count])
    differences = []
    for ours, reference in zip(answers[:-1], compared.expected(classifier, count), strict=True):
        if ours.shape != reference.shape:
            raise ExportError(
                f"the exported graph answers {count} pictures with shape {ours.shape}; "
                f"torch with {reference.shape}"
            )
        differences.append(float(np.abs(ours - reference).max()))
    sets = compared.calibration.prediction_sets(answers.probabilities)
    if not np.array_equal(answers.prediction_set, sets):
        raise ExportError("the exported graph's prediction sets do not follow from its answers")
    of_probabilities, of_heatmaps, of_peaks, of_familiarity = differences
    of_peaks /= max(float(answers.heatmap_peak.max()), _LEAST_PEAK)
    return Agreement(of_probabilities, of_heatmaps, of_peaks, of_familiarity)
