"""The layers of ours around BentoML's, from outside to inside; `service.app` draws all of them."""

from collections.abc import Iterable
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from models.errors import OverloadedError
from service.edge.access import KeyRequired, keys_of
from service.edge.envelope import REQUEST_ID, Envelope
from service.edge.sending import SentAsTaken
from service.http.application import refusal
from service.http.route import Route, route_of
from service.inference.admission import Admission
from service.inference.runtime import Engine
from service.observability.request_log import current

#: What a page of another origin may read besides the body.
_EXPOSED: Final = (
    *(REQUEST_ID, "Content-Disposition", "Retry-After", "X-Model"),
    *("X-Label", "X-Probability", "X-Class", "X-Class-Probability"),
)


def surrounded(app: ASGIApp, routes: Iterable[Route], engine: Engine) -> ASGIApp:
    """Puts around an application what stands outside of BentoML's own layers."""
    layers = [Middleware(Envelope, routes, logs_client=engine.settings.log_client)]
    if proxies := engine.settings.known_proxies:
        layers.insert(0, Middleware(ProxyHeadersMiddleware, trusted_hosts=proxies))
    if origins := engine.settings.allowed_origins:
        cors = Middleware(
            CORSMiddleware,
            allow_origins=origins,
            allow_methods=["GET", "POST"],
            allow_headers=["Authorization", "Content-Type", REQUEST_ID],
            expose_headers=_EXPOSED,
        )
        layers.append(cors)
    layers.append(Middleware(SentAsTaken, engine.admission))
    if (keys := keys_of(engine.settings)) is not None:
        layers.append(Middleware(KeyRequired, keys))
    layers.append(Middleware(RefusedWhenFull, engine.admission))
    for layer, args, kwargs in reversed(layers):
        app = layer(app, *args, **kwargs)
    return app


class RefusedWhenFull:
    """Answers 503 to pictures for which there is no place, before anything is done for them.

    It stands outside BentoML's layers, which take more than half of the time of a refusal. Under
    ten times the load that can be borne, refusals are most of the work, and those who were accepted
    wait for it.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http" and route_of(scope).takes_pictures:
            try:
                record = current()
                self._admission.check(record.name if record else "")
            except OverloadedError as error:
                await refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
