"""503 to pictures for which there is no place, before anything is done for them."""

from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import OverloadedError
from service.http.refusals import refusal
from service.http.route import route_of
from service.inference.admission import Admission


class RefusedWhenFull:
    """Answers 503 to pictures for which there is no place.

    It stands outside BentoML's layers, which take more than half of the time of a refusal. Under
    ten times the load that can be borne, refusals are most of the work, and those who were accepted
    wait for it.
    """

    def __init__(self, app: ASGIApp, admission: Admission) -> None:
        self._app = app
        self._admission = admission

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] == "http" and route_of(scope).takes_pictures:
            try:
                self._admission.check()
            except OverloadedError as error:
                await refusal(error)(scope, receive, send)
                return
        await self._app(scope, receive, send)
