"""A table of routes as an application, and how its refusals look.

Every refusal is a JSON object with one sentence. What a client did wrong has its status on the
error's class (`models.errors`); anything unforeseen is logged and answered with 500 and no more.
"""

from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route as StarletteRoute

from models.errors import OverloadedError, RequestError, SlowBodyError, UnauthorizedError
from service.http.openapi import document
from service.http.route import Route
from service.http.schemas import Problem
from service.observability.request_log import current

#: Seconds. A full queue is empty again after some; clients that come back spread by themselves.
_RETRY_AFTER: Final = "1"

#: As nginx logs it. Nobody reads this answer.
_CLIENT_HUNG_UP: Final = 499


def build_app(routes: Iterable[Route]) -> Starlette:
    """Them as an application; `state.engine` must be set before it is asked."""
    routes = tuple(routes)
    app = Starlette(
        # What BentoML answers does not come here but by methods that it does not answer: 405.
        routes=[StarletteRoute(r.path, r.handler or _theirs, methods=[r.method]) for r in routes],
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


def json_answer(body: BaseModel, status: int = 200) -> Response:
    """One of the schemas as an answer."""
    # What is not said is not there: no client meets a key that its model has no use for.
    document = body.model_dump_json(by_alias=True, exclude_unset=True)
    return Response(document, status, media_type="application/json")


def refusal(error: RequestError) -> Response:
    """The answer to a request that is refused; its class stands in the line of the request."""
    if record := current():
        record.reason = type(error).__name__
    response = json_answer(Problem(error=str(error)), error.http_status)
    match error:
        case OverloadedError():
            response.headers["Retry-After"] = _RETRY_AFTER
        case UnauthorizedError():
            response.headers["WWW-Authenticate"] = "Bearer"
        case SlowBodyError():
            response.headers["Connection"] = "close"  # the rest of the body is not waited for
    return response


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


async def _theirs(_: Request) -> Response:
    raise HTTPException(404)


async def _nobody_waits(_: Request, __: Exception) -> Response:
    # BentoML's timer waits for an answer even where nobody reads it, and a stop waits for that.
    return Response(status_code=_CLIENT_HUNG_UP)


async def _unforeseen(_: Request, __: Exception) -> Response:
    sentence = "this failed here, not at your end; the log has the reason"
    return json_answer(Problem(error=sentence), 500)
