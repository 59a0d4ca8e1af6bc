"""A backbone's graph in fewer bits: int8 for a CPU, float16 for a GPU.

Static quantisation as ONNX Runtime knows it: uint8 activations, int8 weights with a scale for each
channel, written as QuantizeLinear and DequantizeLinear around ordinary operators, so that whoever
has no fast way for them still gets the right answer. Jacob et al., "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 2.

A processor without VNNI (AMD's up to Zen 3) adds two products of uint8 and int8 in 16 bits, which
full weights saturate: features of a MobileNetV2 came out wrong by a third. There weights keep to
seven bits.

Ranges come from a few pictures, as percentiles: an activation without a bound (SiLU) has outliers
that would take all 256 steps for themselves. ONNX Runtime's own calibration takes some 20 seconds
for histograms of everything; quantiles of a part of the values are as good and take two.
"""

import functools
from collections.abc import Iterator
from typing import Any, Final

import numpy as np
import onnx
import onnx.numpy_helper
import onnx.shape_inference
from onnx import helper
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.transformers.float16 import convert_float_to_float16

from models.choices import Precision
from models.cores import granted_cores
from models.preprocessing import Pixels
from models.providers import open_graph
from models.quiet import quiet_root
from models.signature import IMAGE

#: What runs in eight bits; everything between two of them stays there.
_OPERATORS: Final = (
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Gemm", "GlobalAveragePool", "MatMul",
    "MaxPool", "Relu",
)  # fmt: skip

#: The part of a tensor's values that its range covers, cut at both ends.
_PERCENTILE: Final = 0.9999

#: Values of a tensor that are looked at for each batch of calibration pictures.
_LOOKED_AT: Final = 200_000

_BATCH: Final = 8

#: Rows and columns of a product that is large enough for the fast way.
_WIDTH: Final = 64


def quantise(graph: onnx.ModelProto, pictures: Pixels) -> onnx.ModelProto:
    """The same backbone in eight bits; its input and output stay what they are.

    Args:
        graph: from `export_backbone`.
        pictures: uint8 (N, H, W, 3): some that it will be used on, but none to judge by.
    """
    inferred = onnx.shape_inference.infer_shapes(graph)
    makers = {output: node.op_type for node in inferred.graph.node for output in node.output}
    quantiser = QDQQuantizer(
        inferred,
        per_channel=True,
        reduce_range=saturates(),
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.Percentile, _ranges(inferred, pictures)),
        nodes_to_quantize=[],
        nodes_to_exclude=[n.name for n in inferred.graph.node if _stays_float(n, makers)],
        op_types_to_quantize=list(_OPERATORS),
        extra_options={},
    )
    with quiet_root():  # a line for each scale that is widened: hundreds for a depthwise network
        quantiser.quantize_model()
    quantiser.model.topological_sort()
    found: onnx.ModelProto = quantiser.model.model
    onnx.checker.check_model(found)
    return found


@functools.cache
def saturates() -> bool:
    """Whether this processor goes wrong where products of uint8 and int8 are large; it is asked."""
    shape = (_WIDTH, _WIDTH)
    graph: Any = helper.make_graph(
        [helper.make_node("MatMulInteger", ["image", "weight"], ["sums"])],
        "largest_products",
        [helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, shape)],
        [helper.make_tensor_value_info("sums", onnx.TensorProto.INT32, shape)],
        [onnx.numpy_helper.from_array(np.full(shape, 127, np.int8), "weight")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)
    session = open_graph(model.SerializeToString(), "cpu", threads=1)
    (found,) = session.run(None, {"image": np.full(shape, 255, np.uint8)})
    return bool((found != _WIDTH * 255 * 127).any())


def in_half_precision(graph: onnx.ModelProto) -> onnx.ModelProto:
    """The same network in float16; its input and output stay what they are."""
    copied = onnx.ModelProto()
    copied.CopyFrom(graph)
    found: onnx.ModelProto = convert_float_to_float16(copied, keep_io_types=True)
    onnx.checker.check_model(found)
    return found


def precision_of(graph: onnx.ModelProto) -> Precision:
    """What a backbone's graph computes with, by what stands in it."""
    if any(node.op_type == "QuantizeLinear" for node in graph.graph.node):
        return "int8"
    kinds = {tensor.data_type for tensor in graph.graph.initializer}
    return "fp16" if onnx.TensorProto.FLOAT16 in kinds else "fp32"


def _stays_float(node: onnx.NodeProto, makers: dict[str, str]) -> bool:
    """A sum within a GELU, which is one step of its own, and what tokens sum up to.

    Those are added to over all blocks, and few of their channels grow large: with sums in eight
    bits ViT-S/16 was off by 7.0 % and took 44 ms, without them by 5.1 %, and 39 ms (fp32: 76).
    """
    if "Softmax" in makers.values():
        return node.op_type in {"Add", "Concat"}
    return node.op_type == "Add" and any(makers.get(name) == "Erf" for name in node.input)


def _ranges(graph: onnx.ModelProto, pictures: Pixels) -> dict[str, TensorData]:
    """What each activation's steps must cover, by its name."""
    values = {
        value.name: value
        for value in (*graph.graph.value_info, *graph.graph.output)
        if value.type.tensor_type.elem_type == onnx.TensorProto.FLOAT
    }
    names = [name for name in dict.fromkeys(_activations(graph)) if name in values]
    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    there = {output.name for output in graph.graph.output}
    shown.graph.output.extend(values[name] for name in names if name not in there)
    session = open_graph(shown.SerializeToString(), "cpu", granted_cores())
    batches = (pictures[start : start + _BATCH] for start in range(0, len(pictures), _BATCH))
    edges = np.array(
        [[_edges(found) for found in session.run(names, {IMAGE.name: b})] for b in batches]
    )
    # Zero must be one of the steps: padding and ReLU give it exactly.
    low = np.minimum(edges[..., 0].mean(axis=0), 0)
    high = np.maximum(edges[..., 1].mean(axis=0), 0)
    return {
        name: TensorData(lowest=np.float32(a), highest=np.float32(b))
        for name, a, b in zip(names, low, high, strict=True)
    }


def _activations(graph: onnx.ModelProto) -> Iterator[str]:
    for node in graph.graph.node:
        if node.op_type in _OPERATORS:
            yield from (*node.input, *node.output)


def _edges(values: np.ndarray) -> tuple[float, float]:
    flat = values.ravel()
    looked_at = flat[:: max(1, flat.size // _LOOKED_AT)]
    low, high = np.quantile(looked_at, [1 - _PERCENTILE, _PERCENTILE])
    return float(low), float(high)
