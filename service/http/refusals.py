"""How a refusal looks: one sentence as JSON, its status, and what a client may do about it."""

from typing import Final

from starlette.responses import Response

from models.errors import OverloadedError, RequestError, SlowBodyError, UnauthorizedError
from service.http.schemas import Problem
from service.observability.request_log import note_refusal

#: Seconds. A full queue is empty again after some; clients that come back spread by themselves.
_RETRY_AFTER: Final = "1"


def refusal(error: RequestError) -> Response:
    """The answer to a request that is refused; its class stands in the line of the request."""
    note_refusal(error)
    body = Problem(error=str(error)).model_dump_json()
    response = Response(body, error.http_status, media_type="application/json")
    match error:
        case OverloadedError():
            response.headers["Retry-After"] = _RETRY_AFTER
        case UnauthorizedError():
            response.headers["WWW-Authenticate"] = "Bearer"
        case SlowBodyError():
            response.headers["Connection"] = "close"  # the rest of the body is not waited for
    return response
