"""The OpenAPI document of our routes, made from the types that the answers are made of.

BentoML's own document knows nothing of a mounted application.
"""

from functools import cache
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.answers import STYLES
from service.schemas import (
    Classification,
    Explanation,
    Models,
    NothingClassified,
    Problem,
)

_Json = dict[str, Any]

DESCRIPTIONS: Final = {
    "GET /": "the page for people",
    "POST /classify": "one or several pictures, each a file in the form field `image`: "
    "label and probabilities of each",
    "POST /explain": "one picture in `image`, `class` and `style` "
    f"({', '.join(STYLES)}) if wanted: where the network looked, as a PNG or as numbers",
    "GET /models": "what is served",
    "GET /docs.json": "the OpenAPI document of these routes",
    "GET /livez": "200 while the process lives",
    "GET /readyz": "200 once the model is loaded, checked and warm",
    "GET /metrics": "figures for Prometheus",
}

_SCHEMAS: Final = (Classification, Explanation, Models, NothingClassified, Problem)

_REFUSALS: Final = {
    400: "not a picture, a broken one, no file in `image`, text where a file belongs, an unknown "
    "field, or a broken form",
    404: "no such model is served; the sentence names those that are",
    408: "the body did not arrive in time",
    413: "the body, the number of files, or a picture's pixels, time or memory to decode are above "
    "the limit",
    415: "the request is no multipart form",
    422: "there is no such class or style; the sentence names those that there are",
    500: "it failed here; the log has the reason",
    503: "too much is waiting, or the answer would be late; come back after `Retry-After` seconds",
    504: "no answer for ten minutes, whatever the reason",
}

_MODEL: Final[_Json] = {
    "name": "model",
    "in": "query",
    "schema": {"type": "string"},
    "description": "name or tag of the model to ask, as `/models` lists them; default: the first",
}

_PNG_HEADERS: Final = {
    "Content-Disposition": "a file name for the download",
    "X-Model": "tag of the model that answered",
    "X-Label": "the most probable class, percent-encoded as in a URL (UTF-8)",
    "X-Probability": "its probability",
    "X-Class": "the class that the heatmap speaks of, percent-encoded as in a URL (UTF-8)",
    "X-Class-Probability": "its probability",
}


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
            "Pictures of any format that Pillow reads; nothing is kept.",
        },
        "paths": {
            "/": {"get": _page()},
            "/classify": {"post": _classify()},
            "/explain": {"post": _explain()},
            "/models": {"get": _get("models", "GET /models", Models)},
            "/docs.json": {"get": _get("document", "GET /docs.json", None)},
        },
        "components": {"schemas": definitions},
    }


def _page() -> _Json:
    page = {"description": "HTML", "content": {"text/html": {"schema": {"type": "string"}}}}
    return {"operationId": "page", "summary": DESCRIPTIONS["GET /"], "responses": {"200": page}}


def _get(name: str, route: str, schema: type[BaseModel] | None) -> _Json:
    content = _content(schema) if schema else {"application/json": {"schema": {"type": "object"}}}
    return {
        "operationId": name,
        "summary": DESCRIPTIONS[route],
        "responses": {"200": {"description": "the answer", "content": content}} | _refusals(500),
    }


def _classify() -> _Json:
    pictures = {
        "type": "array",
        "minItems": 1,
        "items": _file(),
        "description": "the field may be repeated; one that cannot be answered stops no other",
    }
    refusals = _refusals(400, 404, 408, 413, 415, 500, 503, 504)
    for status in ("400", "413"):
        refusals[status]["content"] = _content(Problem, NothingClassified)
    return {
        "operationId": "classify",
        "summary": DESCRIPTIONS["POST /classify"],
        "parameters": [_MODEL],
        "requestBody": _form({"image": pictures}),
        "responses": {
            "200": {
                "description": "an entry for each picture; of several, at least one was answered",
                "content": _content(Classification),
            },
            **refusals,
        },
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
    return {
        "operationId": "explain",
        "summary": DESCRIPTIONS["POST /explain"],
        "parameters": [_MODEL],
        "requestBody": _form(fields),
        "responses": {
            "200": {
                "description": "a PNG of the upright picture's own size; for `raw` numbers. "
                "The headers come with the PNG.",
                "headers": {
                    name: {"description": text, "schema": {"type": "string"}}
                    for name, text in _PNG_HEADERS.items()
                },
                "content": {"image/png": {}, **_content(Explanation)},
            },
            **_refusals(400, 404, 408, 413, 415, 422, 500, 503, 504),
        },
    }


def _file() -> _Json:
    return {
        "type": "string",
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


def _refusals(*statuses: int) -> _Json:
    answers: _Json = {
        str(status): {"description": _REFUSALS[status], "content": _content(Problem)}
        for status in statuses
    }
    if "503" in answers:
        seconds = {"description": "seconds", "schema": {"type": "integer"}}
        answers["503"]["headers"] = {"Retry-After": seconds}
    return answers


def _content(*schemas: type[BaseModel]) -> _Json:
    references = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    return {"application/json": {"schema": schema}}
