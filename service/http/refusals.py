"""How a refusal looks: one sentence as JSON, its status, and what a client may do about it."""

from typing import Final

from pydantic import BaseModel
from starlette.responses import Response

from models.errors import OverloadedError, RequestError, SlowBodyError, UnauthorizedError
from service.http.schemas import Problem
from service.observability.request_log import note_refusal

#: Seconds. A full queue is empty again after some; clients that come back spread by themselves.
_RETRY_AFTER: Final = "1"


def refusal(error: RequestError) -> Response:
    """The answer to a request that is refused; its class stands in the line of the request."""
    note_refusal(error)
    response = json_answer(Problem(error=str(error)), error.http_status)
    match error:
        case OverloadedError():
            response.headers["Retry-After"] = _RETRY_AFTER
        case UnauthorizedError():
            response.headers["WWW-Authenticate"] = "Bearer"
        case SlowBodyError():
            response.headers["Connection"] = "close"  # the rest of the body is not waited for
    return response


def json_answer(body: BaseModel, status: int = 200) -> Response:
    """One of the schemas as an answer."""
    return Response(body.model_dump_json(by_alias=True), status, media_type="application/json")
