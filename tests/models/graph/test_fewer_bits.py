"""A graph in fewer bits is the same network, nearly, and what is joined to it is exact."""

import numpy as np
import onnx
import onnxruntime as ort
import pytest

from models.bundle import parse_bundle
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from models.graph.fewer_bits import in_half_precision, precision_of, quantise, saturates
from models.preprocessing import Pixels
from models.session import Session
from models.signature import feature_maps_of
from tests.conftest import make_bundle, noise_pictures
from tests.models.graph.families import MEMBERS, small_backbone


@pytest.fixture(scope="module")
def pictures(tiny_classifier: Classifier) -> Pixels:
    return noise_pictures(tiny_classifier.backbone.preprocessing, 16)


@pytest.fixture(scope="module")
def quantised(tiny_backbone_graph: onnx.ModelProto, pictures: Pixels) -> onnx.ModelProto:
    return quantise(tiny_backbone_graph, pictures)


def feature_map(graph: onnx.ModelProto, pixels: Pixels) -> np.ndarray:
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    return feature_maps_of(session, pixels)


def relative_difference(some: np.ndarray, others: np.ndarray) -> float:
    return float(np.linalg.norm(some - others) / np.linalg.norm(others))


def test_int8_sees_what_fp32_sees(
    tiny_backbone_graph: onnx.ModelProto, quantised: onnx.ModelProto, pictures: Pixels
) -> None:
    unseen = noise_pictures_like(pictures, seed=1)

    difference = relative_difference(
        feature_map(quantised, unseen), feature_map(tiny_backbone_graph, unseen)
    )

    # 256 steps a layer; not zero, or nothing was quantised.
    assert 1e-4 < difference < 0.1
    assert len(quantised.SerializeToString()) < 0.5 * len(tiny_backbone_graph.SerializeToString())


def test_weights_leave_room_where_the_processor_needs_it(quantised: onnx.ModelProto) -> None:
    """Without VNNI two products of uint8 and int8 are added in 16 bits: 2 * 255 * 64 fits."""
    weights = [
        onnx.numpy_helper.to_array(tensor)
        for tensor in quantised.graph.initializer
        if tensor.data_type == onnx.TensorProto.INT8 and len(tensor.dims) > 1
    ]

    largest = max(int(np.abs(weight.astype(int)).max()) for weight in weights)
    assert largest == (64 if saturates() else 127)


def test_half_precision_sees_what_fp32_sees(
    tiny_backbone_graph: onnx.ModelProto, pictures: Pixels
) -> None:
    half = in_half_precision(tiny_backbone_graph)

    difference = relative_difference(
        feature_map(half, pictures), feature_map(tiny_backbone_graph, pictures)
    )

    assert 1e-6 < difference < 1e-2
    assert len(half.SerializeToString()) < 0.6 * len(tiny_backbone_graph.SerializeToString())


def test_the_same_pictures_make_the_same_graph(
    tiny_backbone_graph: onnx.ModelProto, quantised: onnx.ModelProto, pictures: Pixels
) -> None:
    again = quantise(tiny_backbone_graph, pictures)

    assert again.SerializeToString() == quantised.SerializeToString()


def test_the_graph_that_is_given_stays_as_it_is(
    tiny_backbone_graph: onnx.ModelProto, pictures: Pixels
) -> None:
    before = tiny_backbone_graph.SerializeToString()

    quantise(tiny_backbone_graph, pictures)
    in_half_precision(tiny_backbone_graph)

    assert tiny_backbone_graph.SerializeToString() == before


def test_a_graph_says_its_precision(
    tiny_backbone_graph: onnx.ModelProto, quantised: onnx.ModelProto
) -> None:
    half = in_half_precision(tiny_backbone_graph)

    assert [precision_of(g) for g in (tiny_backbone_graph, quantised, half)] == [
        "fp32",
        "int8",
        "fp16",
    ]


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_a_bundle_of_fewer_bits_is_checked_says_so_and_answers(
    precision: str,
    tiny_classifier: Classifier,
    tiny_backbone_graph: onnx.ModelProto,
    quantised: onnx.ModelProto,
    pictures: Pixels,
) -> None:
    graph = quantised if precision == "int8" else in_half_precision(tiny_backbone_graph)

    bundle = parse_bundle(make_bundle(tiny_classifier, graph, ("a", "b", "c")), "memory")

    # The export compared the head and its gradient with autograd on the graph's own feature map.
    assert bundle.metadata.precision == precision
    alone = parse_bundle(make_bundle(tiny_classifier, tiny_backbone_graph, ("a", "b", "c")), "fp32")
    ours, reference = (Session(b, "cpu").predict(pictures) for b in (bundle, alone))
    differences = [
        np.abs(a.probabilities - b.probabilities).max()
        for a, b in zip(ours, reference, strict=True)
    ]
    assert 0 < max(differences) < 0.2


def noise_pictures_like(pictures: Pixels, seed: int) -> Pixels:
    rng = np.random.default_rng(seed)
    order = rng.permutation(len(pictures))
    found: Pixels = (pictures[order] // 2 + np.roll(pictures[order], 9, axis=1) // 2).astype(
        np.uint8
    )
    return found


def test_what_tokens_sum_up_to_stays_float() -> None:
    backbone = small_backbone(MEMBERS["vit_tiny_patch16_224"])
    graph = export_backbone(backbone)

    found = quantise(graph, noise_pictures(backbone.preprocessing, 2))

    to_eight_bits = {n.input[0] for n in found.graph.node if n.op_type == "QuantizeLinear"}
    kinds = {n.op_type for n in found.graph.node if to_eight_bits & set(n.output)}
    assert "MatMul" in kinds
    assert not kinds & {"Add", "Concat"}
