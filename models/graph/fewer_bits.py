"""A backbone's graph in fewer bits: int8 for a CPU, float16 for a GPU.

Static quantisation as ONNX Runtime knows it: uint8 activations, int8 weights with a scale for each
channel, written as QuantizeLinear and DequantizeLinear around ordinary operators, so that whoever
has no fast way for them still gets the right answer. Jacob et al., "Quantization and Training of
Neural Networks for Efficient Integer-Arithmetic-Only Inference", CVPR 2018, section 2.

A processor without VNNI (AMD's up to Zen 3) adds two products of uint8 and int8 in 16 bits, which
full weights saturate: features of a MobileNetV2 came out wrong by a third. There weights keep to
seven bits.
"""

import functools
from typing import Any, Final

import numpy as np
import onnx
import onnx.numpy_helper
from onnx import helper
from onnxruntime.transformers.float16 import convert_float_to_float16

from models.choices import Precision
from models.graph.int8_form import filled_in, make_form, unmeasured
from models.graph.ranges import measure_ranges
from models.preprocessing import Pixels
from models.providers import open_graph

#: Rows and columns of a product that is large enough for the fast way.
_WIDTH: Final = 64


def quantise(
    graph: onnx.ModelProto, pictures: Pixels, form: onnx.ModelProto | None = None
) -> onnx.ModelProto:
    """The same backbone in eight bits; its input and output stay what they are.

    Args:
        graph: from `export_backbone`.
        pictures: uint8 (N, H, W, 3): some that it will be used on, but none to judge by.
        form: from `make_form`, where it is at hand.
    """
    form = form or make_form(graph, seven_bits=saturates())
    return filled_in(form, graph, measure_ranges(graph, unmeasured(form, graph), pictures))


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
