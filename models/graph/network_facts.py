"""What there is to know of a network beside its graphs, asked of torch."""

import hashlib

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from models.backbones.activations import FeatureMap
from models.backbones.backbone import Backbone, reads_one_size
from models.backbones.hub import source_of
from models.backbones.licences import licence_of
from models.graph.cell_gradient import centres_seen
from models.graph.facts import Facts
from models.graph.geometry import Axis, MapShape
from models.heatmap import MapGeometry
from models.preprocessing import Pixels
from models.signature import Ask
from models.which_weights import FROM_SCRATCH, Hub, Packaged

#: Pixels that a picture grows by to show the stride; of all strides that there are a multiple.
_GROWTH = 2240


def facts_of(backbone: Backbone) -> Facts:
    """Of a backbone in inference mode."""
    name, weights = backbone.name, backbone.weights
    is_public = isinstance(weights, Hub | Packaged)
    return Facts(
        key=_key(backbone),
        name=name,
        weights=weights.word,
        origin=weights.origin,
        licence=licence_of(name, weights),
        base_model=(source_of(name) or "") if is_public else "",
        preprocessing=backbone.preprocessing,
        num_features=backbone.num_features,
        is_random=backbone.is_random,
        learns_from_scratch=name in FROM_SCRATCH,
        map_shape=_map_shape(backbone),
    )


def _key(backbone: Backbone) -> str:
    found, shape = hashlib.sha256(), backbone.preprocessing
    size = f"{backbone.name} {shape.height} {shape.width} {backbone.normalisation}"
    found.update(size.encode())
    for name, value in backbone.state_dict().items():
        found.update(name.encode() + value.numpy().tobytes())
    return found.hexdigest()


def measure_geometry(
    backbone: Backbone,
    ask: Ask,
    pictures: Pixels,
    shape: MapShape | None = None,
) -> MapGeometry:
    """Where the cells of its map look; arguments as those of `MapShape.geometry_of`.

    The shape of the map is asked of the backbone where it is not known.
    """
    shape = shape or _map_shape(backbone)
    if shape.is_even or not backbone.is_random:
        return shape.geometry_of(ask, pictures)
    seen = np.array(list(centres_seen(backbone, pictures)))
    return shape.at(
        shape.across.by_gradient(seen[:, 1], seen[:, 3]),
        shape.down.by_gradient(seen[:, 0], seen[:, 2]),
    )


def _map_shape(backbone: Backbone) -> MapShape:
    """By shapes alone."""
    size = backbone.preprocessing.height, backbone.preprocessing.width
    cells = _cells(backbone, *size)
    strides = size[0] / cells[0], size[1] / cells[1]
    is_even = not isinstance(backbone.activations, FeatureMap)
    if not is_even and not reads_one_size(backbone.name):
        more = _cells(backbone, size[0] + _GROWTH, size[1] + _GROWTH)
        strides = _GROWTH / (more[0] - cells[0]), _GROWTH / (more[1] - cells[1])
    down, across = (Axis(*one) for one in zip(size, cells, strides, strict=True))
    return MapShape(down, across, is_even)


@torch.no_grad()
def _cells(backbone: Backbone, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the map of a picture of this size, by shapes alone."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = backbone.map_of(backbone.trunk(torch.empty(1, 3, height, width)))
    return found.shape[2], found.shape[3]
