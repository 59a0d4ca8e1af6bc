"""The OpenAPI document of all routes. BentoML's own knows nothing of a mounted application."""

from collections.abc import Iterable
from typing import Any, Final

from pydantic.json_schema import models_json_schema

from service.http.route import Route
from service.http.schemas import (
    Classification,
    Explanation,
    Models,
    NothingClassified,
    Problem,
)

_Json = dict[str, Any]

_SCHEMAS: Final = (Classification, Explanation, Models, NothingClassified, Problem)

_REQUEST_ID: Final = {
    "description": "what client and log call this request",
    "schema": {"type": "string"},
}


def document(routes: Iterable[Route]) -> _Json:
    """The whole document, OpenAPI 3.1, of the routes that have an `operation`."""
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
        "paths": _paths(routes),
        "components": {
            "schemas": definitions,
            "headers": {"RequestId": _REQUEST_ID},
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


def _paths(routes: Iterable[Route]) -> _Json:
    return {
        route.template: {route.method.lower(): _operation(route)}
        for route in routes
        if route.operation
    }


def _operation(route: Route) -> _Json:
    asks_no_key: _Json = {"security": []} if route.is_open else {}
    return {**(route.operation or {}), **asks_no_key}
