"""Several processes that train as one: which of them we are, and what they agree on. No torch.

A run of one process needs nothing of this: every function here then does the plain thing. The
processes are started by torchrun or in a step of srun; what a batch script says of its allocation
(`SLURM_NTASKS`, `SLURM_PROCID`) starts none.
"""

import os
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Final, TypeVar

from models.errors import UsageError

_T = TypeVar("_T")

#: SLURM's jobs meet at a port of their own from here on, as Lightning has them do.
_FIRST_PORT: Final = 15_000


@dataclass(frozen=True)
class Group:
    """Which process we are of how many, from 0: of all, and (`local_`) of those on this machine.

    The first one listens at `address` and `port`.
    """

    rank: int = 0
    size: int = 1
    local_rank: int = 0
    local_size: int = 1
    address: str = "127.0.0.1"
    port: int = 0

    def __post_init__(self) -> None:
        if self.size % self.local_size:
            raise UsageError(
                f"{self.size} processes with {self.local_size} on a machine: every machine must "
                "have the same number"
            )

    @property
    def machines(self) -> int:
        """How many machines there are."""
        return self.size // self.local_size


def started_group(environment: Mapping[str, str] = os.environ) -> Group:
    """Which process of how many torchrun or srun has started here; one, where neither did.

    Raises:
        UsageError: what the environment says is not whole.
    """
    if "WORLD_SIZE" in environment:
        size = _number(environment, "WORLD_SIZE")
        return _of_torchrun(environment, size) if size > 1 else Group()
    size = _number(environment, "SLURM_STEP_NUM_TASKS", 1)
    return _of_srun(environment, size) if size > 1 else Group()


def _of_torchrun(said: Mapping[str, str], size: int) -> Group:
    return Group(
        rank=_number(said, "RANK"),
        size=size,
        local_rank=_number(said, "LOCAL_RANK"),
        local_size=_number(said, "LOCAL_WORLD_SIZE", size),
        address=_text(said, "MASTER_ADDR"),
        port=_number(said, "MASTER_PORT"),
    )


def _of_srun(said: Mapping[str, str], size: int) -> Group:
    machines = _number(said, "SLURM_STEP_NUM_NODES", 1)
    if size % machines:
        raise UsageError(
            f"{size} tasks on {machines} machines: every machine must have the same number "
            "(srun --ntasks-per-node N)"
        )
    # Steps of one job may run beside each other.
    meeting = (_number(said, "SLURM_JOB_ID") + _number(said, "SLURM_STEP_ID", 0)) % 10_000
    return Group(
        rank=_number(said, "SLURM_PROCID"),
        size=size,
        local_rank=_number(said, "SLURM_LOCALID"),
        local_size=size // machines,
        address=said.get("MASTER_ADDR") or _first_host(_text(said, "SLURM_STEP_NODELIST")),
        port=_number(said, "MASTER_PORT", _FIRST_PORT + meeting),
    )


def _first_host(nodes: str) -> str:
    """`gpu[03-05,09],cpu1` → `gpu03`."""
    return re.sub(r"\[([^\],-]+)[^\]]*\]", r"\1", nodes).split(",")[0]


def _text(said: Mapping[str, str], name: str) -> str:
    if name not in said:
        raise UsageError(
            f"{name} is not set, as torchrun or srun would for each of several processes"
        )
    return said[name]


def _number(said: Mapping[str, str], name: str, otherwise: int | None = None) -> int:
    if otherwise is not None and name not in said:
        return otherwise
    if not (text := _text(said, name)).isdecimal():
        raise UsageError(f"{name}={text!r} in the environment: a number is needed")
    return int(text)


def check_batch_size(batch_size: int | None) -> None:
    """Refuses (UsageError) a batch that the processes cannot share evenly."""
    if batch_size is not None and batch_size % size():
        raise UsageError(
            f"--batch-size {batch_size}: {size()} processes share each batch, so it must be a "
            f"multiple of {size()}"
        )


#: From what each process has, to what all of them have, in the order of their ranks.
Gather = Callable[[Any], list[Any]]


#: Of which group we are now, and how its members learn what each has; the last one holds.
_memberships: Final[list[tuple[Group, Gather]]] = [(Group(), lambda mine: [mine])]


@contextmanager
def member_of(group: Group, gather: Gather) -> Iterator[None]:
    """For as long as the context lasts, the functions below speak of this group."""
    _memberships.append((group, gather))
    try:
        yield
    finally:
        _memberships.pop()


def current_group() -> Group:
    """Which process of how many we are now."""
    return _memberships[-1][0]


def size() -> int:
    """How many processes there are."""
    return current_group().size


def is_first() -> bool:
    """Whether we are the one that writes, logs and exports."""
    return current_group().rank == 0


def share_of(items: Sequence[_T]) -> Sequence[_T]:
    """Every n-th item, beginning with our rank: together the processes have each item once."""
    return items[current_group().rank :: size()]


def gathered(mine: _T) -> list[_T]:
    """What every process found, in the order of their ranks; all of them get it."""
    return _memberships[-1][1](mine)


def first_says(work: Callable[[], _T]) -> _T:
    """Lets the first process do something, and tells the others what came of it."""
    found: _T = from_first(work() if is_first() else None)
    return found


def from_first(mine: Any) -> Any:
    """What the first process has, whatever the others have."""
    return gathered(mine if is_first() else None)[0]
