"""The graphs of backbone and head become one bundle's, which says what it is. No torch."""

import base64
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnx.compose
import onnx.helper
import onnx.numpy_helper
import onnxruntime as ort

from models.bundle import BundleMetadata, Description, SelfCheck, bundle_bytes
from models.calibration import FAMILIARITY_THRESHOLD, Calibration
from models.choices import Precision
from models.cores import granted_cores
from models.graph.facts import Facts
from models.graph.self_check import draw_self_check_pictures
from models.head import LinearHead
from models.heatmap import MapGeometry
from models.preprocessing import Pixels, Preprocessing, read_pixels
from models.signature import (
    FEATURE_MAP,
    LEARNED,
    OUTPUTS,
    PREDICTED_CLASS,
    Floats,
    Value,
    answers_of,
)

#: As old as our graphs allow, so that ONNX Runtime from 1.16 (2023-09) on opens them.
_FILE_FORMAT: Final = 8

#: Pictures that are asked at once.
_BATCH: Final = 8


def join_graphs(
    backbone_graph: onnx.ModelProto,
    head_graph: onnx.ModelProto,
    head: LinearHead,
    calibration: Calibration,
) -> onnx.ModelProto:
    """A bundle's graph without metadata: see `models.bundle` for its inputs and outputs."""
    whole = _with_learned(head_graph, head, calibration)
    joined: onnx.ModelProto = onnx.compose.merge_models(
        backbone_graph,
        onnx.compose.add_prefix(whole, "head/", rename_inputs=False, rename_outputs=False),
        io_map=[(FEATURE_MAP.name, FEATURE_MAP.name)],
        outputs=[value.name for value in OUTPUTS],
    )
    state_needs(joined)  # of two graphs that need the same it would say so twice
    onnx.checker.check_model(joined)
    return joined


def state_needs(model: onnx.ModelProto) -> None:
    """Names what a runtime must know: the exporter claims a newer file format, and a domain twice.

    ONNX Runtime refuses a file whose format is newer than it, whatever stands in it.
    """
    versions = {opset.domain: opset.version for opset in model.opset_import}
    used = {node.domain for node in model.graph.node} | {""}
    del model.opset_import[:]
    model.opset_import.extend(
        onnx.helper.make_opsetid(domain, versions[domain]) for domain in sorted(used)
    )
    model.ir_version = _FILE_FORMAT


def described(
    joined: tuple[onnx.ModelProto, ort.InferenceSession, Precision],
    facts: Facts,
    description: Description,
    geometry: MapGeometry,
) -> bytes:
    """The bundle of a joined graph: the file with what it says of itself.

    Args:
        joined: the graph, a session of it, and what its backbone computes with.
        facts: of its network.
        description: of what was learned.
        geometry: where the cells of its heatmaps look.
    """
    (model, session, precision), calibration = joined, description.calibration
    metadata = BundleMetadata(
        classes=description.classes,
        preprocessing=description.preprocessing,
        backbone=facts.name,
        weights=facts.origin,
        licence=facts.licence,
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
    return bundle_bytes(model, metadata)


def explained(
    session: ort.InferenceSession, pictures: Pixels, class_index: npt.NDArray[np.int64]
) -> tuple[Floats, Floats]:
    """Probabilities (N, K) and heatmaps (N, h, w) of uint8 (N, H, W, 3), a batch a core.

    The session has one thread a call: several that share a batch wait for each other.
    """
    batches = [slice(at, at + _BATCH) for at in range(0, len(pictures), _BATCH)]
    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="explained") as pool:
        asked = list(
            pool.map(lambda each: answers_of(session, pictures[each], class_index[each]), batches)
        )
    probabilities = np.concatenate([answers.probabilities for answers in asked])
    return probabilities, np.concatenate([answers.heatmap for answers in asked])


def some_of(examples: Pixels) -> Pixels:
    """A batch of them, spread over all."""
    steps = np.linspace(0, len(examples) - 1, min(_BATCH, len(examples))).round().astype(int)
    found: Pixels = examples[steps]
    return found


def classes_to_ask(pictures: int, classes: int) -> npt.NDArray[np.int64]:
    """For each picture the class that a comparison asks about: every second one's predicted."""
    asked = [i // 2 % classes if i % 2 else PREDICTED_CLASS for i in range(pictures)]
    return np.array(asked, dtype=np.int64)


def _with_learned(
    head_graph: onnx.ModelProto, head: LinearHead, calibration: Calibration
) -> onnx.ModelProto:
    """A head's graph with all that was learned as a part of it, and no input any more."""
    found = onnx.ModelProto()
    found.CopyFrom(head_graph)
    learned: tuple[np.ndarray, ...] = (
        head.weight,
        head.bias,
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
