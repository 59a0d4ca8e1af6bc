"""HTTP/1.1 as uvicorn speaks it, with limits on how long a client may take.

uvicorn waits for the first head of a connection for ever, and a byte now and then keeps any
connection alive. Here a head must be whole within the keep-alive time (`bentoml serve
--timeout-keep-alive`, 5 seconds by default) after the connection was made or the last answer was
sent; else the connection is closed. What a client goes on sending after its answer counts as that.
How long a head may be is h11's own limit: 64 KiB, then 400.

A client that does not read its answer would keep it in memory, and a stop from ending, for as long
as it likes. One that takes nothing of it for six times the keep-alive time loses the connection.
"""

import asyncio
from typing import Final

from uvicorn.protocols.http.h11_impl import H11Protocol

#: How long a client may take nothing of its answer, in keep-alive times.
_PATIENCE: Final = 6


class TimedProtocol(H11Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self._look_later(unread=0)

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the looking, too."""
        self._look.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As in the base class, but not every byte stops the clock; a whole head does."""
        self.conn.receive_data(data)
        self.handle_events()

    def _look_later(self, unread: int) -> None:
        """Looks again after a while; then fewer bytes of the same answer must be unread."""
        answering = self.cycle
        self._look = self.loop.call_later(
            _PATIENCE * self.timeout_keep_alive, lambda: self._check_reader(answering, unread)
        )

    def _check_reader(self, answering: object, unread_before: int) -> None:
        unread = self.transport.get_write_buffer_size()
        if self.cycle is answering and unread >= unread_before > 0:
            self.transport.abort()
        else:
            self._look_later(unread)
