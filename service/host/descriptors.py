"""How many connections this process may have, by the files that it may open."""

import contextlib
import functools
from typing import Final

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

#: More than the machines that this is for answer in many seconds.
_MOST: Final = 1024

#: Files that are open beside connections: pipes to processes, bundles, libraries.
_OTHERS: Final = 256


@functools.cache
def most_connections() -> int:
    """Raises the limit on open files as far as is of use, and says how many connections fit."""
    if resource is None:
        return _MOST
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = _MOST + _OTHERS
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    soft = resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    return _MOST if soft >= wanted else max(1, soft - _OTHERS)
