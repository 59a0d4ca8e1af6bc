"""A clock for work in other processes, by which being late to look at it is no work of theirs.

While an event loop is busy for seconds, pictures that were done long ago would be called too slow.
"""

import asyncio
from collections.abc import Callable
from typing import Final

#: Seconds. Of any time between two looks no more counts.
_STEP: Final = 0.25


class Clock:
    """Calls back in the running event loop once so much has counted, unless it is cancelled."""

    def __init__(self, seconds: float, call: Callable[[], object]) -> None:
        self._left = seconds
        self._call = call
        self._look_later()

    def cancel(self) -> None:
        """Stops it; nothing is called any more."""
        self._handle.cancel()

    def _look_later(self) -> None:
        step = min(_STEP, self._left)
        self._left -= step
        self._handle = asyncio.get_running_loop().call_later(step, self._look)

    def _look(self) -> None:
        if self._left > 0:
            self._look_later()
        else:
            self._call()
