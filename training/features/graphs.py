"""Graphs of backbones, from the cache where an earlier run made the same ones.

An export takes seconds of every run, and comes out the same for the same parameters and size.
"""

import hashlib
from collections.abc import Callable

import onnx

from models.backbones.backbone import Backbone
from models.graph.classifier import Classifier
from models.graph.export import export_backbone, export_head
from models.graph.fewer_bits import quantise, saturates
from models.preprocessing import Pixels
from training.features.cache import digest_of, remembered


def exported(backbone: Backbone) -> onnx.ModelProto:
    """The backbone's graph, as `export_backbone` makes it.

    Raises:
        ExportError: torch's exporter cannot write this network down.
    """
    return _remembered("backbone", _key(backbone), lambda: export_backbone(backbone))


def exported_head(classifier: Classifier) -> onnx.ModelProto:
    """The graph of its head, as `export_head` makes it; for whatever that has learned.

    Raises:
        ExportError: torch's exporter cannot write this head down.
    """
    key = digest_of(_key(classifier.backbone), f"{classifier.linear.out_features}")
    return _remembered("head", key, lambda: export_head(classifier))


def _key(backbone: Backbone) -> str:
    parameters = hashlib.sha256()
    for name, value in backbone.state_dict().items():
        parameters.update(name.encode() + value.numpy().tobytes())
    shape = backbone.preprocessing
    size = f"{shape.height} {shape.width} {backbone.normalisation}"
    return digest_of(backbone.name, size, parameters.digest())


def quantised(graph: onnx.ModelProto, pictures: Pixels) -> onnx.ModelProto:
    """The graph in int8, as `quantise` makes it."""
    shown = f"{pictures.shape} {saturates()}"
    key = digest_of(graph.SerializeToString(), shown, pictures.tobytes())
    return _remembered("int8", key, lambda: quantise(graph, pictures))


def _remembered(kind: str, key: str, make: Callable[[], onnx.ModelProto]) -> onnx.ModelProto:
    data = remembered(kind, key, lambda: bytes(make().SerializeToString()))
    found: onnx.ModelProto = onnx.load_model_from_string(data)
    return found
