"""The OpenAPI document of all routes: made from the table, the types of the answers, and words.

The words that do not depend on anything, examples among them, lie in `api_docs/openapi.json`.
BentoML's own document knows nothing of a mounted application.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.http.route import Route
from service.http.schemas import (
    STYLES,
    Classification,
    Explanation,
    Models,
    NothingClassified,
    Problem,
)

_Json = dict[str, Any]

#: By key: the `document` without what is derived; the `refusals` by status, each with a
#: `description` and an `example`; the `png_headers`; the `examples` by type.
WORDS: Final[_Json] = json.loads(
    (Path(__file__).parents[1] / "api_docs" / "openapi.json").read_text("utf-8")
)

#: Of an answer that no type describes.
OBJECT: Final[_Json] = {"application/json": {"schema": {"type": "object"}}}

TEXT: Final[_Json] = {"text/plain": {"schema": {"type": "string"}}}

HTML: Final[_Json] = {"text/html": {"schema": {"type": "string"}}}

_SCHEMAS: Final = (Classification, Explanation, Models, NothingClassified, Problem)

_MODEL: Final[_Json] = {
    "name": "model",
    "in": "query",
    "schema": {"type": "string"},
    "description": "name or tag of the model to ask, as `/models` lists them; default: the first",
}

_FILE: Final[_Json] = {
    "type": "string",
    "format": "binary",  # Swagger UI offers a file for this alone
    "contentMediaType": "application/octet-stream",
    "description": "the bytes of a picture file",
}


def document(routes: Iterable[Route]) -> _Json:
    """The whole document, OpenAPI 3.1, of the routes that have an `operation`."""
    schemas = models_json_schema(
        [(schema, "serialization") for schema in _SCHEMAS],
        ref_template="#/components/schemas/{model}",
    )[1]["$defs"]
    fixed = WORDS["document"]
    return {
        **fixed,
        "paths": {r.template: {r.method.lower(): _operation(r)} for r in routes if r.operation},
        "components": {**fixed["components"], "schemas": schemas},
    }


def _operation(route: Route) -> _Json:
    return {**(route.operation or {}), **({"security": []} if route.is_open else {})}


def get(name: str, summary: str, body: _Json, *refusals: int) -> _Json:
    """A route that takes nothing: its `operationId`, and the answer's content by media type."""
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _response("the answer", body), **_refusals(*refusals)},
    }


def readyz() -> _Json:
    """GET /readyz."""
    operation = get("readyz", "200 once the model is loaded, checked and warm", TEXT)
    operation["responses"]["503"] = _response("not ready; the text says why", TEXT)
    return operation


def classify() -> _Json:
    """POST /classify."""
    pictures = {
        "type": "array",
        "minItems": 1,
        "items": _FILE,
        "description": "the field may be repeated; one that cannot be answered stops no other",
    }
    refusals = _refusals(400, 401, 404, 408, 413, 415, 500, 503)
    for status in ("400", "413"):
        refusals[status]["content"] = content(Problem, NothingClassified)
    answer = "an entry for each picture; of several, at least one was answered"
    return {
        "operationId": "classify",
        "summary": "one or several pictures, each a file in the form field `image`: "
        "label and probabilities of each",
        "parameters": [_MODEL],
        "requestBody": _form({"image": pictures}),
        "responses": {"200": _response(answer, content(Classification)), **refusals},
    }


def explain() -> _Json:
    """POST /explain."""
    whose = {"type": "string", "description": "whose heatmap; default: the predicted class's"}
    style = {
        "enum": list(STYLES),
        "default": STYLES[0],
        "description": "the heatmap over the picture, alone, or as numbers",
    }
    answer = _response(
        "a PNG of the upright picture's own size; for `raw` numbers. "
        "The headers but the first come with the PNG.",
        {"image/png": {}, **content(Explanation)},
    )
    answer["headers"] |= {name: _header(text) for name, text in WORDS["png_headers"].items()}
    return {
        "operationId": "explain",
        "summary": "one picture in `image`, `class` and `style` "
        f"({', '.join(STYLES)}) if wanted: where the network looked, as a PNG or as numbers",
        "parameters": [_MODEL],
        "requestBody": _form({"image": _FILE, "class": whose, "style": style}),
        "responses": {"200": answer, **_refusals(400, 401, 404, 408, 413, 415, 422, 500, 503)},
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
    answers = {}
    for status in map(str, statuses):
        said = WORDS["refusals"][status]
        body = content(Problem)
        body["application/json"]["example"] = {"error": said["example"]}
        answers[status] = _response(said["description"], body)
    if "401" in answers:
        answers["401"]["headers"]["WWW-Authenticate"] = _header("always `Bearer`")
    if "503" in answers:
        answers["503"]["headers"]["Retry-After"] = _header("seconds", "integer")
    return answers


def _header(text: str, kind: str = "string") -> _Json:
    return {"description": text, "schema": {"type": kind}}


def content(*schemas: type[BaseModel]) -> _Json:
    """JSON of one of these types, with its example."""
    references = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    body: _Json = {"schema": {"anyOf": references} if len(references) > 1 else references[0]}
    names = [schema.__name__ for schema in schemas if schema is not Problem]
    examples = {name: {"value": WORDS["examples"][name]} for name in names}
    return {"application/json": body | ({"examples": examples} if examples else {})}
