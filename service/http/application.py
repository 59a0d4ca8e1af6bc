"""A table of routes as an application, and how its refusals look.

Every refusal is a JSON object with one sentence. What a client did wrong has its status on the
error's class (`models.errors`); anything unforeseen is logged and answered with 500 and no more.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from models.errors import RequestError
from service.http.openapi import document
from service.http.refusals import json_answer, refusal
from service.http.route import Route
from service.http.schemas import Problem

#: As nginx logs it. Nobody reads this answer.
_CLIENT_HUNG_UP: Final = 499


def build_app(routes: Iterable[Route]) -> Starlette:
    """Those with a handler as an application; `state.engine` must be set before it is asked."""
    routes = tuple(routes)
    app = Starlette(
        routes=[
            StarletteRoute(route.path, route.handler, methods=[route.method])
            for route in routes
            if route.handler
        ],
        exception_handlers={
            RequestError: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _nobody_waits,
            Exception: _unforeseen,
        },
    )
    app.state.document = document(routes)
    app.router.redirect_slashes = False  # a redirected upload would be sent twice
    return app


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  Starlette calls this for nothing else
    return refusal(error)


async def _refuse_route(request: Request, error: Exception) -> Response:
    """An unknown route, or a method that a route does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101
    reason = HTTPStatus(error.status_code).phrase.lower()
    asked = f"{request.method} {request.url.path[:100]}"
    sentence = f"{asked}: {reason}; GET /docs.json describes the routes"
    response = json_answer(Problem(error=sentence), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _nobody_waits(_: Request, __: Exception) -> Response:
    # BentoML's timer waits for an answer even where nobody reads it, and a stop waits for that.
    return Response(status_code=_CLIENT_HUNG_UP)


async def _unforeseen(_: Request, __: Exception) -> Response:
    sentence = "this failed here, not at your end; the log has the reason"
    return json_answer(Problem(error=sentence), 500)
