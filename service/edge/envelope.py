"""What every request passes on its way in, and every answer on its way out.

It stands outside BentoML's own layers, so it holds for BentoML's routes and refusals too: an id,
one line in the log, headers that keep browsers careful, and a path that cannot be anything.

The last is for what BentoML labels its metrics and spans with: the path. Here that becomes the
template of a route (`/page/{path}`, `/{unknown}`), of which there are few, so that a client which
asks for a million paths does not make a million time series. Our application gets the path back.
"""

import ipaddress
import logging
import re
import uuid
from collections.abc import Iterable
from typing import Final

from opentelemetry import trace
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from models.errors import RequestError
from service.http.route import BROKEN_BODY, Route, find, with_route
from service.observability.request_log import RequestRecord, current, recorded

log = logging.getLogger(__name__)

HEADERS: Final = {
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "X-Frame-Options": "DENY",
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' blob: data:; connect-src 'self'; media-src 'self' blob:; font-src 'self'; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
}

REQUEST_ID: Final = "X-Request-ID"

_SANE_ID: Final = re.compile(r"[A-Za-z0-9._-]{1,128}")

_METHODS: Final = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})

_TRUE_PATH: Final = "train_transfer.path"


class Envelope:
    """Gives a request an id and a template for its path, and its answer the headers and a line."""

    def __init__(self, app: ASGIApp, routes: Iterable[Route], *, logs_client: bool = False) -> None:
        self._app = app
        self._routes = tuple(routes)
        self._logs_client = logs_client

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if scope["type"] == "websocket":  # there are none; BentoML would count them by their path
            await send({"type": "websocket.close", "code": 1008})
        elif scope["type"] == "http":
            await self._answer(scope, receive, send)
        else:
            await self._app(scope, receive, send)

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        method = scope["method"] if scope["method"] in _METHODS else "OTHER"
        route = find(self._routes, scope["path"])
        record = RequestRecord(_request_id(scope), method, route.template, route.is_quiet)
        record.client = _address(scope) if self._logs_client else None

        async def counting() -> Message:
            message = await receive()
            if sentence := scope.get(BROKEN_BODY):
                raise RequestError(sentence)
            record.bytes += len(message.get("body", b""))
            return message

        async def dressing(message: Message) -> None:
            if message["type"] == "http.response.start":
                record.status = message["status"]
                MutableHeaders(scope=message).update(HEADERS | {REQUEST_ID: record.request_id})
            else:
                record.end()  # before the client can have the answer: who has it finds the line
            await send(message)

        with recorded(record):
            try:
                labelled = with_route({**scope, _TRUE_PATH: scope["path"]}, route)
                await self._app(labelled, counting, dressing)
            finally:
                record.end()


class InnerEnd:
    """The innermost end of `Envelope`, around our application.

    The application gets the path that was asked for, and its span the id under which the log knows
    it. Whatever went wrong inside is logged here and goes no further.

    It also hides from BentoML that there is a Starlette application inside: of such a one BentoML
    passes on only the routes that exist, and answers the others itself, in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        if _TRUE_PATH in scope:
            scope = {**scope, "path": scope[_TRUE_PATH]}
        if record := current():
            trace.get_current_span().set_attribute("request_id", record.request_id)
        try:
            await self._app(scope, receive, send)
        except Exception:
            # It has been answered: Starlette does that, and then raises again.
            log.exception("a request failed")


def _address(scope: Scope) -> str:
    """Where a request comes from; whatever is no address, as a header may claim, is `unknown`."""
    host = (scope.get("client") or ("",))[0]
    try:
        return str(ipaddress.ip_address(host))
    except ValueError:
        return "unknown"


def _request_id(scope: Scope) -> str:
    asked = Headers(scope=scope).get(REQUEST_ID, "")
    return asked if _SANE_ID.fullmatch(asked) else uuid.uuid4().hex
