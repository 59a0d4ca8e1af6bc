"""The supervisor sees a worker's end at once: a line with the reason, a count, and the next one.

BentoML's supervisor looks every ten seconds and says nothing; in a container it ends with its
worker. What it knows goes to the next worker in its environment, for `/metrics`.
"""

import contextlib
import importlib
import json
import logging
import os
import signal
import time
from collections import Counter, deque
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, Final

log = logging.getLogger(__name__)

#: Where a worker finds how often those before it have ended, by reason.
_DEATHS: Final = "TRAIN_TRANSFER_WORKER_DEATHS"

_LOOK_SECONDS: Final = 0.25

#: After so many ends within so many seconds the next worker waits for some: else one that cannot
#: start would fill the log.
_OFTEN, _WITHIN_SECONDS, _PAUSE_SECONDS = 5, 60, 10

#: Where the kernel counts what it killed for want of memory, by the kind of control group.
_TOLD_IN: Final = {"": "memory.events", "memory": "memory/memory.oom_control"}


def watch_over_workers() -> None:
    """Runs in the supervisor, before BentoML has made what supervises."""
    # There already; a worker, which has no use for it, would wait for it.
    circus = importlib.import_module("bentoml._internal.utils.circus")
    vars(circus)["Arbiter"] = partial(_attentive, circus.Arbiter)


def deaths() -> Mapping[str, int]:
    """How many workers have ended that should not have, by reason; read in a worker."""
    found: dict[str, int] = json.loads(os.environ.get(_DEATHS, "{}"))
    return found


def _attentive(arbiter: Callable[..., object], watchers: list[Any], **kwargs: object) -> object:
    """BentoML's supervision, with a look more often, and told of each end."""
    for watcher in watchers:
        watcher.respawn = True
        watcher.hooks["after_reap"] = _Ends()
    return arbiter(watchers, **kwargs | {"check_delay": _LOOK_SECONDS})


class _Ends:
    """What is done when a worker of one watcher has ended."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()
        self._lately: deque[float] = deque(maxlen=_OFTEN)
        self._kills = kills_for_memory()

    def __call__(self, watcher: Any, exit_code: int, process_pid: int, **_: Any) -> bool:
        """Tells why, and sees to the next one."""
        if watcher.is_stopping() or watcher.is_stopped():
            return True
        reason = self._reason(exit_code)
        self._counts[reason] += 1
        watcher.env[_DEATHS] = json.dumps(self._counts)
        log.error("the worker %d has ended (%s), and another begins", process_pid, reason)
        self._wait_if_often()
        return True

    def _reason(self, exit_code: int) -> str:
        """Few values, as it becomes a label."""
        kills, self._kills = self._kills, kills_for_memory()
        if exit_code >= 0:
            return f"exit {exit_code}"
        if exit_code == -signal.SIGKILL and self._kills > kills:
            return "out of memory"
        return signal.Signals(-exit_code).name

    def _wait_if_often(self) -> None:
        self._lately.append(time.monotonic())
        if len(self._lately) == _OFTEN and self._lately[-1] - self._lately[0] < _WITHIN_SECONDS:
            log.error("that is often: it begins in %d seconds", _PAUSE_SECONDS)
            # All of the supervisor waits, a stop too: it ends where a worker is wanted later.
            time.sleep(_PAUSE_SECONDS)


def kills_for_memory(
    ours: Path = Path("/proc/self/cgroup"), groups: Path = Path("/sys/fs/cgroup")
) -> int:
    """How often the kernel has killed one of our group for want of memory; 0 where none tells.

    Args:
        ours: names our control groups, one a line.
        groups: all of them: version 2, or 1; in a container ours may be at the root.
    """
    with contextlib.suppress(OSError):
        for line in ours.read_text(encoding="utf-8").splitlines():
            _, kind, group = line.split(":", 2)
            for place in (group.strip("/"), "") if kind in _TOLD_IN else ():
                file = (groups / _TOLD_IN[kind]).parent / place / Path(_TOLD_IN[kind]).name
                if file.is_file():
                    counts = dict(each.split() for each in file.read_text("ascii").splitlines())
                    return int(counts.get("oom_kill", 0))
    return 0
