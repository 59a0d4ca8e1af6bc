"""A form that is filled in is the file that the quantiser makes, to the last bit."""

import numpy as np
import onnx
import pytest
from onnx import helper

from models.backbones.backbone import Backbone
from models.graph.int8_form import filled_in, make_form, unmeasured
from models.graph.ranges import measure_ranges
from models.preprocessing import Pixels
from tests.conftest import noise_pictures
from tests.models.graph.quantiser import quantise_at_once


@pytest.fixture(scope="module")
def pictures(tiny_backbone: Backbone) -> Pixels:
    return noise_pictures(tiny_backbone.preprocessing, 12)


@pytest.fixture(scope="module")
def faint(tiny_backbone_graph: onnx.ModelProto) -> onnx.ModelProto:
    """Every third channel has weights so small that steps are widened for its bias."""
    graph = onnx.ModelProto()
    graph.CopyFrom(tiny_backbone_graph)
    for tensor in graph.graph.initializer:
        if len(tensor.dims) == 4:
            weight = onnx.numpy_helper.to_array(tensor).copy()
            weight[::3] *= 1e-9
            tensor.CopyFrom(onnx.numpy_helper.from_array(weight, tensor.name))
    return graph


def odd_graph() -> onnx.ModelProto:
    """A weight that is computed, a bias that two layers share, and one that is halved."""
    rng = np.random.default_rng(0)
    shapes = {"first": (4, 3, 3, 3), "second": (4, 4, 3, 3), "last": (4, 5)}
    shapes |= {"bias": (4,), "last_bias": (5,), "half": ()}
    tensors = {name: rng.normal(size=shape).astype(np.float32) for name, shape in shapes.items()}
    nodes = [
        helper.make_node("Cast", ["image"], ["float"], "cast", to=onnx.TensorProto.FLOAT),
        helper.make_node("Transpose", ["float"], ["planes"], "planes", perm=[0, 3, 1, 2]),
        helper.make_node("Conv", ["planes", "first", "bias"], ["a"], "a"),
        helper.make_node("MaxPool", ["a"], ["b"], "b", kernel_shape=[2, 2]),
        helper.make_node("Mul", ["second", "half"], ["computed"], "computed"),
        helper.make_node("Conv", ["b", "computed", "bias"], ["c"], "c"),
        helper.make_node("Conv", ["b", "second", "bias"], ["d"], "d"),
        helper.make_node("Add", ["c", "d"], ["e"], "e"),
        helper.make_node("GlobalAveragePool", ["e"], ["f"], "f"),
        helper.make_node("Flatten", ["f"], ["g"], "g"),
        helper.make_node("Gemm", ["g", "last", "last_bias"], ["feature_map"], "h", beta=0.5),
    ]
    images = helper.make_tensor_value_info("image", onnx.TensorProto.UINT8, ["N", 16, 16, 3])
    maps = helper.make_tensor_value_info("feature_map", onnx.TensorProto.FLOAT, ["N", 5])
    known = [onnx.numpy_helper.from_array(array, name) for name, array in tensors.items()]
    graph = helper.make_graph(nodes, "odd", [images], [maps], known)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 20)], ir_version=10)


def filled(graph: onnx.ModelProto, pictures: Pixels, *, seven_bits: bool) -> bytes:
    form = make_form(graph, seven_bits=seven_bits)
    ranges = measure_ranges(graph, unmeasured(form, graph), pictures)
    return bytes(filled_in(form, graph, ranges).SerializeToString())


@pytest.mark.parametrize("seven_bits", [False, True])
@pytest.mark.parametrize("which", ["tiny_backbone_graph", "faint"])
def test_it_is_the_file_that_the_quantiser_makes(
    request: pytest.FixtureRequest, pictures: Pixels, which: str, *, seven_bits: bool
) -> None:
    graph: onnx.ModelProto = request.getfixturevalue(which)

    found = filled(graph, pictures, seven_bits=seven_bits)

    expected = quantise_at_once(graph, pictures, seven_bits=seven_bits)
    assert found == expected.SerializeToString()


def test_what_few_networks_have_is_filled_in_likewise() -> None:
    pictures = np.random.default_rng(1).integers(0, 256, (9, 16, 16, 3), np.uint8)

    found = filled(odd_graph(), pictures, seven_bits=False)

    assert found == quantise_at_once(odd_graph(), pictures, seven_bits=False).SerializeToString()


def test_a_form_serves_other_pictures_and_stays_as_it_is(
    tiny_backbone_graph: onnx.ModelProto, pictures: Pixels
) -> None:
    form = make_form(tiny_backbone_graph, seven_bits=False)
    before, names = form.SerializeToString(), unmeasured(form, tiny_backbone_graph)

    light, dark = (
        filled_in(form, tiny_backbone_graph, measure_ranges(tiny_backbone_graph, names, shown))
        for shown in (pictures, pictures // 4)
    )

    assert form.SerializeToString() == before
    assert light.SerializeToString() != dark.SerializeToString()
    weights = [[t for t in g.graph.initializer if len(t.dims) > 1] for g in (light, dark)]
    assert weights[0] == weights[1]
