"""Several processes that train as one: which of them we are, and what all of them must agree on.

A run of one process needs nothing of this: every function here then does the plain thing. The
processes are started by `training.launch`, by torchrun or by srun; Lightning's own classes say
which (so that its Trainer comes to the same answer), and its strategies use the group made here.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Final, TypeVar

import torch
import torch.distributed as dist

from models.errors import UsageError
from training.launch import is_launched

if TYPE_CHECKING:
    from lightning.fabric.plugins.environments.cluster_environment import ClusterEnvironment

_T = TypeVar("_T")

#: While the first process decides or exports, the others wait. One that died is noticed at once.
_PATIENCE: Final = timedelta(hours=12)


def environment() -> "ClusterEnvironment | None":
    """What started this process together with others; None where it runs alone."""
    if not is_launched():
        return None
    # Late, because Lightning takes a second that a run of one process need not wait for.
    from lightning.fabric.plugins.environments.slurm import SLURMEnvironment  # noqa: PLC0415
    from lightning.fabric.plugins.environments.torchelastic import (  # noqa: PLC0415
        TorchElasticEnvironment,
    )

    for kind in (TorchElasticEnvironment, SLURMEnvironment):
        if kind.detect():
            return kind()
    return None


@contextmanager
def joined(devices: int, nodes: int) -> Iterator[None]:
    """Makes this process a member of the group for as long as the context lasts.

    Args:
        devices: processes on each machine, one for each device.
        nodes: machines.

    Raises:
        UsageError: what was started is not what the settings say, or a GPU is missing.
    """
    started = environment()
    count = started.world_size() if started else 1
    if count != devices * nodes:
        raise UsageError(
            f"--devices {devices} --nodes {nodes} ask for {devices * nodes} processes, and "
            f"{count} were started; the two must agree"
        )
    if started is None or count == 1:
        yield
        return
    if torch.cuda.is_available():
        torch.cuda.set_device(started.local_rank())
    dist.init_process_group(
        "cpu:gloo,cuda:nccl" if torch.cuda.is_available() else "gloo",
        init_method=f"tcp://{started.main_address}:{started.main_port}",
        rank=started.global_rank(),
        world_size=count,
        timeout=_PATIENCE,
    )
    try:
        yield
    finally:
        dist.destroy_process_group()


def check_devices(devices: int) -> None:
    """Refuses more devices than there are GPUs, where there are GPUs.

    Raises:
        UsageError: with the number that there are.
    """
    found = torch.cuda.device_count() if torch.cuda.is_available() else devices
    if devices > found:
        raise UsageError(f"--devices {devices}: this machine has {found} GPUs")


def rank() -> int:
    """Our place among the processes, from 0."""
    return dist.get_rank() if dist.is_initialized() else 0


def size() -> int:
    """How many processes there are."""
    return dist.get_world_size() if dist.is_initialized() else 1


def is_first() -> bool:
    """Whether we are the one that writes, logs and exports."""
    return rank() == 0


def share_of(items: Sequence[_T]) -> Sequence[_T]:
    """Every n-th item, beginning with our rank: together the processes have each item once."""
    return items[rank() :: size()]


def gathered(mine: _T) -> list[_T]:
    """What every process found, in the order of their ranks; all of them get it."""
    if size() == 1:
        return [mine]
    found: list[Any] = [None] * size()
    dist.all_gather_object(found, mine)
    return found


def first_says(work: Callable[[], _T]) -> _T:
    """Lets the first process do something, and tells the others what came of it."""
    found: _T = from_first(work() if is_first() else None)
    return found


def from_first(mine: Any) -> Any:
    """What the first process has, whatever the others have."""
    said = [mine]
    if size() > 1:
        dist.broadcast_object_list(said, src=0)
    return said[0]
