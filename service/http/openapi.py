"""The OpenAPI document of all routes: made from the table, the types of the answers, and words.

The words, which depend on nothing else, lie in `api_docs/openapi.json`; tests hold them to the
types. BentoML's own document knows nothing of a mounted application.
"""

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from service.http.route import Route
from service.http.schemas import (
    Classification,
    Explanation,
    Live,
    ModelMetadata,
    Models,
    NothingClassified,
    Problem,
    Ready,
)

_Json = dict[str, Any]

#: The `document` without what is derived, the `operations` by name, the `refusals` by status, the
#: `png_headers`, and the `examples` by type.
WORDS: Final[_Json] = json.loads(
    (Path(__file__).parents[1] / "api_docs" / "openapi.json").read_text("utf-8")
)

TEXT: Final[_Json] = {"text/plain": {"schema": {"type": "string"}}}

HTML: Final[_Json] = {"text/html": {"schema": {"type": "string"}}}

#: JSON that no type describes.
OBJECT: Final[_Json] = {"application/json": {"schema": {"type": "object"}}}

_SCHEMAS: Final = (
    *(Classification, Explanation, Models, NothingClassified, Problem),
    *(Live, Ready, ModelMetadata),
)

_HEADERS: Final = {"X-Request-ID": {"$ref": "#/components/headers/RequestId"}}


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


def operation(name: str, content: _Json, *refusals: int) -> _Json:
    """What is said of a route: its words, its answer by media type, and how it may refuse."""
    said = {"operationId": name, **WORDS["operations"][name]}
    answers = {"200": _response(said.pop("answer"), content)}
    return {**said, "responses": answers | {f"{status}": _refusal(status) for status in refusals}}


def readyz() -> _Json:
    """GET /readyz, which BentoML refuses, in plain text."""
    ready = operation("readyz", TEXT)
    ready["responses"]["503"] = _response("not ready; the text says why", TEXT)
    return ready


def ready_v2() -> _Json:
    """GET /v2/health/ready, which says no in JSON."""
    ready = operation("ready_v2", answer(Ready))
    ready["responses"]["503"] = _response("not ready", answer(Ready))
    return ready


def classify() -> _Json:
    """POST /classify, which may refuse as a whole, or every picture."""
    refusals = (400, 401, 404, 408, 413, 415, 422, 500, 503)
    classified = operation("classify", answer(Classification), *refusals)
    for status in ("400", "413"):
        classified["responses"][status]["content"] = answer(Problem, NothingClassified)
    return classified


def explain() -> _Json:
    """POST /explain, which answers with numbers, or with a PNG and headers."""
    refusals = (400, 401, 404, 408, 413, 415, 422, 500, 503)
    explained = operation("explain", {"image/png": {}, **answer(Explanation)}, *refusals)
    explained["responses"]["200"]["headers"] |= WORDS["png_headers"]
    return explained


def _response(description: str, content: _Json, headers: _Json | None = None) -> _Json:
    return {
        "description": description,
        "headers": _HEADERS | (headers or {}),
        "content": content,
    }


def _refusal(status: int) -> _Json:
    said = WORDS["refusals"][f"{status}"]
    content = answer(Problem)
    content["application/json"]["example"] = {"error": said["example"]}
    return _response(said["description"], content, said.get("headers"))


def answer(*schemas: type[BaseModel]) -> _Json:
    """JSON of one of these types, with its example."""
    references = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    body: _Json = {"schema": {"anyOf": references} if len(references) > 1 else references[0]}
    names = [schema.__name__ for schema in schemas if schema is not Problem]
    examples = {name: {"value": WORDS["examples"][name]} for name in names}
    return {"application/json": body | ({"examples": examples} if examples else {})}
