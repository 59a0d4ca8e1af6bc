"""What answers the routes that are about models."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from dataclasses import dataclass
from typing import Any

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response

from models.errors import OverloadedError
from models.occlusion import PASSES
from models.signature import PREDICTED_CLASS
from service.http.application import json_answer
from service.http.options import number, one_of, option
from service.http.replies import (
    as_numbers,
    classified,
    classified_or_refused,
    describe,
    picture_headers,
    sketch_of,
)
from service.http.schemas import (
    METHODS,
    STYLES,
    Classification,
    Models,
    NothingClassified,
    Refused,
    Style,
)
from service.http.uploads import Form, read_form
from service.inference.answers import answer, answer_each, draw
from service.inference.runtime import Engine
from service.inference.served_model import Method, ServedModel
from service.inference.upload import Upload
from service.observability.request_log import current


async def classify(request: Request) -> Response:
    """POST /classify."""
    engine = _engine(request)
    async with _accepted(request, ("top_k",), engine.settings.max_pictures) as (form, model):
        top_k = number("top_k", option(request, form, "top_k"))
        return await _in_time(request, _classification(engine, model, form.files, top_k))


async def explain(request: Request) -> Response:
    """POST /explain."""
    engine = _engine(request)
    fields = ("class", "style", "legend", "method", "top_k")
    async with _accepted(request, fields, 1) as (form, model):
        # All are checked before the picture is looked at.
        style = one_of("style", STYLES, option(request, form, "style"))
        if style != "raw":
            engine.admission.check_answers()
        has_legend = one_of("legend", ("0", "1"), option(request, form, "legend")) == "1"
        method = one_of("method", METHODS, option(request, form, "method"))
        name = option(request, form, "class")
        class_index = model.class_index(name) if name else PREDICTED_CLASS
        top_k = number("top_k", option(request, form, "top_k"))
        asked = _Asked(class_index, style, has_legend, method, top_k)
        more = PASSES - 1 if method == "occlusion" else 0
        with engine.admission.admit_work(more, _name()):
            return await _in_time(request, _explanation(engine, model, form.files[0], asked))


async def models(request: Request) -> Response:
    """GET /models."""
    served = _engine(request).models
    described = [
        # In a thread: the store may lie on a disk of the network.
        await asyncio.to_thread(describe, model, is_default=model is served.default)
        for model in served.served
    ]
    return json_answer(Models(models=described))


async def document(request: Request) -> Response:
    """GET /docs.json."""
    return JSONResponse(request.app.state.document)


async def _classification(
    engine: Engine, model: ServedModel, uploads: tuple[Upload, ...], top_k: int | None
) -> Response:
    if len(uploads) == 1:
        one = classified(await answer(engine, model, uploads[0]), top_k)
        return json_answer(Classification(model=model.tag, predictions=[one]))
    answers = await answer_each(engine, model, uploads)
    told = [classified_or_refused(*pair, top_k) for pair in zip(uploads, answers, strict=True)]
    refused = [each for each in told if isinstance(each, Refused)]
    if len(refused) < len(told):
        return json_answer(Classification(model=model.tag, predictions=told))
    sentence = f"none of the {len(refused)} pictures could be answered"
    return json_answer(NothingClassified(error=sentence, predictions=refused), refused[0].status)


@dataclass(frozen=True)
class _Asked:
    class_index: int
    style: Style
    has_legend: bool
    method: Method
    top_k: int | None


async def _explanation(
    engine: Engine, model: ServedModel, upload: Upload, asked: _Asked
) -> Response:
    answered = await answer(engine, model, upload, asked.class_index, asked.method)
    if asked.style == "raw":
        return json_answer(as_numbers(answered, asked.top_k))
    sketch = sketch_of(answered, asked.style, has_legend=asked.has_legend)
    png = await draw(engine, answered, sketch)
    return Response(png, media_type="image/png", headers=picture_headers(answered, asked.style))


@contextlib.asynccontextmanager
async def _accepted(
    request: Request, text_fields: tuple[str, ...], max_files: int
) -> AsyncIterator[tuple[Form, ServedModel]]:
    """A request's form, and the model that it asks for, until it has been answered.

    A slow upload holds no place in the queue, and no old version of a model.
    """
    engine, wanted = _engine(request), request.query_params.get("model")
    engine.models.find(wanted)
    with engine.admission.body() as count:
        fields = (*text_fields, "model")
        form = await read_form(request, engine.settings, fields, max_files, count)
        model = engine.models.find(option(request, form, "model"))
        with engine.admission.admit(len(form.files), _name()), model.in_use():
            yield form, model


async def _in_time(request: Request, work: Coroutine[Any, Any, Response]) -> Response:
    """Works on an answer until there is one, it is late, or the client has hung up.

    Then OverloadedError or ClientDisconnect is raised, and what was waiting has left the queue.
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


def _name() -> str:
    """Of the key that the request came with."""
    record = current()
    return record.name if record else ""


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine
