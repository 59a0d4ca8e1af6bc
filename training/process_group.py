"""Joins the processes of a run through torch, for as long as the run lasts."""

from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any, Final

import torch
import torch.distributed as dist

from models.errors import UsageError
from training.group import Group, member_of

#: While the first process decides or exports, the others wait. One that died is noticed at once.
_PATIENCE: Final = timedelta(hours=12)


@contextmanager
def joined(group: Group) -> Iterator[None]:
    """Makes this process a member of its group; Lightning's strategies use the same one later.

    Raises:
        UsageError: there are fewer GPUs here than processes.
    """
    has_gpus = torch.cuda.is_available()
    check_gpus(group.local_size, torch.cuda.device_count() if has_gpus else None)
    if group.size == 1:
        yield
        return
    if has_gpus:
        torch.cuda.set_device(group.local_rank)
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if has_gpus else "gloo",
        init_method=f"tcp://{group.address}:{group.port}",
        rank=group.rank,
        world_size=group.size,
        timeout=_PATIENCE,
    )
    try:
        with member_of(group, _gather):
            yield
    finally:
        dist.destroy_process_group()


def check_gpus(processes: int, gpus: int | None) -> None:
    """Refuses more processes on a machine than it has GPUs; None where the CPU computes.

    Raises:
        UsageError: with both numbers.
    """
    if gpus is not None and processes > gpus:
        raise UsageError(
            f"{processes} processes were started on this machine, which has {gpus} GPUs; "
            "start one for each GPU at most"
        )


def _gather(mine: Any) -> list[Any]:
    found: list[Any] = [None] * dist.get_world_size()
    dist.all_gather_object(found, mine)
    return found
