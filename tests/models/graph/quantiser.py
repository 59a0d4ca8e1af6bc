"""ONNX Runtime's quantiser asked about pictures at once, to hold ours against: slow, and simple."""

import numpy as np
import onnx
import onnxruntime as ort
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer

from models.graph.int8_form import OPERATORS, stays_float
from models.preprocessing import Pixels
from models.quiet import quiet_root


def quantise_at_once(
    graph: onnx.ModelProto, pictures: Pixels, *, seven_bits: bool
) -> onnx.ModelProto:
    """What `models.graph.fewer_bits.quantise` is to give, to the last bit."""
    inferred = onnx.shape_inference.infer_shapes(graph)
    makers = {output: node.op_type for node in inferred.graph.node for output in node.output}
    quantiser = QDQQuantizer(
        inferred,
        per_channel=True,
        reduce_range=seven_bits,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.Percentile, all_ranges(inferred, pictures)),
        nodes_to_quantize=[],
        nodes_to_exclude=[n.name for n in inferred.graph.node if stays_float(n, makers)],
        op_types_to_quantize=list(OPERATORS),
        extra_options={},
    )
    with quiet_root():
        quantiser.quantize_model()
    quantiser.model.topological_sort()
    found: onnx.ModelProto = quantiser.model.model
    return found


def all_ranges(graph: onnx.ModelProto, pictures: Pixels) -> dict[str, TensorData]:
    """Of everything that is float and no weight, by `np.quantile`, eight pictures at a time."""
    values = {v.name: v for v in (*graph.graph.value_info, *graph.graph.output)}
    names = [n for n, v in values.items() if v.type.tensor_type.elem_type == 1]
    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    there = {output.name for output in graph.graph.output}
    shown.graph.output.extend(values[name] for name in names if name not in there)
    session = ort.InferenceSession(shown.SerializeToString(), providers=["CPUExecutionProvider"])
    batches = (pictures[start : start + 8] for start in range(0, len(pictures), 8))
    edges = np.array([[edges_of(v) for v in session.run(names, {"image": b})] for b in batches])
    low, high = np.minimum(edges[..., 0].mean(axis=0), 0), np.maximum(edges[..., 1].mean(axis=0), 0)
    return {
        name: TensorData(lowest=np.float32(a), highest=np.float32(b))
        for name, a, b in zip(names, low, high, strict=True)
    }


def edges_of(values: np.ndarray) -> tuple[float, float]:
    """The quantiles of some 200,000 of them."""
    flat = values.ravel()
    low, high = np.quantile(flat[:: max(1, flat.size // 200_000)], [1 - 0.9999, 0.9999])
    return float(low), float(high)
