"""HTTP/1.1 as h11 parses it, with a bound on what a body may cost, and an end after refused ones.

h11 takes some five microseconds for a chunk, however small it is: a connection that sends a byte a
chunk kept everybody waiting. And a body that nobody reads any more must not be parsed to its end.
"""

from typing import Final

import h11

#: So many chunks may have any size; others must have so many bytes each, on average.
_FREE_CHUNKS, _LEAST_BYTES = 1000, 128

#: Of a body that was refused: as much is read and thrown away.
MOST_UNREAD: Final = 8 * 1024**2


class CarefulConnection(h11.Connection):
    """One connection's requests and answers."""

    def __init__(self) -> None:
        super().__init__(h11.SERVER)
        self._is_ambiguous = self._is_cheap = False
        self._chunks = self._bytes = 0

    @property
    def is_unread(self) -> bool:
        """Whether more of a request is to come, or may be."""
        return self.their_state in {h11.SEND_BODY, h11.ERROR}

    def next_event(self) -> h11.Event | type[h11.NEED_DATA] | type[h11.PAUSED]:
        """As h11 does; RemoteProtocolError, too, where chunks are too many for their bytes."""
        event = super().next_event()
        if isinstance(event, h11.Request):
            names = dict(event.headers)
            is_chunked = b"transfer-encoding" in names
            # It may hide a second request (RFC 9112, 6.3): the next one is not believed.
            self._is_ambiguous = is_chunked and b"content-length" in names
            length = int(names.get(b"content-length", 0))
            self._is_cheap = not is_chunked and length <= MOST_UNREAD
            self._chunks = self._bytes = 0
        elif isinstance(event, h11.Data):
            self._chunks += event.chunk_start
            self._bytes += len(event.data)
            if self._chunks > _FREE_CHUNKS + self._bytes // _LEAST_BYTES:
                raise h11.RemoteProtocolError("the body comes in too many small chunks")
        return event

    def send_with_data_passthrough(self, event: h11.Event) -> list[bytes] | None:
        """As h11 does, for `send`; an answer says so where the connection ends with it."""
        is_last = self._is_ambiguous or (self.is_unread and not self._is_cheap)
        if isinstance(event, h11.Response) and is_last:
            headers = [*event.headers.raw_items(), (b"Connection", b"close")]
            event = h11.Response(
                status_code=event.status_code, headers=headers, reason=event.reason
            )
        return super().send_with_data_passthrough(event)
