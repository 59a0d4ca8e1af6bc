"""HTTP/1.1 as uvicorn speaks it, with limits on how much a client may cost, and how long.

uvicorn waits for the first head of a connection for ever, and a byte now and then keeps any
connection alive. Here a head must be whole within the keep-alive time (`bentoml serve
--timeout-keep-alive`, 5 seconds by default) after the connection was made or the last answer was
sent; else the connection is closed. What a client goes on sending after its answer counts as that.
How long a head may be is h11's own limit: 16 KiB and what came with the same read, then 400.

A client that does not read its answer would keep it in memory, and a stop from ending, for as long
as it likes. One that takes too little of it in six keep-alive times loses the connection. So does,
where there are too many connections, the one that has kept us waiting for longest.
"""

import asyncio
import logging
from typing import Any, Final, cast

import h11
from uvicorn.protocols.http.h11_impl import H11Protocol

from service.host.careful_http import CarefulConnection
from service.host.descriptors import most_connections
from service.host.ending import EndingTransport
from service.http.route import BROKEN_BODY
from service.observability import metrics

log = logging.getLogger(__name__)

#: How long a client may take too little of its answer, in keep-alive times.
_PATIENCE: Final = 6

#: Bytes a second, on average: a third of what the slowest mobile networks carry.
_LEAST_RATE: Final = 8 * 1024

#: Seconds between two lines that say the same.
_SILENCE: Final = 60

_BROKEN: Final = (
    "the body is broken: its chunks are not as HTTP has them, or too many for their bytes"
)


class TimedProtocol(H11Protocol):
    """One connection."""

    transport: EndingTransport  # type: ignore[assignment]
    conn: CarefulConnection

    def __init__(self, *arguments: Any, **named: Any) -> None:
        """As uvicorn makes it."""
        super().__init__(*arguments, **named)
        self.conn = CarefulConnection()
        self._is_deaf = False

    @property
    def most_connections(self) -> int:
        """So many there may be at once."""
        return most_connections()

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Starts the time for the first head."""
        ending = EndingTransport(transport, lambda: self.conn.is_unread)
        super().connection_made(cast("asyncio.Transport", ending))
        self._waits_since = self.loop.time()
        self.timeout_keep_alive_task = self.loop.call_later(
            self.timeout_keep_alive, self.timeout_keep_alive_handler
        )
        self._look_later()
        if len(self.connections) > self.most_connections:
            self._make_room()

    def connection_lost(self, exc: Exception | None) -> None:
        """Ends the looking, too."""
        self._look.cancel()
        self.transport.close()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """As in the base class, but not every byte stops the clock; a whole head does."""
        if self._is_deaf or self.transport.is_ending:
            self.transport.throw_away(data)
            return
        self.conn.receive_data(data)
        self.handle_events()

    def send_400_response(self, msg: str) -> None:
        """Answers what is no HTTP. Of a body the application is told: it has begun to answer."""
        self._is_deaf = True
        if self.conn.our_state is h11.IDLE:
            super().send_400_response(msg)
        elif self.conn.our_state is h11.SEND_RESPONSE:
            cast("dict[str, Any]", self.scope)[BROKEN_BODY] = _BROKEN
            self.cycle.message_event.set()
        else:
            self.transport.close()

    def on_response_complete(self) -> None:
        """Waits for the next request, from now on."""
        self._waits_since = self.loop.time()
        super().on_response_complete()

    def shutdown(self) -> None:
        """Ends where nothing is to be answered; what has been answered already ends by itself."""
        if not self.transport.is_closing():
            super().shutdown()

    def _look_later(self) -> None:
        """Looks again after a while; then enough of the same answer must have been taken."""
        is_answered = self.transport.get_write_buffer_size() > 0
        answering, taken = self.cycle if is_answered else None, self.transport.taken
        seconds = _PATIENCE * self.timeout_keep_alive

        def look() -> None:
            least = taken + _LEAST_RATE * seconds
            is_unread = self.transport.get_write_buffer_size() > 0
            if is_unread and self.cycle is answering and self.transport.taken < least:
                log.warning("a client reads its answer too slowly, and loses the connection")
                self._drop("SlowReader")
            else:
                self._look_later()

        self._look = self.loop.call_later(seconds, look)

    def _make_room(self) -> None:
        """Ends the connection whose client has kept us waiting for longest; else this one."""
        others = cast("set[TimedProtocol]", self.connections)
        waiting = [other for other in others if other is not self and other.waits_for_client]
        chosen = min(waiting, key=lambda other: other._waits_since, default=self)  # noqa: SLF001
        chosen._drop("TooMany")  # noqa: SLF001
        _say_that_there_are_too_many(self.most_connections)

    @property
    def waits_for_client(self) -> bool:
        """Whether the client has to send something, or to end, before anything else happens."""
        if self.transport.is_gone:
            return False
        cycle = self.cycle
        return cycle is None or cycle.response_complete or cycle.more_body

    def _drop(self, reason: str) -> None:
        metrics.DROPPED.labels(reason).inc()
        self.transport.abort()


class _Said:
    at = -float(_SILENCE)


def _say_that_there_are_too_many(most: int) -> None:
    now = asyncio.get_running_loop().time()
    if now - _Said.at >= _SILENCE:
        _Said.at = now
        log.warning(
            "all %d connections are taken: for each new one, that is closed whose client has kept "
            "us waiting for longest (transfer_dropped_connections_total counts them)",
            most,
        )
