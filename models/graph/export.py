"""From a classifier to a bundle: export, run both, compare, or fail.

Exporters have silently produced networks with 0 % accuracy (pytorch#169178), wrong biases (#166797)
and frozen batch sizes (#148886), so no export is believed: ONNX Runtime and torch answer the same
real pictures at two batch sizes, and a difference above the tolerances is an `ExportError`.

The graph is made in two parts that are joined: the frozen backbone is exported once, reads all
pictures of the training, and becomes the first part of the bundle. Where it computes in fewer bits
than torch does, torch takes over at its feature map: that the head and its gradient are right can
be told to the last digits, and how good the whole is says the accuracy on what is held out.
"""

import base64
import contextlib
import copy
import logging
import warnings
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnx.compose
import onnxruntime as ort
import torch
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from models.backbones.backbone import Backbone
from models.bundle import BundleMetadata, SelfCheck, TrainingSummary, bundle_bytes
from models.cores import granted_cores
from models.errors import ExportError
from models.graph.classifier import Classifier, Normalise
from models.graph.fewer_bits import precision_of
from models.graph.gradcam import GradCamHead, explain_by_autograd, explain_feature_map
from models.graph.self_check import draw_self_check_pictures
from models.preprocessing import Pixels, read_pixels
from models.providers import open_graph
from models.session import PREDICTED_CLASS

#: Largest difference between torch and ONNX Runtime, absolute.
PROBABILITY_TOLERANCE: Final = 1e-4
HEATMAP_TOLERANCE: Final = 1e-3

_OPSET: Final = 20

#: Of the last layer: inputs of a head's graph until it is joined.
_LEARNED: Final = ("weight", "bias")


@dataclass(frozen=True)
class Description:
    """What a bundle is to say of itself, beyond what its network says.

    Attributes:
        classes: K names in the order of the head's rows.
        training: how it was made and how good it is.
        data_digest: of the pictures that it was made with.
    """

    classes: tuple[str, ...]
    training: TrainingSummary
    data_digest: str


@dataclass(frozen=True)
class Agreement:
    """The largest differences seen between the exported file and torch with autograd."""

    probabilities: float
    heatmap: float

    @property
    def is_close(self) -> bool:
        """Whether both are within the tolerances; NaN is not."""
        return self.probabilities <= PROBABILITY_TOLERANCE and self.heatmap <= HEATMAP_TOLERANCE

    def as_json(self) -> dict[str, float]:
        """Both figures, for `summary.json`."""
        return asdict(self)


def export_bundle(
    classifier: Classifier,
    backbone_graph: onnx.ModelProto,
    description: Description,
    examples: Pixels,
    head_graph: onnx.ModelProto | None = None,
) -> tuple[bytes, Agreement]:
    """Joins a classifier's graph, compares it with torch, and adds its metadata.

    Args:
        classifier: in inference mode.
        backbone_graph: of the classifier's backbone, from `export_backbone`.
        description: what the bundle is to say of itself.
        examples: uint8 (N, H, W, 3), N >= 2: real pictures of the data set to compare on.
        head_graph: see `join_head`.

    Returns:
        The bytes of the bundle, and how well it agrees.

    Raises:
        ExportError: the exported file does not answer as torch does; with the figures.
    """
    model = join_head(backbone_graph, classifier, head_graph)
    session = open_graph(model.SerializeToString(), "cpu", granted_cores())
    precision = precision_of(backbone_graph)
    agreement = check_agreement(
        session, classifier, examples, None if precision == "fp32" else backbone_graph
    )
    metadata = BundleMetadata(
        classes=description.classes,
        preprocessing=classifier.backbone.preprocessing,
        backbone=classifier.backbone.name,
        weights=classifier.backbone.weights,
        precision=precision,
        training=description.training,
        data_digest=description.data_digest,
        self_check=_self_check(session, classifier),
    )
    return bundle_bytes(model, metadata), agreement


def export_backbone(backbone: Backbone) -> onnx.ModelProto:
    """The larger part, and the slower to export: uint8 `image` (N, H, W, 3) → `feature_map`.

    Raises:
        ExportError: torch's exporter cannot write this network down.
    """
    return _export(
        _FeatureMap(backbone), {"image": _example_images(backbone)}, outputs=["feature_map"]
    )


def join_head(
    backbone_graph: onnx.ModelProto,
    classifier: Classifier,
    head_graph: onnx.ModelProto | None = None,
) -> onnx.ModelProto:
    """A bundle's graph without metadata: see `models.bundle` for its inputs and outputs.

    Args:
        backbone_graph: of the classifier's backbone, from `export_backbone`.
        classifier: in inference mode.
        head_graph: from `export_head`, of this classifier or another one of the same backbone and
            with as many classes; None: it is exported now.
    """
    head = _with_learned(head_graph or export_head(classifier), classifier.linear)
    joined: onnx.ModelProto = onnx.compose.merge_models(
        backbone_graph,
        onnx.compose.add_prefix(head, "head/", rename_inputs=False, rename_outputs=False),
        io_map=[("feature_map", "feature_map")],
    )
    onnx.checker.check_model(joined)
    return joined


def export_head(classifier: Classifier) -> onnx.ModelProto:
    """What comes after the feature map, without what the last layer has learned.

    Returns:
        `feature_map`, `class_index`, `weight` and `bias` → `probabilities`, `heatmap`.
    """
    with torch.no_grad():
        feature_map = classifier.feature_map(_example_images(classifier.backbone))
    return _export(
        GradCamHead(classifier, feature_map),
        {
            "feature_map": feature_map,
            "class_index": torch.tensor([PREDICTED_CLASS, 0, 1]),
            "weight": classifier.linear.weight.detach(),
            "bias": classifier.linear.bias.detach(),
        },
        outputs=["probabilities", "heatmap"],
    )


def _with_learned(head_graph: onnx.ModelProto, linear: nn.Linear) -> onnx.ModelProto:
    """A head's graph whose last layer is a part of it, and no input any more."""
    found = onnx.ModelProto()
    found.CopyFrom(head_graph)
    for name in _LEARNED:
        value = getattr(linear, name).detach().numpy()
        found.graph.initializer.append(onnx.numpy_helper.from_array(value, name))
    asked = [value for value in found.graph.input if value.name not in _LEARNED]
    del found.graph.input[:]
    found.graph.input.extend(asked)
    return found


class _FeatureMap(nn.Module):
    def __init__(self, backbone: Backbone) -> None:
        super().__init__()
        self.normalise = Normalise(backbone)
        self.backbone = backbone

    def forward(self, image: torch.Tensor) -> torch.Tensor:
        return self.backbone.feature_map(self.normalise(image))


def check_agreement(
    session: ort.InferenceSession,
    classifier: Classifier,
    examples: Pixels,
    backbone_graph: onnx.ModelProto | None = None,
) -> Agreement:
    """Compares the exported graph with torch and autograd at batch size 1 and at all examples.

    Args:
        session: of the graph.
        classifier: what it was exported from.
        examples: uint8 (N, H, W, 3), N >= 2.
        backbone_graph: what makes the feature map; None: torch does.

    Where the two differ, torch is asked again in float64, and the graph must agree with that: a
    head with ReLUs (VGG) has gradients that jump, and it may be torch's float32 that fell on the
    other side (0.011 in vgg11_bn's heatmap, of which ONNX Runtime had 2e-6).

    Raises:
        ExportError: they differ by more than the tolerances; with the figures.
    """
    classes = classifier.linear.out_features
    asked = np.array([i // 2 % classes if i % 2 else PREDICTED_CLASS for i in range(len(examples))])
    compared = _Compared(session, examples, asked, _feature_maps(backbone_graph, examples))
    worst = _largest_difference(compared, classifier)
    if not worst.is_close:
        worst = _largest_difference(compared, copy.deepcopy(classifier).double())
    if not worst.is_close:
        raise ExportError(
            f"the exported {classifier.backbone.name} does not answer as torch does: probabilities "
            f"differ by {worst.probabilities:.2g} (allowed {PROBABILITY_TOLERANCE}), heatmaps by "
            f"{worst.heatmap:.2g} (allowed {HEATMAP_TOLERANCE}). No bundle was written; please "
            "report this with the versions of torch and onnxruntime, and try another backbone"
        )
    return worst


@dataclass(frozen=True)
class _Compared:
    """What torch and the exported graph are asked.

    Attributes:
        session: of the graph.
        pixels: uint8 (N, H, W, 3).
        asked: int64 (N,), classes.
        feature_maps: float32 (N, C, h, w), where torch is to begin with these.
    """

    session: ort.InferenceSession
    pixels: Pixels
    asked: npt.NDArray[np.int64]
    feature_maps: npt.NDArray[np.float32] | None

    def expected(self, classifier: Classifier, count: int) -> tuple[torch.Tensor, torch.Tensor]:
        """What torch says of the first ones."""
        asked = torch.from_numpy(self.asked[:count])
        if self.feature_maps is None:
            return explain_by_autograd(classifier, torch.from_numpy(self.pixels[:count]), asked)
        feature_map = torch.from_numpy(self.feature_maps[:count]).to(classifier.linear.weight.dtype)
        return explain_feature_map(classifier, feature_map, asked)

    def found(self, count: int) -> list[npt.NDArray[np.float32]]:
        """What the graph says of them."""
        inputs = {"image": self.pixels[:count], "class_index": self.asked[:count]}
        found: list[npt.NDArray[np.float32]] = self.session.run(
            ["probabilities", "heatmap"], inputs
        )
        return found


def _feature_maps(
    backbone_graph: onnx.ModelProto | None, pixels: Pixels
) -> npt.NDArray[np.float32] | None:
    if backbone_graph is None:
        return None
    session = open_graph(backbone_graph.SerializeToString(), "cpu", granted_cores())
    found: npt.NDArray[np.float32] = session.run(["feature_map"], {"image": pixels})[0]
    return found


def _largest_difference(compared: _Compared, classifier: Classifier) -> Agreement:
    seen = [_difference(compared, classifier, count) for count in (1, len(compared.pixels))]
    return Agreement(max(s.probabilities for s in seen), max(s.heatmap for s in seen))


def _difference(compared: _Compared, classifier: Classifier, count: int) -> Agreement:
    expected = compared.expected(classifier, count)
    differences = []
    for ours, reference in zip(compared.found(count), expected, strict=True):
        if ours.shape != tuple(reference.shape):
            raise ExportError(
                f"the exported graph answers {count} pictures with shape {ours.shape}; "
                f"torch with {tuple(reference.shape)}"
            )
        differences.append(float(np.abs(ours - reference.detach().numpy()).max()))
    return Agreement(*differences)


def _self_check(session: ort.InferenceSession, classifier: Classifier) -> tuple[SelfCheck, ...]:
    pictures = draw_self_check_pictures()
    preprocessing = classifier.backbone.preprocessing
    pixels = np.stack([read_pixels(picture, preprocessing) for picture in pictures])
    asked = np.full(len(pictures), PREDICTED_CLASS)
    answers = session.run(["probabilities", "heatmap"], {"image": pixels, "class_index": asked})
    return tuple(
        SelfCheck(
            picture=base64.b64encode(picture),
            probabilities=tuple(np.round(probabilities.astype(float), 6).tolist()),
            heatmap=tuple(tuple(row) for row in np.round(heatmap.astype(float), 5).tolist()),
        )
        for picture, probabilities, heatmap in zip(pictures, *answers, strict=True)
    )


def _example_images(backbone: Backbone) -> torch.Tensor:
    size = (3, backbone.preprocessing.height, backbone.preprocessing.width, 3)
    generator = torch.Generator().manual_seed(0)
    return torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)


def _export(
    module: nn.Module,
    inputs: dict[str, torch.Tensor],
    outputs: list[str],
) -> onnx.ModelProto:
    batch = torch.export.Dim("N")
    # Fused attention claims a memory layout that it does not have, which breaks MaxViT's export.
    with _quiet(), _in_a_sentence(), sdpa_kernel(SDPBackend.MATH):
        program: Any = torch.onnx.export(
            module.eval(),
            tuple(inputs.values()),
            input_names=list(inputs),
            output_names=outputs,
            dynamic_shapes={n: None if n in _LEARNED else {0: batch} for n in inputs},
            dynamo=True,
            external_data=False,
            opset_version=_OPSET,
            verbose=False,
        )
    # The exporter has left an inner module in train mode once; what is compared must not be.
    module.eval()
    model: onnx.ModelProto = program.model_proto
    _forget_origin(model)
    onnx.checker.check_model(model)
    return model


def _forget_origin(model: onnx.ModelProto) -> None:
    """Drops the stack traces of the exporter: paths of this machine, and others at every run."""
    graph = model.graph
    for part in (*graph.node, *graph.value_info, *graph.input, *graph.output, *graph.initializer):
        part.ClearField("metadata_props")
        part.ClearField("doc_string")
    graph.ClearField("metadata_props")


@contextlib.contextmanager
def _in_a_sentence() -> Iterator[None]:
    try:
        yield
    except torch.onnx.OnnxExporterError as error:
        reason = str(error.__cause__ or error).strip().splitlines()[0]
        raise ExportError(
            f"torch cannot export this network to ONNX: {reason}. Choose another backbone"
        ) from error


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    """The exporter explains itself at length, in warnings and logs that say nothing to a user."""
    loggers = [logging.getLogger(name) for name in ("torch.onnx", "onnxscript", "onnx_ir")]
    levels = [logger.level for logger in loggers]
    for logger in loggers:
        logger.setLevel(logging.ERROR)
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            yield
    finally:
        for logger, level in zip(loggers, levels, strict=True):
            logger.setLevel(level)
