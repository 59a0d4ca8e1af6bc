"""What a student learns in one step, and how far it is from its teacher.

An error is always relative: the squared distance over the teacher's variance, so that 0 is the
teacher and 1 is who answers everything with its mean.

Block by block: every block of the student learns what the teacher's block makes of the teacher's
own input, all blocks in one step. This needs far fewer pictures than teaching a whole network from
random numbers, because no block waits for the ones below it; but it needs two networks of one
shape. Joined: the student's blocks work on each other's output, and all stages are compared.

Mapped, for networks of different shapes: the student's last feature map and pooled features are
compared after a linear map that learns with it and is thrown away.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any, Final

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbones.backbone import Backbone

#: The last feature map and what is pooled from it are what transfers: they weigh more.
_LAST_WEIGHT: Final = 4.0
_POOLED_WEIGHT: Final = 2.0

#: Maps of early blocks have thousands of positions that say much the same as their neighbours; so
#: those blocks are compared on fewer pictures of a step. Of a MobileNetV2's 19 blocks the first
#: five took 69 % of the time and hold 1 % of the parameters.
_POSITIONS: Final = 16_384
_FEWEST_PICTURES: Final = 8

#: Any size, in pixels, that all networks with five halvings can read.
_PROBED: Final = 64


@dataclass(frozen=True)
class Views:
    """The same pictures for two networks: float (N, 3, H, W), each normalised as its own."""

    teacher: Tensor
    student: Tensor


@dataclass(frozen=True)
class Block:
    """A part of a chain, and the part of the network (`stage`) that it belongs to."""

    stage: str
    module: nn.Module


class BlockByBlock:
    """The first phase, for networks of one shape."""

    def __init__(self, teacher: Sequence[Block], student: Sequence[Block]) -> None:
        self._pairs = list(zip(teacher, student, strict=True))

    def teach(self, views: Views) -> dict[str, float]:
        """Adds up the gradients of one step; returns relative errors by what they are of."""
        errors = []
        current = views.teacher
        for block, pupil in self._pairs:
            with torch.no_grad():
                wanted = block.module(current)
            count = _enough_pictures(current)
            error = relative_error(pupil.module(current[:count]), wanted[:count])
            error.backward()  # blocks share no parameter
            errors.append(error.detach())
            current = wanted
        found = torch.stack(errors)
        return {"blocks": float(found.mean()), "worst block": float(found.max())}


class Joined:
    """The second phase, for networks of one shape."""

    def __init__(
        self, teacher: Backbone, student: Backbone, chains: tuple[list[Block], list[Block]]
    ) -> None:
        self._teacher, self._student, self._chains = teacher, student, chains

    def teach(self, views: Views) -> dict[str, float]:
        """Adds up the gradients of one step; returns relative errors by what they are of."""
        with torch.no_grad():
            wanted = _stages(self._chains[0], views.teacher)
        found = _stages(self._chains[1], views.student)
        errors = [
            relative_error(f[: _enough_pictures(f)], w[: _enough_pictures(w)])
            for f, w in zip(found, wanted, strict=True)
        ]
        pooled = relative_error(
            self._student.features(found[-1]), self._teacher.features(wanted[-1])
        )
        loss = sum(errors) + (_LAST_WEIGHT - 1) * errors[-1] + _POOLED_WEIGHT * pooled
        loss.backward()
        mean = torch.stack([e.detach() for e in errors]).mean()
        return {"stages": float(mean), "last": errors[-1].item(), "pooled": pooled.item()}


class Mapped(nn.Module):
    """The only phase, for networks of different shapes; its linear maps learn with the student."""

    def __init__(self, teacher: Backbone, student: Backbone) -> None:
        super().__init__()
        self._networks = [teacher, student]  # in a list: not part of this module's parameters
        self.features = nn.Linear(student.num_features, teacher.num_features)
        images = torch.zeros(2, 3, student.preprocessing.height, student.preprocessing.width)
        with torch.inference_mode():
            wanted = teacher.map_of(teacher.trunk(images))
            found = student.map_of(student.trunk(images))
        has_map = wanted.shape[2:] == found.shape[2:]
        self.map = nn.Conv2d(found.shape[1], wanted.shape[1], 1) if has_map else None

    def teach(self, views: Views) -> dict[str, float]:
        """Adds up the gradients of one step; returns relative errors by what they are of."""
        teacher, student = self._networks
        with torch.no_grad():
            wanted = teacher.trunk(views.teacher)
        found = student.trunk(views.student)
        pooled = relative_error(self.features(student.features(found)), teacher.features(wanted))
        loss, errors = _POOLED_WEIGHT * pooled, {"pooled": pooled.item()}
        if self.map is not None:
            last = relative_error(self.map(student.map_of(found)), teacher.map_of(wanted))
            loss, errors = loss + _LAST_WEIGHT * last, {"last": last.item(), **errors}
        loss.backward()
        return errors


Lesson = BlockByBlock | Joined | Mapped


def lessons_for(teacher: Backbone, student: Backbone) -> tuple[Lesson | None, Lesson]:
    """What is taught in the two phases; there is no first one for networks of different shapes."""
    chains = chain_of(teacher), chain_of(student)
    alike = teacher.normalisation == student.normalisation
    if alike and chains[0] and chains[1] and have_one_shape(chains[0], chains[1]):
        return BlockByBlock(chains[0], chains[1]), Joined(teacher, student, (chains[0], chains[1]))
    return None, Mapped(teacher, student)


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


def relative_error(found: Tensor, wanted: Tensor) -> Tensor:
    """Squared distance over variance; (N, C, …) twice → a scalar.

    The mean is taken out for each channel: what never changes tells no picture from another.
    """
    found, wanted = found.float(), wanted.float()
    others = [axis for axis in range(wanted.ndim) if axis != 1]
    variance = wanted.var(dim=others, correction=0).mean()
    return F.mse_loss(found, wanted) / variance.clamp_min(1e-12)


def _enough_pictures(maps: Tensor) -> int:
    """How many of a step's maps (N, C, h, w) to look at."""
    return max(_FEWEST_PICTURES, _POSITIONS // maps[0, 0].numel())


def _stages(chain: Sequence[Block], images: Tensor) -> list[Tensor]:
    """What leaves each stage, the feature map last."""
    found: list[Tensor] = []
    current: Any = images
    for _, blocks in groupby(chain, lambda block: block.stage):
        for block in blocks:
            current = block.module(current)
        found.append(current)
    return found


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
