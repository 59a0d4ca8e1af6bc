"""Many pictures on all machines of a Ray cluster: the same parts, written where they are answered.

A worker stands on each machine and has all of it, or one for each GPU. It fetches, decodes and
answers in one place; names go to it, a number comes back. One that ends in the middle loses nothing
but its portions, which go to others. Machines that come later are taken in.

Plain actors, not Ray Data: docs/decisions/0039-on-a-cluster.md.
"""

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import islice
from pathlib import Path
from typing import Any, Final

import ray
from ray.exceptions import RayActorError, RayTaskError
from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

from models.bundle import Bundle
from models.errors import TransferError, first_line
from models.places import PictureFile
from models.terminal import Advance
from service.batch.parts import JOB, Parts
from service.batch.settings import BatchSettings
from service.batch.worker import Orders, Worker

log = logging.getLogger(__name__)

#: Files of a portion, until the first has come back and then: how soon something is on the disk,
#: and what a worker's end costs at most.
_FIRST: Final = 64
_FURTHER: Final = 1024

#: Portions that a worker has at once: one is worked at, one waits.
_AHEAD: Final = 2

#: How often files may be with a worker that ends: a machine may fail twice.
_TRIES: Final = 3

#: Seconds after which machines are counted anew.
_LOOK: Final = 5.0


@dataclass(frozen=True)
class _Portion:
    """Files, the part that they are to be, and how often a worker ended over them."""

    path: Path
    files: Sequence[PictureFile]
    ends: int = 0


def answer_on_cluster(
    settings: BatchSettings,
    bundle: Bundle,
    files: Iterator[PictureFile],
    parts: Parts,
    advance: Advance,
) -> None:
    """Answers files on the cluster that `RAY_ADDRESS` names or this machine is of, into parts.

    Where there is none, one is begun here, of this machine alone.

    Raises:
        UsageError: a machine does not see the same disks.
        TransferError: workers end again and again, or none can answer.
    """
    # What runs here is nobody else's business.
    os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")
    ray.init(log_to_driver=False, logging_level=logging.ERROR, namespace="classify-images")
    try:
        orders = Orders(
            Path.cwd(), settings.places, settings.parts, (settings.parts / JOB).read_text("utf-8"),
            settings.maps, settings.provider,
        )  # fmt: skip
        crew = _Crew(ray.put(bundle), ray.put(orders))
        _Work(files, parts, advance, crew).do()
    finally:
        ray.shutdown()


class _Crew:
    """The workers, on all machines that are there."""

    def __init__(self, bundle: Any, orders: Any) -> None:
        self._told = (bundle, orders)
        self._workers: dict[tuple[str, int], Any] = {}

    @property
    def workers(self) -> list[Any]:
        """Those that are there, or on their way."""
        return list(self._workers.values())

    def look(self) -> None:
        """Has a worker begin wherever there is none (TransferError: there is no such place)."""
        for node in ray.nodes():
            cores, gpus = (int(node["Resources"].get(kind, 0)) for kind in ("CPU", "GPU"))
            for number in range(max(1, gpus) if node["Alive"] and cores else 0):
                if (node["NodeID"], number) not in self._workers:
                    self._workers[node["NodeID"], number] = self._begin(node, cores, gpus)
        if not self._workers:
            raise TransferError("no machine of the cluster has a core for Ray: nobody can answer")

    def forget(self, worker: Any) -> None:
        """Takes one for ended."""
        self._workers = {place: w for place, w in self._workers.items() if w is not worker}

    def _begin(self, node: dict[str, Any], cores: int, gpus: int) -> Any:
        together = max(1, gpus)
        options = {
            "num_cpus": max(1, cores // together),
            "num_gpus": min(1, gpus),
            "max_concurrency": _AHEAD,
            "scheduling_strategy": NodeAffinitySchedulingStrategy(node["NodeID"], soft=False),
            # As torchrun says it: who shares a machine has its part of the cores.
            "runtime_env": {"env_vars": {"LOCAL_WORLD_SIZE": str(together)}},
        }
        return ray.remote(Worker).options(**options).remote(*self._told)


class _Work:
    """Portions on their way from a listing through workers to parts."""

    def __init__(
        self, files: Iterator[PictureFile], parts: Parts, advance: Advance, crew: _Crew
    ) -> None:
        self._files, self._parts, self._advance, self._crew = files, parts, advance, crew
        self._again: deque[_Portion] = deque()
        self._size = _FIRST
        self._under_way: dict[Any, tuple[Any, _Portion]] = {}

    def do(self) -> None:
        """Does it all."""
        while True:
            self._crew.look()
            self._hand_out()
            if not self._under_way:
                return
            for reply in ray.wait(list(self._under_way), timeout=_LOOK)[0]:
                self._take(reply)

    def _hand_out(self) -> None:
        """As far as workers have room, one for each and then a second."""
        busy = [worker for worker, _ in self._under_way.values()]
        for ahead in range(_AHEAD):
            for worker in self._crew.workers:
                if busy.count(worker) <= ahead and (portion := self._next()):
                    reply = worker.answer.remote(portion.path, portion.files)
                    self._under_way[reply] = worker, portion
                    busy.append(worker)

    def _next(self) -> _Portion | None:
        if self._again:
            return self._again.popleft()
        files = list(islice(self._files, self._size))
        return _Portion(self._parts.reserve(), files) if files else None

    def _take(self, reply: Any) -> None:
        worker, portion = self._under_way.pop(reply)
        try:
            self._advance(ray.get(reply))
        except RayActorError as error:
            self._crew.forget(worker)
            if portion.ends + 1 == _TRIES:
                raise TransferError(
                    f"{_TRIES} workers ended over the same {len(portion.files)} files, of which "
                    f"{portion.files[0].name} is the first: {first_line(error)}"
                ) from error
            log.warning("a worker ended; its files go to another")
            self._again.append(replace(portion, ends=portion.ends + 1))
        except RayTaskError as error:
            if isinstance(error.cause, TransferError):
                raise error.cause from error
            raise
        else:
            self._parts.note(portion.files)
            self._size = _FURTHER
