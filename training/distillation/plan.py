"""What a student learns when: the phase, the learning rate and the crop of every step.

One pure function of the settings and of where the joined phase began, so that a run that goes on
after it was cut off, or with another number of pictures, needs to remember nothing else.
"""

import math
from dataclasses import dataclass
from typing import Final

#: The part of all pictures that teaches block by block, where student and teacher have one shape.
BLOCKWISE_PART: Final = 0.3

#: AdamW's rates at their peak, in the two phases.
BLOCKWISE_RATE: Final = 3e-3
JOINED_RATE: Final = 1.5e-3

#: Pictures over which the rate rises at the beginning of a phase, at most a tenth of it.
_WARM_UP: Final = 2000

#: In this last part of the joined phase crops grow; larger ones cost more and teach less a second.
_GROWTH_PART: Final = 0.4
_GROWTH_STEP: Final = 32


@dataclass(frozen=True)
class Plan:
    """The plan of a run: first `blockwise_steps` of its steps, then joined ones.

    `crops` are sizes in pixels, the first for most of the time.
    """

    steps: int
    blockwise_steps: int
    batch_size: int
    crops: tuple[int, ...]

    def is_joined(self, step: int) -> bool:
        """Whether the joined network learns in this step."""
        return step >= self.blockwise_steps

    def rate(self, step: int) -> float:
        """The learning rate: it rises for a moment and falls as a cosine, in each phase anew."""
        begin, end = self._phase(step)
        done = (step - begin) / (end - begin)
        rise = max(1.0, min(_WARM_UP / self.batch_size, (end - begin) / 10))
        peak = JOINED_RATE if self.is_joined(step) else BLOCKWISE_RATE
        return peak * min(1.0, (step - begin + 1) / rise) * 0.5 * (1 + math.cos(math.pi * done))

    def crop(self, step: int) -> int:
        """Pixels a side of what is shown in this step."""
        begin, end = self._phase(step)
        grown = ((step - begin) / (end - begin) - (1 - _GROWTH_PART)) / _GROWTH_PART
        if not self.is_joined(step) or grown < 0 or len(self.crops) == 1:
            return self.crops[0]
        return self.crops[1 + int(grown * (len(self.crops) - 1))]

    def megapixels(self, first: int, last: int) -> float:
        """What the steps from `first` to before `last` cost: time goes by pixels."""
        return self.batch_size * sum(self.crop(step) ** 2 for step in range(first, last)) / 1e6

    def _phase(self, step: int) -> tuple[int, int]:
        if self.is_joined(step):
            return self.blockwise_steps, self.steps
        return 0, self.blockwise_steps


def make_plan(
    pictures: int, batch_size: int, crops: tuple[int, int], blockwise_steps: int | None
) -> Plan:
    """The plan for a number of pictures, with the first and the last crop.

    `blockwise_steps` says after how many steps the joined phase began or begins; None: as planned.
    """
    steps = math.ceil(pictures / batch_size)
    if blockwise_steps is None:
        blockwise_steps = round(BLOCKWISE_PART * steps)
    sizes = tuple(range(crops[0], crops[1] + 1, _GROWTH_STEP))
    return Plan(steps, blockwise_steps, batch_size, sizes)
