"""How many cores this process may use: its affinity, its container's quota, and who shares them."""

import os
from pathlib import Path

_CPU_MAX = Path("/sys/fs/cgroup/cpu.max")


def granted_cores() -> int:
    """Cores that the scheduler and the control group grant, at least 1.

    Processes that torchrun started together on this machine get an equal share each.
    """
    try:
        cores = len(os.sched_getaffinity(0))
    except AttributeError:  # macOS, Windows
        cores = os.cpu_count() or 1
    together = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
    return max(1, min(cores, _quota(cores)) // together)


def _quota(otherwise: int) -> int:
    try:
        quota, period = _CPU_MAX.read_text().split()
        return round(int(quota) / int(period))
    except (OSError, ValueError):  # no control groups, or `max`: no limit
        return otherwise
