"""The routes: what may be asked over HTTP, and how refusals look.

Every refusal is a JSON object with one sentence. What a client did wrong has its status on the
error's class (`models.errors`); anything unforeseen is logged and answered with 500 and no more.
"""

import asyncio
import logging
from collections.abc import Coroutine
from http import HTTPStatus
from typing import Any, Final

from pydantic import BaseModel
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import OverloadedError, RequestError
from service.answers import (
    ExplainedPicture,
    Question,
    ask,
    classify_each,
    classify_one,
    describe,
    explain,
)
from service.desk import Desk, ServedModel
from service.docs_page import docs_routes
from service.openapi import DESCRIPTIONS, document
from service.request_log import note_refusal
from service.schemas import (
    Classification,
    Index,
    Models,
    NothingClassified,
    Problem,
    Refused,
)
from service.uploads import FormLimits, Upload, read_form

log = logging.getLogger(__name__)

FILE_FIELD: Final = "image"

#: Seconds. A full queue is empty again after some; clients that come back spread by themselves.
RETRY_AFTER: Final = "1"

#: As nginx logs it. Nobody reads this answer.
CLIENT_HUNG_UP: Final = 499


async def classify_route(request: Request) -> Response:
    """POST /classify."""
    desk = _desk(request)
    settings = desk.settings
    limits = FormLimits(FILE_FIELD, (), settings.max_pictures, settings.max_body_bytes)
    with desk.gate.admit(1):  # before the body is read
        form = await read_form(request, limits)
        with desk.gate.admit(len(form.files) - 1):
            return await _unless_hung_up(request, _classification(desk, desk.model, form.files))


async def explain_route(request: Request) -> Response:
    """POST /explain."""
    desk = _desk(request)
    limits = FormLimits(FILE_FIELD, ("class", "style"), 1, desk.settings.max_body_bytes)
    with desk.gate.admit(1):
        form = await read_form(request, limits)
        model = desk.model
        question = ask(model, form.files[0], form.texts)
        return await _unless_hung_up(request, _explanation(desk, model, question))


async def models_route(request: Request) -> Response:
    """GET /models."""
    return _json(Models(models=[describe(_desk(request).model)]))


async def document_route(_: Request) -> Response:
    """GET /docs.json."""
    return JSONResponse(document())


async def index_route(_: Request) -> Response:
    """GET /."""
    return _json(Index(routes=DESCRIPTIONS))


async def _classification(desk: Desk, model: ServedModel, uploads: tuple[Upload, ...]) -> Response:
    if len(uploads) == 1:
        answer = await classify_one(desk, model, uploads[0])
        return _json(Classification(model=model.tag, predictions=[answer]))
    answers = await classify_each(desk, model, uploads)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    if len(refused) < len(answers):
        return _json(Classification(model=model.tag, predictions=answers))
    sentence = f"none of the {len(refused)} pictures could be answered"
    return _json(NothingClassified(error=sentence, predictions=refused), refused[0].status)


async def _explanation(desk: Desk, model: ServedModel, question: Question) -> Response:
    answer = await explain(desk, model, question)
    if isinstance(answer, ExplainedPicture):
        return Response(answer.png, media_type="image/png", headers=answer.headers)
    return _json(answer)


async def _unless_hung_up(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Works on an answer until there is one, or nobody waits for it any more.

    Raises:
        ClientDisconnect: the client hung up; what was waiting for it has left the queue.
    """
    working = asyncio.ensure_future(work)
    listening = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait({working, listening}, return_when=asyncio.FIRST_COMPLETED)
        if working.done():
            return working.result()
        raise ClientDisconnect
    finally:
        working.cancel()
        listening.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _desk(request: Request) -> Desk:
    desk: Desk = request.app.state.desk
    return desk


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(by_alias=True), status, media_type="application/json")


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  Starlette calls this for nothing else
    note_refusal(error)
    response = _json(Problem(error=str(error)), error.http_status)
    if isinstance(error, OverloadedError):
        response.headers["Retry-After"] = RETRY_AFTER
    return response


async def _refuse_route(request: Request, error: Exception) -> Response:
    """An unknown route, or a method that a route does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101
    reason = HTTPStatus(error.status_code).phrase.lower()
    sentence = f"{request.method} {request.url.path[:100]}: {reason}; GET / names the routes"
    response = _json(Problem(error=sentence), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _nobody_waits(_: Request, __: Exception) -> Response:
    # BentoML's timer waits for an answer even where nobody reads it, and a stop waits for that.
    return Response(status_code=CLIENT_HUNG_UP)


async def _unforeseen(_: Request, __: Exception) -> Response:
    return _json(Problem(error="this failed here, not at your end; the log has the reason"), 500)


def build_app() -> Starlette:
    """The routes as an application; `state.desk` must be set before it is asked anything."""
    app = Starlette(
        routes=[
            Route("/", index_route, methods=["GET"]),
            Route("/classify", classify_route, methods=["POST"]),
            Route("/explain", explain_route, methods=["POST"]),
            Route("/models", models_route, methods=["GET"]),
            Route("/docs.json", document_route, methods=["GET"]),
            *docs_routes(),
        ],
        exception_handlers={
            RequestError: _refuse,
            HTTPException: _refuse_route,
            ClientDisconnect: _nobody_waits,
            Exception: _unforeseen,
        },
    )
    app.router.redirect_slashes = False  # a redirected upload would be sent twice
    return app


class Edge:
    """The outermost layer of ours: whatever went wrong inside is logged here and goes no further.

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
