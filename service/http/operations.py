"""What the OpenAPI document says of each route, made from the types of the answers."""

from typing import Any, Final

from pydantic import BaseModel

from service.http.openapi_examples import EXAMPLES, PROBLEMS
from service.http.schemas import STYLES, Classification, Explanation, NothingClassified, Problem

_Json = dict[str, Any]

#: Of an answer that no type describes.
OBJECT: Final[_Json] = {"application/json": {"schema": {"type": "object"}}}

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


def get(name: str, summary: str, body: _Json, *refusals: int) -> _Json:
    """A route that takes nothing.

    Args:
        name: its `operationId`.
        summary: what it answers.
        body: the answer's content, by media type.
        refusals: the statuses of its refusals.
    """
    return {
        "operationId": name,
        "summary": summary,
        "responses": {"200": _response("the answer", body), **_refusals(*refusals)},
    }


def readyz() -> _Json:
    """GET /readyz."""
    operation = get("readyz", "200 once the model is loaded, checked and warm", typed("text/plain"))
    reason = _response("not ready; the text says why", typed("text/plain"))
    operation["responses"]["503"] = reason
    return operation


def classify() -> _Json:
    """POST /classify."""
    pictures = {
        "type": "array",
        "minItems": 1,
        "items": _file(),
        "description": "the field may be repeated; one that cannot be answered stops no other",
    }
    refusals = _refusals(400, 401, 404, 408, 413, 415, 500, 503)
    for status in (400, 413):
        refusals[str(status)]["content"] = content(Problem, NothingClassified)
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
        {"image/png": {}, **content(Explanation)},
    )
    answer["headers"] |= {name: _header(text) for name, text in _PNG_HEADERS.items()}
    return {
        "operationId": "explain",
        "summary": "one picture in `image`, `class` and `style` "
        f"({', '.join(STYLES)}) if wanted: where the network looked, as a PNG or as numbers",
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
    body = content(Problem)
    body["application/json"]["example"] = {"error": PROBLEMS[status]}
    return _response(_REFUSALS[status], body)


def _header(text: str) -> _Json:
    return {"description": text, "schema": {"type": "string"}}


def typed(media_type: str) -> _Json:
    """Text of a media type."""
    return {media_type: {"schema": {"type": "string"}}}


def content(*schemas: type[BaseModel]) -> _Json:
    """JSON of one of these types, with its example."""
    references = [{"$ref": f"#/components/schemas/{schema.__name__}"} for schema in schemas]
    schema = references[0] if len(references) == 1 else {"anyOf": references}
    body: _Json = {"schema": schema}
    examples = {s.__name__: {"value": EXAMPLES[s.__name__]} for s in schemas if s is not Problem}
    return {"application/json": body | ({"examples": examples} if examples else {})}
