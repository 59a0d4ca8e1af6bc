"""HTTP/1.1 as uvicorn speaks it, with a limit on how long the head of a request may take.

uvicorn waits for the first head of a connection for ever, and a byte now and then keeps any
connection alive. Here a head must be whole within the keep-alive time (`bentoml serve
--timeout-keep-alive`, 5 seconds by default) after the connection was made or the last answer was
sent; else the connection is closed. What a client goes on sending after its answer counts as that.
How long a head may be is h11's own limit: 64 KiB, then 400.
"""

import asyncio

from uvicorn.protocols.http.h11_impl import H11Protocol


class TimedHeadProtocol(H11Protocol):
    """One connection."""

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        super().connection_made(transport)
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )

    def data_received(self, data: bytes) -> None:
        """As in the base class, but not every byte stops the clock; a whole head does."""
        self.conn.receive_data(data)
        self.handle_events()
