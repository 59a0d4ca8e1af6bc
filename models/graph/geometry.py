"""Where the cells of a network's map look, by reflected pictures or by gradients. No torch.

A convolution of stride 2 that is padded on one side only moves all that follows. Padding alone does
not tell by how much, for kernels have learned to live with it: EfficientNet-Lite0's map would lie
15.5 pixels off by its padding and lies 4 off, MobileNetV2's 15.5 and 23. So the map itself is
asked: drawn in its place, it lies in a reflected picture where the reflection of the first one
does. What lies to one side in a picture lies to the other in its reflection, so that any will do.
Both are explained for the class of the first: maps of two classes lie in two places.

A network that has learned nothing gives maps of chance; there `cell_gradient` tells. Patch tokens
that have seen all others lie where their patches do.
"""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from models.heatmap import MapGeometry
from models.preprocessing import Pixels
from models.signature import PREDICTED_CLASS, Ask, Floats

#: The least part of a step that the gradient must move by from one cell to the next, or the drawn
#: map where its cells are moved; below that each cell sees everything, and its place says nothing.
_LEAST_MOVE = 0.1

#: Pictures that are asked at once, and at least, until the place of what is drawn is known to such
#: a part of the side (standard error): of sharp maps the first ones tell, of diffuse ones three
#: times as many.
_BLOCK = 48
_FEWEST = 96
_KNOWN = 1 / 400

#: Steps of a secant, each of which leaves less than a tenth of the error.
_STEPS = 4


@dataclass(frozen=True)
class Axis:
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
        error = self._beside_the_middle(profiles, before).mean()
        for _ in range(_STEPS):
            next_error = self._beside_the_middle(profiles, after).mean()
            if before == after:
                break
            slope = (next_error - error) / (after - before)
            if slope < _LEAST_MOVE:
                return self.even
            before, error = after, next_error
            after = float(np.clip(after - error / slope, low, high))
        return after

    def is_known(self, pairs: Floats, offset: float) -> bool:
        """Whether maps drawn from there lie in the middle for sure, (2, N, cells) as above."""
        pairs = pairs[:, (pairs.sum(2) > 0).all(0)]
        if (count := pairs.shape[1]) < 2:
            return False
        beside = self._beside_the_middle(pairs.reshape(-1, self.cells), offset)
        error = beside.reshape(2, count).mean(0).std(ddof=1) / count**0.5
        return bool(error <= _KNOWN * self.length)

    def _beside_the_middle(self, profiles: Floats, offset: float) -> npt.NDArray[np.float64]:
        """How far maps (N, cells) lie from it, drawn with the first cell there; pixels (N,)."""
        places = np.arange(self.length) + 0.5
        centres = offset + self.stride * np.arange(self.cells)
        # What is drawn of each cell alone: between two of them it is a line, so they add up.
        drawn = np.stack([np.interp(places, centres, cell) for cell in np.eye(self.cells)])
        found: npt.NDArray[np.float64] = profiles @ (drawn @ places) / (profiles @ drawn.sum(1))
        return found - self.length / 2

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


@dataclass(frozen=True)
class MapShape:
    """A network's map beside its pictures.

    Attributes:
        down: along a picture's height.
        across: along its width.
        is_even: whether its cells are known to lie evenly, as patch tokens do.
    """

    down: Axis
    across: Axis
    is_even: bool

    def geometry_of(self, ask: Ask, pictures: Pixels) -> MapGeometry:
        """Where the cells look, of a network that has learned something.

        Args:
            ask: the network.
            pictures: uint8 (N, H, W, 3), such as it will be shown; of many no more are asked than
                it takes (docs/decisions/0031).
        """
        x, y, maps = self.across.even, self.down.even, np.empty((2, 0, 0, 0), np.float32)
        # In steps through all of them: those beside each other are of one class.
        order = np.argsort(np.arange(len(pictures)) % -(-len(pictures) // _BLOCK), kind="stable")
        for start in range(0, 0 if self.is_even else len(pictures), _BLOCK):
            pair = _pair(ask, pictures[order[start : start + _BLOCK]])
            maps = np.concatenate([maps, pair], axis=1) if start else pair
            if maps.shape[1] < min(_FEWEST, len(pictures)):
                continue
            across, down = maps.sum(2), maps.sum(3)
            x = self.across.by_reflections(across.reshape(-1, self.across.cells))
            y = self.down.by_reflections(down.reshape(-1, self.down.cells))
            if self.across.is_known(across, x) and self.down.is_known(down, y):
                break
        return self.at(x, y)

    def at(self, x: float, y: float) -> MapGeometry:
        """With the centre of the first cell there."""
        return MapGeometry(x, y, self.across.stride, self.down.stride)


def _pair(ask: Ask, pictures: Pixels) -> Floats:
    """Maps of pictures and their reflections, (2, N, h, w), of what each picture shows.

    Half a turn reflects both axes at once; another picture says more than another reflection.
    """
    turned = np.ascontiguousarray(pictures[:, ::-1, ::-1])
    answers, upright = ask(pictures, np.full(len(pictures), PREDICTED_CLASS))
    return np.stack([upright, ask(turned, answers.argmax(1))[1]])
