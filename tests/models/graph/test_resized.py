"""A graph at another size answers as torch does, whether it was rewritten or exported anew."""

from pathlib import Path

import numpy as np
import onnx
import onnxruntime as ort
import pytest
import torch

from models.backbones.backbone import Backbone, load_backbone
from models.backbones.weights import File, Random
from models.errors import BackboneError
from models.graph.classifier import Normalise
from models.graph.export import export_backbone
from models.graph.resized import graph_at_its_size
from models.signature import feature_maps_of
from tests.conftest import TINY_BACKBONE, lively_backbone, noise_pictures


def _at(backbone: Backbone, image_size: int) -> Backbone:
    """The same network, with the same parameters, at another size."""
    found = load_backbone(backbone.name, Random(), image_size)
    found.load_state_dict(backbone.state_dict())
    return found


def _check(graph: onnx.ModelProto, backbone: Backbone) -> None:
    session = ort.InferenceSession(graph.SerializeToString(), providers=["CPUExecutionProvider"])
    pixels = noise_pictures(backbone.preprocessing, 3)
    with torch.no_grad():
        expected = backbone.trunk(Normalise(backbone)(torch.from_numpy(pixels))).numpy()
    found = feature_maps_of(session, pixels)
    np.testing.assert_allclose(found, expected, atol=1e-4 * np.abs(expected).max())
    assert session.get_inputs()[0].shape[1:] == [*pixels.shape[1:]]
    assert session.get_outputs()[0].shape[1:] == [*expected.shape[1:]]


@pytest.mark.parametrize("image_size", [75, 192, 250])
def test_a_convolutional_network_is_not_exported_again(
    tiny_backbone: Backbone,
    tiny_backbone_graph: onnx.ModelProto,
    image_size: int,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("models.graph.resized.export_backbone", None)
    backbone = _at(tiny_backbone, image_size)

    graph = graph_at_its_size(tiny_backbone_graph, backbone)

    _check(graph, backbone)
    onnx.checker.check_model(graph)


def test_the_graph_that_is_given_stays_as_it_is(
    tiny_backbone: Backbone, tiny_backbone_graph: onnx.ModelProto
) -> None:
    before = tiny_backbone_graph.SerializeToString(deterministic=True)

    graph_at_its_size(tiny_backbone_graph, _at(tiny_backbone, 192))

    assert tiny_backbone_graph.SerializeToString(deterministic=True) == before


@pytest.mark.slow
def test_a_network_with_paddings_for_one_size_is_exported_at_the_other() -> None:
    backbone = lively_backbone("tf_mobilenetv3_small_minimal_100")
    larger = _at(backbone, 250)

    _check(graph_at_its_size(export_backbone(backbone), larger), larger)


def test_the_size_is_checked_before_weights_are_fetched() -> None:
    with pytest.raises(BackboneError, match="as a single point"):
        load_backbone(TINY_BACKBONE, File(Path("missing.safetensors")), image_size=20)
