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

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, Protocol

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from models.backbones.backbone import Backbone
from training.distillation.chain import Block, chain_of, have_one_shape

#: The last feature map and what is pooled from it are what transfers: they weigh more.
_LAST_WEIGHT: Final = 4.0
_POOLED_WEIGHT: Final = 2.0


#: Maps of early blocks have thousands of positions that say much the same as their neighbours; so
#: those blocks are compared on fewer pictures of a step. Of a MobileNetV2's 19 blocks the first
#: five took 69 % of the time and hold 1 % of the parameters.
_POSITIONS: Final = 16_384
_FEWEST_PICTURES: Final = 8


@dataclass(frozen=True)
class Views:
    """The same pictures for two networks: float (N, 3, H, W), each normalised as its own."""

    teacher: Tensor
    student: Tensor


class Lesson(Protocol):
    """One way to learn from a teacher."""

    def teach(self, views: Views) -> dict[str, float]:
        """Adds up the gradients of one step; returns relative errors by what they are of."""
        ...


class BlockByBlock:
    """The first phase, for networks of one shape."""

    def __init__(self, teacher: Sequence[Block], student: Sequence[Block]) -> None:
        self._pairs = list(zip(teacher, student, strict=True))

    def teach(self, views: Views) -> dict[str, float]:
        """See `Lesson`."""
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
        self._teacher, self._student = teacher, student
        self._chains = chains

    def teach(self, views: Views) -> dict[str, float]:
        """See `Lesson`."""
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
        """See `Lesson`."""
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


def lessons_for(teacher: Backbone, student: Backbone) -> tuple[Lesson | None, Lesson]:
    """What is taught in the two phases; there is no first one for networks of different shapes."""
    chains = chain_of(teacher), chain_of(student)
    alike = teacher.normalisation == student.normalisation
    if alike and chains[0] and chains[1] and have_one_shape(chains[0], chains[1]):
        return BlockByBlock(chains[0], chains[1]), Joined(teacher, student, (chains[0], chains[1]))
    return None, Mapped(teacher, student)


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
    for number, block in enumerate(chain):
        current = block.module(current)
        if number + 1 == len(chain) or chain[number + 1].stage != block.stage:
            found.append(current)
    return found
