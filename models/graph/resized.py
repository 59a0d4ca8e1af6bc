"""An exported backbone at another size, without exporting it again.

An export takes longer than reading a hundred pictures. The graph of a convolutional network is the
same at every size, so what it says of sizes can be written anew. Not every network is: some have
computed paddings or windows into their graph. So the result is compared with torch, and where they
differ, the backbone is exported.
"""

from typing import Final

import numpy as np
import onnx
import torch

from models.backbones.backbone import Backbone
from models.graph.classifier import Normalise
from models.graph.export import export_backbone
from models.providers import open_graph
from models.signature import feature_maps_of

#: Largest difference from torch, as a part of the largest value.
_TOLERANCE: Final = 1e-3


def graph_at_its_size(graph: onnx.ModelProto, backbone: Backbone) -> onnx.ModelProto:
    """The graph of a backbone, from the graph of the same backbone at another size.

    Args:
        graph: from `export_backbone`.
        backbone: at the size that is wanted.

    Raises:
        ExportError: it had to be exported, and cannot be.
    """
    shape = backbone.preprocessing
    generator = torch.Generator().manual_seed(0)
    size = (2, shape.height, shape.width, 3)
    pixels = torch.randint(0, 256, size, dtype=torch.uint8, generator=generator)
    with torch.inference_mode():
        expected = backbone.trunk(Normalise(backbone)(pixels)).numpy()
    resized = _rewritten(graph, pixels.shape[1:], expected.shape[1:])
    found = _run(resized, pixels.numpy())
    if found is None or found.shape != expected.shape:
        return export_backbone(backbone)
    difference = np.abs(found - expected).max()
    return (
        resized if difference <= _TOLERANCE * np.abs(expected).max() else export_backbone(backbone)
    )


def _rewritten(
    graph: onnx.ModelProto, image: tuple[int, ...], feature_map: tuple[int, ...]
) -> onnx.ModelProto:
    found = onnx.ModelProto()
    found.CopyFrom(graph)
    # Shapes in between were inferred from the old size.
    del found.graph.value_info[:]
    for value, shape in ((found.graph.input[0], image), (found.graph.output[0], feature_map)):
        for dimension, length in zip(value.type.tensor_type.shape.dim[1:], shape, strict=True):
            dimension.dim_value = length
    return found


def _run(graph: onnx.ModelProto, pixels: np.ndarray) -> np.ndarray | None:
    try:
        session = open_graph(graph.SerializeToString(), "cpu", threads=1)
        found: np.ndarray = feature_maps_of(session, pixels)
    # What does not fit the new size fails in whatever operator meets it first.
    except Exception:  # noqa: BLE001  it is exported instead
        return None
    return found
