"""A backbone as a chain of blocks, where it is one: each takes one tensor and gives one."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import torch
from torch import Tensor, nn

from models.backbones.backbone import Backbone

#: Any size that all networks with five halvings can read.
_PROBED: Final = 64


@dataclass(frozen=True)
class Block:
    """A part of a chain.

    Attributes:
        stage: the part of the network that it belongs to.
        module: what it computes.
    """

    stage: str
    module: nn.Module


def chain_of(backbone: Backbone) -> list[Block] | None:
    """The blocks whose composition is the backbone's trunk; None where there are none.

    What timm's networks are called inside differs from family to family, so their children are
    strung together in their order, and whether that is the network is found by trying.
    """
    children = list(backbone.model.named_children())
    images = torch.randn(2, 3, _PROBED, _PROBED, generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        wanted = backbone.trunk(images)
        for count in range(len(children), 0, -1):
            blocks = _grouped(_pieces(children[:count]))
            found = _composed(blocks, images)
            if found is not None and torch.equal(found, wanted):
                return blocks
    return None


def have_one_shape(first: Sequence[Block], second: Sequence[Block]) -> bool:
    """Whether each block of the one could stand in for that of the other."""
    if len(first) != len(second):
        return False
    one = two = torch.zeros(2, 3, _PROBED, _PROBED)
    with torch.inference_mode():
        for block, other in zip(first, second, strict=True):
            one, two = block.module.eval()(one), other.module.eval()(two)
            if one.shape != two.shape:
                return False
    return True


def _pieces(children: Sequence[tuple[str, nn.Module]]) -> Iterator[Block]:
    """The members of all nested sequences, in order, each with the stage that it stands in."""
    for name, module in children:
        if isinstance(module, nn.Sequential):
            for piece in _pieces(list(module.named_children())):
                is_nested = isinstance(module.get_submodule(piece.stage), nn.Sequential)
                yield Block(f"{name}.{piece.stage}" if is_nested else name, piece.module)
        else:
            yield Block(name, module)


def _grouped(pieces: Iterator[Block]) -> list[Block]:
    """Normalisation, activation and pooling join the convolution before them."""
    groups: list[list[Block]] = []
    for piece in pieces:
        is_new = any(p.ndim > 1 for p in piece.module.parameters())
        if is_new or not groups:
            groups.append([])
        groups[-1].append(piece)
    return [Block(g[0].stage, nn.Sequential(*(p.module for p in g))) for g in groups]


def _composed(blocks: Sequence[Block], images: Tensor) -> Tensor | None:
    found: Any = images
    try:
        for block in blocks:
            found = block.module(found)
    # Children that are no chain meet tensors that were not meant for them.
    except Exception:  # noqa: BLE001
        return None
    return found if isinstance(found, Tensor) else None
