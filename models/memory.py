"""How much memory this process may use: the machine's, or what its control groups grant."""

import functools
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

_GROUPS: Final = Path("/sys/fs/cgroup")

#: Of version 2 of control groups, and of version 1, where each kind of group has a tree.
_LIMITS: Final = ("memory.max", "memory/memory.limit_in_bytes")


def granted_memory(groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Bytes, for this process and those that it starts; None where nothing says.

    Args:
        groups: where the control groups are mounted.
        own: the file that says which are this process's.
    """
    found = [*_machine(), *_limits(groups, own)]
    return min(found, default=None)


@functools.cache
def too_much_memory() -> str:
    """What is said of a picture that does not fit, with how much this process may take.

    Found once: a process that has given up the system (`decoding.confinement`) cannot ask any more.
    """
    limits = [granted_memory(), resource and resource.getrlimit(resource.RLIMIT_AS)[0]]
    least = min((limit for limit in limits if limit and limit > 0), default=None)
    number = f": {least / 2**20:,.0f} MiB, all that the process has included" if least else ""
    return f"the picture takes more memory than one may take here{number}"


def _machine() -> Iterator[int]:
    try:
        yield os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    except (AttributeError, OSError, ValueError):  # Windows, macOS
        return


def _limits(groups: Path, own: Path) -> Iterator[int]:
    for file in _files(groups, own):
        try:
            yield int(file.read_text())
        except (OSError, ValueError):  # there is none, or `max`
            continue


def _files(groups: Path, own: Path) -> Iterator[Path]:
    """In a container the first two; outside those of the group that this process is in."""
    yield from (groups / limit for limit in _LIMITS)
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return
    for line in lines:
        _, kinds, path = line.split(":", 2)
        if kinds == "":
            yield groups / path.strip("/") / "memory.max"
        elif "memory" in kinds.split(","):
            yield groups / "memory" / path.strip("/") / "memory.limit_in_bytes"
