"""What single cells of a network's map see: centres of gravity of their gradient by the picture.

Luo et al., "Understanding the Effective Receptive Field in Deep Convolutional Neural Networks",
NeurIPS 2016. What a picture shows draws the gradient to itself, so each picture is asked in its
four reflections, and for the cell's reflection, too.
"""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from models.backbones.backbone import Backbone
from models.graph.classifier import Normalise
from models.preprocessing import Pixels

#: Pictures that are asked, four times each.
_PICTURES = 4


def centres_seen(backbone: Backbone, pictures: Pixels) -> Iterator[tuple[int, int, float, float]]:
    """Inner cells, row and column, and how far down and right the centre of what they see lies.

    Args:
        backbone: in inference mode, with a map.
        pictures: uint8 (N, H, W, 3); some of them are asked.
    """
    normalise = Normalise(backbone)
    generator = torch.Generator().manual_seed(0)
    for number, picture in enumerate(pictures[:_PICTURES]):
        turned = [picture, picture[:, ::-1], picture[::-1], picture[::-1, ::-1]]
        images = normalise(torch.from_numpy(np.stack(turned))).requires_grad_()
        feature_map = backbone.map_of(backbone.trunk(images))
        i, j = (_inner(length, number) for length in feature_map.shape[2:])
        last, right = feature_map.shape[2] - 1 - i, feature_map.shape[3] - 1 - j
        cells = [(i, j), (i, right), (last, j), (last, right)]
        asked = torch.stack([feature_map[n, :, *cell] for n, cell in enumerate(cells)])
        chance = torch.randn(asked.shape, generator=generator)
        (gradient,) = torch.autograd.grad((asked * chance).sum(), images)
        for cell, energy in zip(cells, gradient.square().sum(1), strict=True):
            yield *cell, _centre(energy.sum(1)), _centre(energy.sum(0))


def _inner(cells: int, number: int) -> int:
    """One of the inner cells of the first half."""
    inner = range(cells // 4, cells // 2) or range(1)
    return inner[number % len(inner)]


def _centre(along: Tensor) -> float:
    """The centre of gravity of what lies on pixels in a row."""
    places = torch.arange(len(along), dtype=torch.float64) + 0.5
    return float(along.double() @ places / along.double().sum())
