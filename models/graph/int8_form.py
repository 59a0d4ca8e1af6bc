"""A network in eight bits but for what pictures tell of it: made once, and filled in in no time.

ONNX Runtime's quantiser takes a second of Python each time. What it makes depends on pictures in
three places alone: the step and the zero of each activation; biases, whose step is that of the
layer's input times that of its weight; and the weights whose steps it widens until a bias fits
into 32 bits. Those are put in here by the quantiser's arithmetic, over all channels at once, so
that the file is the one that it makes, to the last bit.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx
import onnx.numpy_helper
import onnx.shape_inference
from onnxruntime.quantization import CalibrationMethod, QuantType
from onnxruntime.quantization.calibrate import TensorData, TensorsData
from onnxruntime.quantization.qdq_quantizer import QDQQuantizer
from onnxruntime.quantization.quant_utils import (
    compute_scale_zp,
    quantize_nparray,
)

from models.graph.ranges import Range
from models.quiet import quiet_root

_Tensors = Mapping[str, onnx.TensorProto]

#: What runs in eight bits; everything between two of them stays there.
OPERATORS: Final = (
    "Add", "AveragePool", "Clip", "Concat", "Conv", "Gemm", "GlobalAveragePool", "MatMul",
    "MaxPool", "Relu",
)  # fmt: skip

#: Of an activation that nobody has measured yet.
_LOW, _HIGH = np.float32(0), np.float32(1)

_STEPS: Final = np.array(0, np.uint8), np.array(255, np.uint8)

#: Between the lowest and the highest bias, and how much of that the quantiser leaves.
_LOWEST, _HIGHEST = (float(edge) for edge in (np.iinfo(np.int32).min, np.iinfo(np.int32).max))
_MARGIN: Final = 1.0001


def make_form(graph: onnx.ModelProto, *, seven_bits: bool) -> onnx.ModelProto:
    """A backbone in eight bits; its input and output stay what they are.

    Args:
        graph: from `export_backbone`.
        seven_bits: of weights are used alone, for a processor that saturates.
    """
    inferred = onnx.shape_inference.infer_shapes(graph)
    makers = {output: node.op_type for node in inferred.graph.node for output in node.output}
    ranges = {name: TensorData(lowest=_LOW, highest=_HIGH) for name in _activations(inferred)}
    quantiser = QDQQuantizer(
        inferred,
        per_channel=True,
        reduce_range=seven_bits,
        weight_qType=QuantType.QInt8,
        activation_qType=QuantType.QUInt8,
        tensors_range=TensorsData(CalibrationMethod.Percentile, ranges),
        nodes_to_quantize=[],
        nodes_to_exclude=[n.name for n in inferred.graph.node if stays_float(n, makers)],
        op_types_to_quantize=list(OPERATORS),
        # Which weights are widened shows when the ranges are known.
        extra_options={"QDQDisableWeightAdjustForInt32Bias": True},
    )
    with quiet_root():
        quantiser.quantize_model()
    quantiser.model.topological_sort()
    found: onnx.ModelProto = quantiser.model.model
    onnx.checker.check_model(found)
    return found


def unmeasured(form: onnx.ModelProto, graph: onnx.ModelProto) -> list[str]:
    """The activations whose ranges a form lacks, by their names in the graph that it is of."""
    own = [tensor for tensor, _, _ in _steps(form)]
    return list(dict.fromkeys([*own, *(layer.given.input[0] for layer in _layers(form, graph))]))


def filled_in(
    form: onnx.ModelProto, graph: onnx.ModelProto, ranges: Mapping[str, Range]
) -> onnx.ModelProto:
    """A backbone in eight bits, whose activations have these ranges.

    Args:
        form: from `make_form`.
        graph: that it is of.
        ranges: of all that are `unmeasured`.
    """
    found = onnx.ModelProto()
    found.CopyFrom(form)
    tensors = {tensor.name: tensor for tensor in found.graph.initializer}
    floats = {tensor.name: tensor for tensor in graph.graph.initializer}
    steps = {name: compute_scale_zp(*edges, *_STEPS) for name, edges in ranges.items()}
    for tensor, scale, zero_point in _steps(form):
        tensors[zero_point].int32_data[:] = [int(steps[tensor][0])]
        tensors[scale].float_data[:] = [float(steps[tensor][1])]
    layers = list(_layers(form, graph))
    for layer in layers:
        _, step = steps[layer.given.input[0]]
        _widen_steps(layer, tensors, floats, np.float64(step))
    for layer in layers:
        _set_bias(layer, tensors, floats)
    return found


def _activations(graph: onnx.ModelProto) -> dict[str, None]:
    """All that layers in eight bits take and give, but for what they have learned."""
    kinds = {
        value.name: value.type.tensor_type.elem_type
        for value in (*graph.graph.value_info, *graph.graph.output)
    }
    layers = (node for node in graph.graph.node if node.op_type in OPERATORS)
    names = dict.fromkeys(name for node in layers for name in (*node.input, *node.output))
    return {name: None for name in names if kinds.get(name) == onnx.TensorProto.FLOAT}


def stays_float(node: onnx.NodeProto, makers: Mapping[str, str]) -> bool:
    """A sum within a GELU, which is one step of its own, and what tokens sum up to.

    Those are added to over all blocks, and few of their channels grow large: with sums in eight
    bits ViT-S/16 was off by 7.0 % and took 44 ms, without them by 5.1 %, and 39 ms (fp32: 76).
    """
    if "Softmax" in makers.values():
        return node.op_type in {"Add", "Concat"}
    return node.op_type == "Add" and any(makers.get(name) == "Erf" for name in node.input)


def _steps(form: onnx.ModelProto) -> Iterator[tuple[str, str, str]]:
    """Activations, and what a form calls the scale and the zero point of each."""
    for node in form.graph.node:
        if node.op_type == "QuantizeLinear":
            _, scale, zero_point = node.input
            yield scale.removesuffix("_scale"), scale, zero_point


@dataclass(frozen=True)
class _Layer:
    """A layer whose bias is in 32 bits.

    Attributes:
        given: as it stands in the graph.
        image: makes its input float again.
        weight: the same of its weight.
        bias: and of its bias.
    """

    given: onnx.NodeProto
    image: onnx.NodeProto
    weight: onnx.NodeProto
    bias: onnx.NodeProto


def _layers(form: onnx.ModelProto, graph: onnx.ModelProto) -> Iterator[_Layer]:
    makers = {output: node for node in form.graph.node for output in node.output}
    wide = {t.name for t in form.graph.initializer if t.data_type == onnx.TensorProto.INT32}
    given = {node.name: node for node in graph.graph.node}
    for node in form.graph.node:
        bias = makers.get(node.input[2]) if len(node.input) == 3 else None
        if bias is not None and bias.input[0] in wide:
            image, weight = (makers[name] for name in node.input[:2])
            yield _Layer(given[node.name], image, weight, bias)


def _widen_steps(layer: _Layer, tensors: _Tensors, floats: _Tensors, step: np.float64) -> None:
    """Widens the steps of those channels whose bias would not fit into 32 bits.

    Args:
        layer: whose weight is meant.
        tensors: of the form, which are changed.
        floats: of the graph.
        step: of the layer's input, as it was measured itself.
    """
    eight_bits, scale, _ = (tensors.get(name) for name in layer.weight.input)
    if eight_bits is None or scale is None:
        return  # the weight is computed anew each time
    largest = abs(onnx.numpy_helper.to_array(floats[layer.given.input[2]]))
    least = _MARGIN * (2.0 * largest) / np.float64(_HIGHEST - (_LOWEST + 1))
    before = np.array(scale.float_data, np.float64)
    widened = (step * before < least) & (step * before > 0)
    if not widened.any():
        return
    factors = least[widened] / (step * before[widened])
    before[widened] = (before[widened] * factors).astype(np.float32)
    scale.float_data[:] = before.tolist()
    _round_again(eight_bits, floats[layer.given.input[1]], layer.weight, widened, before)


def _round_again(
    eight_bits: onnx.TensorProto,
    weight: onnx.TensorProto,
    dequantise: onnx.NodeProto,
    channels: npt.NDArray[np.bool_],
    steps: npt.NDArray[np.float64],
) -> None:
    """Rounds some channels of a weight to steps that are others now, (K,)."""
    (axis,) = (a.i for a in dequantise.attribute if a.name == "axis")
    rounded = onnx.numpy_helper.to_array(eight_bits).copy()
    values = np.moveaxis(onnx.numpy_helper.to_array(weight), axis, 0)[channels]
    shaped = steps[channels].astype(np.float32).reshape(-1, *[1] * (values.ndim - 1))
    np.moveaxis(rounded, axis, 0)[channels] = quantize_nparray(
        onnx.TensorProto.INT8, values, shaped, np.int8(0)
    )
    eight_bits.raw_data = rounded.tobytes()


def _set_bias(layer: _Layer, tensors: _Tensors, floats: _Tensors) -> None:
    """Rounds a bias to its layer's input's step times its weight's."""
    steps = [
        np.array(tensors[part.input[1]].float_data, np.float32)
        for part in (layer.image, layer.weight)
    ]
    beta = next((a.f for a in layer.given.attribute if a.name == "beta"), 1.0)
    scale = steps[0] * steps[1] * beta
    bias = onnx.numpy_helper.to_array(floats[layer.given.input[2]])
    rounded = (bias.astype(np.float64) / scale.astype(np.float64)).round()
    tensors[layer.bias.input[0]].raw_data = (
        rounded.clip(_LOWEST, _HIGHEST).astype(np.int32).tobytes()
    )
    tensors[layer.bias.input[1]].raw_data = scale.tobytes()
