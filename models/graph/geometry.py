"""Where the cells of a network's map look, measured: by reflected pictures, or by gradients.

A convolution of stride 2 that is padded on one side only moves all that follows. Padding alone does
not tell by how much, for kernels have learned to live with it: EfficientNet-Lite0's map would lie
15.5 pixels off by its padding and lies 4 off, MobileNetV2's 15.5 and 23. So the map itself is
asked: drawn in its place, it lies in a reflected picture where the reflection of the first one
does. What lies to one side in a picture lies to the other in its reflection, so that any will do.

A network that has learned nothing gives maps of chance; there `cell_gradient` tells. Patch tokens
that have seen all others lie where their patches do.
"""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch._subclasses.fake_tensor import FakeTensorMode

from models.backbones.activations import FeatureMap
from models.backbones.backbone import Backbone, reads_one_size
from models.graph.cell_gradient import centres_seen
from models.heatmap import MapGeometry
from models.preprocessing import Pixels
from models.signature import Floats

#: Pixels that a picture grows by to show the stride; of all strides that there are a multiple.
_GROWTH = 2240

#: The least part of a step that the gradient must move by from one cell to the next, or the drawn
#: map where its cells are moved; below that each cell sees everything, and its place says nothing.
_LEAST_MOVE = 0.1

#: Steps of a secant, each of which leaves less than a tenth of the error.
_STEPS = 4


def measure_geometry(
    backbone: Backbone, heatmaps: Callable[[Pixels], Floats], pictures: Pixels
) -> MapGeometry:
    """Where the cells of its map look.

    Args:
        backbone: in inference mode.
        heatmaps: gives those of the predicted classes, (N, H, W, 3) → (N, h, w).
        pictures: uint8 (N, H, W, 3), such as it will be shown. Of 96 the place is known to 0.3 % of
            the side (standard error; drawn screws and nuts, EfficientNet-Lite0).
    """
    down, across = _axes(backbone)
    if not isinstance(backbone.activations, FeatureMap):
        return MapGeometry(across.even, down.even, across.stride, down.stride)
    if backbone.is_random:
        seen = np.array(list(centres_seen(backbone, pictures)))
        y, x = down.by_gradient(seen[:, 0], seen[:, 2]), across.by_gradient(seen[:, 1], seen[:, 3])
    else:
        # Half a turn reflects both axes at once; another picture says more than another reflection.
        turned = np.ascontiguousarray(pictures[:, ::-1, ::-1])
        found = np.concatenate([heatmaps(pictures), heatmaps(turned)])
        y, x = down.by_reflections(found.sum(2)), across.by_reflections(found.sum(1))
    return MapGeometry(x, y, across.stride, down.stride)


@dataclass(frozen=True)
class _Axis:
    """One side of the input, in pixels, and the cells along it, which are `stride` pixels apart."""

    length: int
    cells: int
    stride: float

    @property
    def even(self) -> float:
        """The centre of the first cell where all lie evenly around the middle."""
        return (self.length - self.stride * (self.cells - 1)) / 2

    def by_reflections(self, profiles: Floats) -> float:
        """The centre of the first cell, from maps (N, cells) of pictures and their reflections.

        It is where they lie in the middle on average, at most one and a half cells from where all
        lie evenly: EfficientNet-B0's lie one off.
        """
        profiles = profiles[profiles.sum(1) > 0]
        if not len(profiles) or self.cells == 1:
            return self.even
        low, high = self.even - 1.5 * self.stride, self.even + 1.5 * self.stride
        before, after = self.even, self.even + self.stride / 8
        error = self._beside_the_middle(profiles, before)
        for _ in range(_STEPS):
            next_error = self._beside_the_middle(profiles, after)
            if before == after:
                break
            slope = (next_error - error) / (after - before)
            if slope < _LEAST_MOVE:
                return self.even
            before, error = after, next_error
            after = float(np.clip(after - error / slope, low, high))
        return after

    def _beside_the_middle(self, profiles: Floats, offset: float) -> float:
        """How far maps lie from the middle, drawn with the first cell there; pixels."""
        places = np.arange(self.length) + 0.5
        centres = offset + self.stride * np.arange(self.cells)
        drawn = np.stack([np.interp(places, centres, profile) for profile in profiles])
        return float((drawn @ places / drawn.sum(1)).mean() - self.length / 2)

    def by_gradient(self, cells: Floats, seen: Floats) -> float:
        """The centre of the first cell, from cells and the centres of their gradients.

        What a cell sees is wider than the picture: the edge cuts it, which draws its centre towards
        the middle by the same share at all inner cells, and not at all where it is the middle. So
        the place of the middle among the cells is found, and the stride says the rest.
        """
        if np.ptp(cells) == 0:
            return self.even
        move, first = np.polyfit(cells, seen, 1)
        if not move >= _LEAST_MOVE * self.stride:
            return self.even
        return float(self.length / 2 - self.stride * (self.length / 2 - first) / move)


def _axes(backbone: Backbone) -> tuple[_Axis, _Axis]:
    """Down and across."""
    shape = backbone.preprocessing
    size = shape.height, shape.width
    cells = _cells(backbone, *size)
    strides = size[0] / cells[0], size[1] / cells[1]
    if isinstance(backbone.activations, FeatureMap) and not reads_one_size(backbone.name):
        more = _cells(backbone, size[0] + _GROWTH, size[1] + _GROWTH)
        strides = _GROWTH / (more[0] - cells[0]), _GROWTH / (more[1] - cells[1])
    return _Axis(size[0], cells[0], strides[0]), _Axis(size[1], cells[1], strides[1])


@torch.no_grad()
def _cells(backbone: Backbone, height: int, width: int) -> tuple[int, int]:
    """Rows and columns of the map of a picture of this size, by shapes alone."""
    with FakeTensorMode(allow_non_fake_inputs=True):
        found = backbone.map_of(backbone.trunk(torch.empty(1, 3, height, width)))
    return found.shape[2], found.shape[3]
