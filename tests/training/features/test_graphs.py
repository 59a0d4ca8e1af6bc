"""A network's graphs are made once, and what is kept of them is what was made."""

import numpy as np
import onnx
import pytest

from models.graph.fewer_bits import quantise
from models.signature import LEARNED, feature_maps_of
from tests.conftest import noise_pictures
from training.features.extractor import Extractor
from training.features.graphs import Graph, graph_of, head_graph_of

pytestmark = pytest.mark.usefixtures("own_cache")


def refuse(*_: object, **__: object) -> None:
    raise AssertionError("it is known, and was exported again")


def test_a_graph_is_exported_once(extractor: Extractor, monkeypatch: pytest.MonkeyPatch) -> None:
    made = graph_of(extractor.network)
    monkeypatch.setattr("torch.onnx.export", refuse)

    again = graph_of(extractor.network)

    assert again.data == made.data
    assert again.digest == made.digest


def test_a_head_s_graph_is_exported_once_and_has_learned_nothing(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    made = head_graph_of(extractor.network)
    monkeypatch.setattr("torch.onnx.export", refuse)

    assert head_graph_of(extractor.network) == made
    assert {value.name for value in LEARNED} <= {value.name for value in made.graph.input}


def test_a_graph_in_eight_bits_depends_on_the_pictures_of_its_ranges(extractor: Extractor) -> None:
    shown = extractor.preprocessing
    some, others = noise_pictures(shown, 4), noise_pictures(shown, 4, seed=1)

    int8 = extractor.graph.in_int8(some)

    assert int8.precision == "int8"
    assert int8.digest == extractor.graph.in_int8(some).digest
    assert int8.digest != extractor.graph.in_int8(others).digest != extractor.graph.digest


def test_a_network_is_quantised_once_whatever_pictures_come(
    extractor: Extractor, monkeypatch: pytest.MonkeyPatch
) -> None:
    some, others = (noise_pictures(extractor.preprocessing, 4, seed) for seed in (0, 1))
    expected = quantise(extractor.graph.model, others).SerializeToString()
    extractor.graph.in_int8(some)
    monkeypatch.setattr("onnxruntime.quantization.qdq_quantizer.QDQQuantizer.__init__", refuse)

    assert extractor.graph.in_int8(others).data == expected


def test_half_precision_is_half_as_large_and_nearly_the_same(extractor: Extractor) -> None:
    fp32, fp16 = extractor.graph, extractor.graph.in_fp16()
    pixels = noise_pictures(extractor.preprocessing, 2)

    maps = [feature_maps_of(graph.session, pixels) for graph in (fp32, fp16)]

    assert (fp32.precision, fp16.precision) == ("fp32", "fp16")
    assert len(fp16.data) < 0.7 * len(fp32.data)
    assert np.abs(maps[0] - maps[1]).max() < 0.02 * np.abs(maps[0]).max()


def test_the_bytes_of_a_graph_are_the_graph(extractor: Extractor) -> None:
    loaded = Graph(onnx.load_model_from_string(extractor.graph.data))

    assert loaded.digest == extractor.graph.digest
