"""What graphs are said to take and give is what exported ones take and give."""

import numpy as np
import onnx
import pytest

from models.bundle import Bundle
from models.graph.assembly import join_head
from models.graph.classifier import Classifier
from models.graph.export import export_head
from models.providers import open_graph
from models.signature import (
    FEATURE_MAP,
    HEATMAP,
    IMAGE,
    INPUTS,
    LEARNED,
    OUTPUTS,
    PROBABILITIES,
    Value,
    answers_of,
    feature_maps_of,
)
from tests.conftest import noise_pictures


def names(values: object) -> list[str]:
    assert isinstance(values, tuple | list)
    return [value.name for value in values]


def test_a_bundle_s_graph_takes_and_gives_what_is_said_here(bundle: Bundle) -> None:
    session = open_graph(bundle.data, "cpu", threads=1)
    lengths = {"H": 160, "W": 160, "K": 3}

    for said, found in ((INPUTS, session.get_inputs()), (OUTPUTS, session.get_outputs())):
        assert names(found) == names(said)
        assert all(value.fits(one) for value, one in zip(said, found, strict=True))
        for value, one in zip(said, found, strict=True):
            assert value.is_row(one.shape[1:], lengths)


def test_a_head_takes_besides_what_its_last_layer_has_learned(
    tiny_classifier: Classifier, tiny_backbone_graph: onnx.ModelProto
) -> None:
    head = export_head(tiny_classifier.backbone)

    asked = names(list(head.graph.input))
    assert asked == names([FEATURE_MAP, *INPUTS[1:], *LEARNED])
    joined = join_head(tiny_backbone_graph, tiny_classifier, head)
    assert names(list(joined.graph.input)) == names(INPUTS)


@pytest.mark.parametrize(
    ("value", "found", "fits"),
    [
        (IMAGE, [160, 160, 3], True),
        (IMAGE, [160, 96, 3], False),
        (IMAGE, [160, 160, 4], False),
        (IMAGE, [160, 160], False),
        (PROBABILITIES, [2], False),
        (HEATMAP, [5, 7], True),
        (HEATMAP, [5], False),
    ],
)
def test_a_shape_is_right_where_the_known_lengths_are(
    value: Value, found: list[int], fits: bool
) -> None:
    assert value.is_row(found, {"H": 160, "W": 160, "K": 3}) == fits


def test_graphs_are_asked_by_these_names(
    bundle: Bundle, tiny_classifier: Classifier, tiny_backbone_graph: onnx.ModelProto
) -> None:
    pixels = noise_pictures(tiny_classifier.backbone.preprocessing, 2)
    backbone = open_graph(tiny_backbone_graph.SerializeToString(), "cpu", threads=1)

    probabilities, heatmaps, peaks, familiarity, sets = answers_of(
        open_graph(bundle.data, "cpu", threads=1), pixels, np.array([0, 1])
    )

    assert probabilities.shape == sets.shape == (2, 3)
    assert peaks.shape == familiarity.shape == (2,)
    assert heatmaps.shape == (2, *feature_maps_of(backbone, pixels).shape[2:])
