"""From the graphs of backbone and head to a bundle: joined, compared with torch, described.

The frozen backbone is exported once, reads all pictures of the training, and becomes the first part
of the bundle.
"""

import base64
from functools import partial
from typing import Final

import numpy as np
import onnx
import onnx.compose
import onnx.helper
import onnx.numpy_helper
import onnxruntime as ort
from torch import nn

from models.backbones.licences import licence_of
from models.bundle import BundleMetadata, Description, SelfCheck, bundle_bytes
from models.calibration import FAMILIARITY_THRESHOLD, Calibration, nothing_known
from models.cores import granted_cores
from models.graph.agreement import Agreement, check_agreement
from models.graph.classifier import Classifier
from models.graph.export import export_head, state_needs
from models.graph.fewer_bits import precision_of
from models.graph.geometry import measure_geometry
from models.graph.self_check import draw_self_check_pictures
from models.preprocessing import Pixels, Preprocessing, read_pixels
from models.providers import open_graph
from models.signature import (
    FEATURE_MAP,
    LEARNED,
    PREDICTED_CLASS,
    Floats,
    Value,
    answers_of,
)

#: Pictures that torch and the graph are compared on: a batch.
_COMPARED: Final = 8


def assemble_bundle(
    classifier: Classifier,
    backbone_graph: onnx.ModelProto,
    description: Description,
    examples: Pixels,
    head_graph: onnx.ModelProto | None = None,
) -> tuple[bytes, Agreement]:
    """Joins a classifier's graph, compares it with torch, and adds its metadata.

    The classifier is in inference mode; the graphs are as `join_head` takes them; the examples,
    uint8 (N, H, W, 3) with N >= 2, are real pictures of the data set, none that it is judged by:
    where the heatmap's cells look is measured on them.

    Raises:
        ExportError: the exported file does not answer as torch does; with the figures.
    """
    calibration, precision = description.calibration, precision_of(backbone_graph)
    model = join_head(backbone_graph, classifier, head_graph, calibration)
    session = open_graph(model.SerializeToString(), "cpu", granted_cores())
    fewer_bits = None if precision == "fp32" else backbone_graph
    agreement = check_agreement(session, classifier, _some(examples), fewer_bits, calibration)
    geometry = measure_geometry(classifier.backbone, partial(_heatmaps, session), examples)
    metadata = BundleMetadata(
        classes=description.classes,
        preprocessing=description.preprocessing,
        backbone=classifier.backbone.name,
        weights=classifier.backbone.weights.origin,
        licence=licence_of(classifier.backbone.name, classifier.backbone.weights),
        precision=precision,
        map_geometry=geometry,
        map_quality=description.grade(geometry),
        training=description.training,
        familiarity_threshold=FAMILIARITY_THRESHOLD,
        coverage=calibration.coverage,
        temperature=calibration.temperature,
        operating_point=description.operating_point,
        data_digest=description.data_digest,
        self_check=_self_check(session, description.preprocessing),
    )
    return bundle_bytes(model, metadata), agreement


def _some(examples: Pixels) -> Pixels:
    """Those that torch is asked about, too, spread over all."""
    steps = np.linspace(0, len(examples) - 1, min(_COMPARED, len(examples)))
    found: Pixels = examples[steps.round().astype(int)]
    return found


def join_head(
    backbone_graph: onnx.ModelProto,
    classifier: Classifier,
    head_graph: onnx.ModelProto | None = None,
    calibration: Calibration | None = None,
) -> onnx.ModelProto:
    """A bundle's graph without metadata: see `models.bundle` for its inputs and outputs.

    The head's, from `export_head`, may be that of any classifier with the same backbone and as many
    classes; else it is exported now. Without a calibration nothing is doubted.
    """
    calibration = calibration or nothing_known(*classifier.linear.weight.shape)
    head = _with_learned(head_graph or export_head(classifier), classifier.linear, calibration)
    joined: onnx.ModelProto = onnx.compose.merge_models(
        backbone_graph,
        onnx.compose.add_prefix(head, "head/", rename_inputs=False, rename_outputs=False),
        io_map=[(FEATURE_MAP.name, FEATURE_MAP.name)],
    )
    state_needs(joined)  # of two graphs that need the same it would say so twice
    onnx.checker.check_model(joined)
    return joined


def _with_learned(
    head_graph: onnx.ModelProto, linear: nn.Linear, calibration: Calibration
) -> onnx.ModelProto:
    """A head's graph with all that was learned as a part of it, and no input any more."""
    found = onnx.ModelProto()
    found.CopyFrom(head_graph)
    learned: tuple[np.ndarray, ...] = (
        linear.weight.detach().numpy(),
        linear.bias.detach().numpy(),
        calibration.centres,
        calibration.scaling,
        calibration.set_thresholds,
    )
    for value, array in zip(LEARNED, learned, strict=True):
        _store(found.graph, value, array)
    names = {value.name for value in LEARNED}
    asked = [value for value in found.graph.input if value.name not in names]
    del found.graph.input[:]
    found.graph.input.extend(asked)
    return found


def _store(graph: onnx.GraphProto, value: Value, array: np.ndarray) -> None:
    """Puts what was learned into a graph; what has half precision stays half as large in the file.

    ONNX Runtime converts it once, when the file is opened.
    """
    is_half = array.dtype == np.float16
    name = f"{value.name}_in_float16" if is_half else value.name
    graph.initializer.append(onnx.numpy_helper.from_array(array, name))
    if is_half:
        cast = onnx.helper.make_node("Cast", [name], [value.name], to=onnx.TensorProto.FLOAT)
        graph.node.insert(0, cast)


def _heatmaps(session: ort.InferenceSession, pictures: Pixels) -> Floats:
    """Those of the predicted classes, in batches: uint8 (N, H, W, 3) → (N, h, w)."""
    batches = (pictures[at : at + _COMPARED] for at in range(0, len(pictures), _COMPARED))
    asked = (answers_of(session, each, np.full(len(each), PREDICTED_CLASS)) for each in batches)
    return np.concatenate([answers.heatmap for answers in asked])


def _self_check(
    session: ort.InferenceSession, preprocessing: Preprocessing
) -> tuple[SelfCheck, ...]:
    pictures = draw_self_check_pictures()
    pixels = np.stack([read_pixels(picture, preprocessing) for picture in pictures])
    answers = answers_of(session, pixels, np.full(len(pictures), PREDICTED_CLASS))
    return tuple(
        SelfCheck(
            picture=base64.b64encode(picture),
            probabilities=tuple(np.round(probabilities.astype(float), 6).tolist()),
            heatmap=tuple(tuple(row) for row in np.round(heatmap.astype(float), 5).tolist()),
            familiarity=round(float(familiarity), 6),
            prediction_set=tuple(prediction_set.tolist()),
        )
        for picture, probabilities, heatmap, _, familiarity, prediction_set in zip(
            pictures, *answers, strict=True
        )
    )
