"""The routes: what may be asked over HTTP, and how refusals look.

Every refusal is a JSON object with one sentence. What a client did wrong has its status on the
error's class (`models.errors`); anything unforeseen is logged and answered with 500 and no more.
"""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Coroutine
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
from service.http.docs_page import docs_routes
from service.http.openapi import document
from service.http.page_routes import page_routes
from service.http.refusals import refusal
from service.http.schemas import (
    Classification,
    Models,
    NothingClassified,
    Problem,
    Refused,
)
from service.http.uploads import Form, FormLimits, Upload, read_form
from service.inference.answers import (
    ExplainedPicture,
    Question,
    ask,
    classify_each,
    classify_one,
    describe,
    explain,
)
from service.inference.runtime import Engine
from service.inference.served_model import ServedModel

log = logging.getLogger(__name__)

FILE_FIELD: Final = "image"

#: As nginx logs it. Nobody reads this answer.
CLIENT_HUNG_UP: Final = 499


async def classify_route(request: Request) -> Response:
    """POST /classify."""
    engine = _engine(request)
    async with _accepted(request, (), engine.settings.max_pictures) as (form, model):
        return await _in_time(request, _classification(engine, model, form.files))


async def explain_route(request: Request) -> Response:
    """POST /explain."""
    engine = _engine(request)
    async with _accepted(request, ("class", "style"), 1) as (form, model):
        question = ask(model, form.files[0], form.texts)
        return await _in_time(request, _explanation(engine, model, question))


async def models_route(request: Request) -> Response:
    """GET /models."""
    models = _engine(request).models
    described = [describe(model, is_default=model is models.default) for model in models.served]
    return _json(Models(models=described))


async def document_route(_: Request) -> Response:
    """GET /docs.json."""
    return JSONResponse(document())


async def _classification(
    engine: Engine, model: ServedModel, uploads: tuple[Upload, ...]
) -> Response:
    if len(uploads) == 1:
        answer = await classify_one(engine, model, uploads[0])
        return _json(Classification(model=model.tag, predictions=[answer]))
    answers = await classify_each(engine, model, uploads)
    refused = [answer for answer in answers if isinstance(answer, Refused)]
    if len(refused) < len(answers):
        return _json(Classification(model=model.tag, predictions=answers))
    sentence = f"none of the {len(refused)} pictures could be answered"
    return _json(NothingClassified(error=sentence, predictions=refused), refused[0].status)


async def _explanation(engine: Engine, model: ServedModel, question: Question) -> Response:
    answer = await explain(engine, model, question)
    if isinstance(answer, ExplainedPicture):
        return Response(answer.png, media_type="image/png", headers=answer.headers)
    return _json(answer)


@contextlib.asynccontextmanager
async def _accepted(
    request: Request, text_fields: tuple[str, ...], max_files: int
) -> AsyncIterator[tuple[Form, ServedModel]]:
    """A request's form, and the model that it asks for, until it has been answered.

    A slow upload holds no place in the queue, and no old version of a model.

    Raises:
        RequestError: the request is refused.
    """
    engine, wanted = _engine(request), request.query_params.get("model")
    settings = engine.settings
    engine.models.find(wanted)
    limits = FormLimits(
        FILE_FIELD, text_fields, max_files, settings.max_body_bytes, settings.body_seconds
    )
    with engine.admission.body() as body:
        form = await read_form(request, limits, body)
        model = engine.models.find(wanted)
        with engine.admission.admit(len(form.files)), model.in_use():
            yield form, model


async def _in_time(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Works on an answer until there is one, it is late, or nobody waits for it any more.

    Raises:
        OverloadedError: the answer is late; what was waiting for it has left the queue.
        ClientDisconnect: the client hung up; the same.
    """
    seconds = _engine(request).settings.answer_seconds
    working = asyncio.ensure_future(work)
    listening = asyncio.ensure_future(_hang_up(request))
    try:
        await asyncio.wait(
            {working, listening}, timeout=seconds, return_when=asyncio.FIRST_COMPLETED
        )
        if working.done():
            return working.result()
        if listening.done():
            raise ClientDisconnect
        raise OverloadedError(f"no answer within {seconds:g} seconds; try again in a moment")
    finally:
        working.cancel()
        listening.cancel()


async def _hang_up(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine


def _json(body: BaseModel, status: int = 200) -> Response:
    return Response(body.model_dump_json(by_alias=True), status, media_type="application/json")


async def _refuse(_: Request, error: Exception) -> Response:
    assert isinstance(error, RequestError)  # noqa: S101  Starlette calls this for nothing else
    return refusal(error)


async def _refuse_route(request: Request, error: Exception) -> Response:
    """An unknown route, or a method that a route does not have."""
    assert isinstance(error, HTTPException)  # noqa: S101
    reason = HTTPStatus(error.status_code).phrase.lower()
    asked = f"{request.method} {request.url.path[:100]}"
    sentence = f"{asked}: {reason}; GET /docs.json describes the routes"
    response = _json(Problem(error=sentence), error.status_code)
    response.headers.update(error.headers or {})
    return response


async def _nobody_waits(_: Request, __: Exception) -> Response:
    # BentoML's timer waits for an answer even where nobody reads it, and a stop waits for that.
    return Response(status_code=CLIENT_HUNG_UP)


async def _unforeseen(_: Request, __: Exception) -> Response:
    return _json(Problem(error="this failed here, not at your end; the log has the reason"), 500)


def build_app() -> Starlette:
    """The routes as an application; `state.engine` must be set before it is asked anything."""
    app = Starlette(
        routes=[
            *page_routes(),
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
