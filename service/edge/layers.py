"""How the layers of ours lie around BentoML's, and inside them around our application."""

import logging
from collections.abc import Iterable
from typing import Final

from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.types import ASGIApp, Receive, Scope, Send

from service.edge.access import KeyRequired, keys_of
from service.edge.capacity import RefusedWhenFull
from service.edge.envelope import REQUEST_ID, Envelope, TruePath
from service.http.route import Route
from service.inference.runtime import Engine

log = logging.getLogger(__name__)

#: What a page of another origin may read besides the body.
_EXPOSED: Final = (
    *(REQUEST_ID, "Content-Disposition", "Retry-After", "X-Model"),
    *("X-Label", "X-Probability", "X-Class", "X-Class-Probability"),
)


def surrounded(app: ASGIApp, routes: Iterable[Route], engine: Engine) -> ASGIApp:
    """Puts around an application what stands outside of BentoML's own layers.

    Raises:
        UsageError: keys are asked for, and there are none.
    """
    layers = [Middleware(Envelope, routes)]
    if origins := engine.settings.allowed_origins:
        layers.append(
            Middleware(
                CORSMiddleware,
                allow_origins=origins,
                allow_methods=["GET", "POST"],
                allow_headers=["Authorization", "Content-Type", REQUEST_ID],
                expose_headers=_EXPOSED,
            )
        )
    if (keys := keys_of(engine.settings)) is not None:
        layers.append(Middleware(KeyRequired, keys))
    layers.append(Middleware(RefusedWhenFull, engine.admission))
    return _stacked(layers, app)


def lined(app: ASGIApp) -> ASGIApp:
    """Puts around our application what stands between it and BentoML's layers."""
    return _stacked([Middleware(TruePath), Middleware(Contained)], app)


def _stacked(layers: list[Middleware], app: ASGIApp) -> ASGIApp:
    """The first is the outermost."""
    for layer, args, kwargs in reversed(layers):
        app = layer(app, *args, **kwargs)
    return app


class Contained:
    """Whatever went wrong inside is logged here and goes no further.

    It also hides from BentoML that there is a Starlette application inside: of such a one BentoML
    passes on only the routes that exist, and answers the others itself, in plain text.
    """

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on."""
        try:
            await self._app(scope, receive, send)
        except Exception:
            # It has been answered: Starlette does that, and then raises again.
            log.exception("a request failed")
