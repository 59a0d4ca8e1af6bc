"""Large answers go out as their clients take them, and count as in flight until then."""

from contextlib import ExitStack
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import OverloadedError
from service.http.application import refusal
from service.inference.admission import Admission

#: What a connection may hold without being counted; larger answers go out in such pieces, and the
#: server waits for each to be taken.
_PIECE: Final = 256 * 1024


class SentAsTaken:
    """Sends large answers in pieces; 503 where too many of them wait to be read."""

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        is_refused = False

        async def sending(message: Message) -> None:
            nonlocal is_refused
            if is_refused:
                return
            if message["type"] == "http.response.start":
                try:
                    held.enter_context(self._counted(message))
                except OverloadedError as error:
                    is_refused = True
                    await refusal(error)(scope, receive, send)
                    return
            await _send_in_pieces(message, send)

        with ExitStack() as held:
            await self._app(scope, receive, sending)

    def _counted(self, start: Message) -> ExitStack:
        held = ExitStack()
        length = int(Headers(raw=start["headers"]).get("content-length", 0))
        if length > _PIECE:
            held.enter_context(self._admission.answer(length))
        return held


async def _send_in_pieces(message: Message, send: Send) -> None:
    body = message.get("body", b"")
    if len(body) <= _PIECE:
        await send(message)
        return
    rest = memoryview(body)
    while len(rest) > _PIECE:
        await send({**message, "body": bytes(rest[:_PIECE]), "more_body": True})
        rest = rest[_PIECE:]
    await send({**message, "body": bytes(rest)})
