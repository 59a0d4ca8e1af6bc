"""The end of a connection: what was answered arrives, though its sender has not sent everything.

A connection that is closed while bytes are unread is reset, and the answer is lost with it. So our
side ends first, and what still comes is thrown away, as it is, within bounds; then all is closed.
It also knows how much of its answers a client has taken.
"""

import asyncio
from collections.abc import Callable
from typing import Any, Final

from service.host.careful_http import MOST_UNREAD

#: How long a client has to read its answer and to stop sending.
_SECONDS: Final = 2

#: What a read counts at least, however little came.
_LEAST_READ: Final = 2048


class EndingTransport:
    """A transport of asyncio that takes its time to close while a client is still sending."""

    def __init__(self, transport: asyncio.Transport, is_sending: Callable[[], bool]) -> None:
        self._transport = transport
        self._is_sending = is_sending
        self._left = MOST_UNREAD
        self._written = 0
        self._clock: asyncio.TimerHandle | None = None

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    @property
    def is_ending(self) -> bool:
        """Whether all that was to be said has been, and what comes is thrown away."""
        return self._clock is not None

    @property
    def taken(self) -> int:
        """Bytes that have left this process for the client."""
        return self._written - self._transport.get_write_buffer_size()

    def write(self, data: bytes) -> None:
        """As asyncio's."""
        self._written += len(data)
        self._transport.write(data)

    def is_closing(self) -> bool:
        """Whether it will be closed; nothing more is to be written."""
        return self.is_ending or self._transport.is_closing()

    @property
    def is_gone(self) -> bool:
        """Whether nothing comes and goes any more."""
        return self._transport.is_closing()

    def close(self) -> None:
        """Closes; where more is to come, once the client has had the time to read its answer."""
        if self.is_gone or self.is_ending or not self._is_sending():
            self._close()
            return
        self._clock = asyncio.get_running_loop().call_later(_SECONDS, self._close)
        if self._transport.can_write_eof():
            self._transport.write_eof()
        self._transport.resume_reading()

    def throw_away(self, data: bytes) -> None:
        """Takes what nobody reads any more."""
        self._left -= max(len(data), _LEAST_READ)
        if self._left < 0:
            self._close()

    def _close(self) -> None:
        if self._clock:
            self._clock.cancel()
        self._transport.close()
