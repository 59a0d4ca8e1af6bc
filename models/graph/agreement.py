"""Whether an exported graph answers as torch does: both are asked, or there is no bundle.

Exporters have silently produced networks with 0 % accuracy (pytorch#169178), wrong biases (#166797)
and frozen batch sizes (#148886), so no export is believed: ONNX Runtime and torch answer the same
real pictures at two batch sizes, and a difference above the tolerances is an `ExportError`.

Where a backbone computes in fewer bits than torch does, torch takes over at its activations: that
the head and its gradient are right can be told to the last digits, and how good the whole is says
the accuracy on what is held out.
"""

import copy
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort
import torch

from models.calibration import Calibration, nothing_known
from models.cores import granted_cores
from models.errors import ExportError
from models.graph.classifier import Classifier
from models.graph.differences import Agreement, difference, worst
from models.graph.gradcam import explain_activations, explain_by_autograd
from models.graph.joining import classes_to_ask
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import Floats, answers_of, feature_maps_of

__all__ = ["Agreement", "check_agreement"]


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
    asked = classes_to_ask(len(examples), classes)
    activations = None
    if backbone_graph is not None:
        backbone = open_graph(backbone_graph.SerializeToString(), "cpu", granted_cores())
        activations = feature_maps_of(backbone, examples)
    calibration = calibration or nothing_known(*classifier.linear.weight.shape)
    compared = _Compared(session, examples, asked, activations, calibration)
    found = _largest_difference(compared, classifier)
    if not found.is_close:
        found = _largest_difference(compared, copy.deepcopy(classifier).double())
    if not found.is_close:
        raise ExportError(
            f"the exported {classifier.backbone.name} does not answer as torch does: {found}. No "
            "bundle was written; please report this with the versions of torch and onnxruntime, "
            "and try another backbone"
        )
    return found


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
    return worst([_difference(compared, classifier, n) for n in (1, len(compared.pixels))])


def _difference(compared: _Compared, classifier: Classifier, count: int) -> Agreement:
    answers = answers_of(compared.session, compared.pixels[:count], compared.asked[:count])
    return difference(answers, compared.expected(classifier, count), compared.calibration)
