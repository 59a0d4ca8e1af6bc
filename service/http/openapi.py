"""The OpenAPI document of all routes, made from the types that the answers are made of.

BentoML's own document knows nothing of a mounted application.
"""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.http.openapi_examples import EXAMPLES, PROBLEMS
from service.http.schemas import (
    Classification,
    Explanation,
    Models,
    NothingClassified,
    Problem,
)
from service.inference.answers import STYLES

_Json = dict[str, Any]

DESCRIPTIONS: Final = {
    "GET /": "the page for people",
    "POST /classify": "one or several pictures, each a file in the form field `image`: "
    "label and probabilities of each",
    "POST /explain": "one picture in `image`, `class` and `style` "
    f"({', '.join(STYLES)}) if wanted: where the network looked, as a PNG or as numbers",
    "GET /models": "what is served",
    "GET /docs": "a page to try out these routes",
    "GET /docs.json": "the OpenAPI document of these routes",
    "GET /livez": "200 while the process lives",
    "GET /healthz": "the same, under its older name",
    "GET /readyz": "200 once the model is loaded, checked and warm",
    "GET /metrics": "figures for Prometheus",
}

_SCHEMAS: Final = (Classification, Explanation, Models, NothingClassified, Problem)

_REFUSALS: Final = {
    400: "not a picture, a broken one, no file in `image`, text where a file belongs, an unknown "
    "field, or a broken form",
    401: "the service has keys, and the request has none of them",
    404: "no such model is served; the sentence names those that are",
    408: "the body did not arrive in time",
    413: "the body, the number of files, or a picture's pixels, time or memory to decode are above "
    "the limit",
    415: "the request is no multipart form",
    422: "there is no such class or style; the sentence names those that there are",
    500: "it failed here; the log has the reason",
    503: "too much is waiting, or the answer would be late; come back after `Retry-After` seconds",
}

_PNG_HEADERS: Final = {
    "Content-Disposition": "a file name for the download",
    "X-Model": "tag of the model that answered",
    "X-Label": "the most probable class, percent-encoded as in a URL (UTF-8)",
    "X-Probability": "its probability",
    "X-Class": "the class that the heatmap speaks of, percent-encoded as in a URL (UTF-8)",
    "X-Class-Probability": "its probability",
}

_MODEL: Final[_Json] = {
    "name": "model",
    "in": "query",
    "schema": {"type": "string"},
    "description": "name or tag of the model to ask, as `/models` lists them; default: the first",
}

#: Where no key is asked for.
_OPEN: Final[_Json] = {"security": []}


@cache
def document() -> _Json:
    """The whole document, OpenAPI 3.1."""
    definitions = models_json_schema(
        [(schema, "serialization") for schema in _SCHEMAS],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Image classification",
            "version": "1",
            "description": "Which class a picture belongs to, and where the network looked. "
            "Pictures of any format that Pillow reads; nothing is kept. Every answer has an "
            "`X-Request-ID`: that of the request where it is sane, else a new one; the log has it "
            "too. A path or method that there is not is answered with 404 or 405 and a `Problem`.",
        },
        "paths": _paths(),
        "components": {
            "schemas": definitions,
            "headers": {"RequestId": _header("what client and log call this request")},
            "securitySchemes": {
                "key": {
                    "type": "http",
                    "scheme": "bearer",
                    "description": "a key from whoever runs this service; needed where it has keys",
                }
            },
        },
        "security": [{"key": []}, {}],
    }


def _paths() -> _Json:
    return {
        "/": {"get": _OPEN | _get("page", "GET /", _typed("text/html"))},
        "/classify": {"post": _classify()},
        "/explain": {"post": _explain()},
        "/models": {"get": _get("models", "GET /models", _content(Models), 401, 500)},
        "/docs": {"get": _OPEN | _get("docs", "GET /docs", _typed("text/html"))},
        "/docs.json": {"get": _OPEN | _get("document", "GET /docs.json", _any_object())},
        "/livez": {"get": _OPEN | _get("livez", "GET /livez", _typed("text/plain"))},
        "/healthz": {"get": _OPEN | _get("healthz", "GET /healthz", _typed("text/plain"))},
        "/readyz": {"get": _OPEN | _readyz()},
        "/metrics": {"get": _OPEN | _get("metrics", "GET /metrics", _typed("text/plain"))},
    }


def _get(name: str, route: str, content: _Json, *refusals: int) -> _Json:
    return {
        "operationId": name,
        "summary": DESCRIPTIONS[route],
        "responses": {"200": _response("the answer", content), **_refusals(*refusals)},
    }


def _readyz() -> _Json:
    operation = _get("readyz", "GET /readyz", _typed("text/plain"))
    reason = _response("not ready; the text says why", _typed("text/plain"))
    operation["responses"]["503"] = reason
    return operation


def _classify() -> _Json:
    pictures = {
        "type": "array",
        "minItems": 1,
        "items": _file(),
        "description": "the field may be repeated; one that cannot be answered stops no other",
    }
    refusals = _refusals(400, 401, 404, 408, 413, 415, 500, 503)
    for status in (400, 413):
        refusals[str(status)]["content"] = _content(Problem, NothingClassified)
    answer = "an entry for each picture; of several, at least one was answered"
    return {
        "operationId": "classify",
        "summary": DESCRIPTIONS["POST /classify"],
        "parameters": [_MODEL],
        "requestBody": _form({"image": pictures}),
        "responses": {"200": _response(answer, _content(Classification)), **refusals},
    }


def _explain() -> _Json:
    fields = {
        "image": _file(),
        "class": {
            "type": "string",
            "description": "whose heatmap; default: the predicted class's",
        },
        "style": {
            "enum": list(STYLES),
            "default": STYLES[0],
            "description": "the heatmap over the picture, alone, or as numbers",
        },
    }
    answer = _response(
        "a PNG of the upright picture's own size; for `raw` numbers. "
        "The headers but the first come with the PNG.",
        {"image/png": {}, **_content(Explanation)},
    )
    answer["headers"] |= {name: _header(text) for name, text in _PNG_HEADERS.items()}
    return {
        "operationId": "explain",
        "summary": DESCRIPTIONS["POST /explain"],
        "parameters": [_MODEL],
        "requestBody": _form(fields),
        "responses": {
            "200": answer,
            **_refusals(400, 401, 404, 408, 413, 415, 422, 500, 503),
        },
    }


def _file() -> _Json:
    return {
        "type": "string",
        "format": "binary",  # Swagger UI offers a file for this alone
        "contentMediaType": "application/octet-stream",
        "description": "the bytes of a picture file",
    }


def _form(fields: _Json) -> _Json:
    schema = {
        "type": "object",
        "properties": fields,
        "required": ["image"],
        "additionalProperties": False,
    }
    return {"required": True, "content": {"multipart/form-data": {"schema": schema}}}


def _response(description: str, content: _Json) -> _Json:
    headers = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}
    return {"description": description, "headers": headers, "content": content}


def _refusals(*statuses: int) -> _Json:
    answers = {str(status): _refusal(status) for status in statuses}
    if "401" in answers:
        answers["401"]["headers"]["WWW-Authenticate"] = _header("always `Bearer`")
    if "503" in answers:
        seconds = {"description": "seconds", "schema": {"type": "integer"}}
        answers["503"]["headers"]["Retry-After"] = seconds
    return answers


def _refusal(status: int) -> _Json:
    content = _content(Problem)
    content["application/json"]["example"] = {"error": PROBLEMS[status]}
    return _response(_REFUSALS[status], content)


def _header(text: str) -> _Json:
    return {"description": text, "schema": {"type": "string"}}


def _typed(media_type: str) -> _Json:
    return {media_type: {"schema": {"type": "string"}}}


def _any_object() -> _Json:
    return {"application/json": {"schema": {"type": "object"}}}


def _content(*schemas: type[BaseModel]) -> _Json:
    references = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    body: _Json = {"schema": schema}
    examples = {s.__name__: {"value": EXAMPLES[s.__name__]} for s in schemas if s is not Problem}
    return {"application/json": body | ({"examples": examples} if examples else {})}
