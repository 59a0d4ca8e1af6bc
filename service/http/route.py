"""What is known of a route: one record, which every layer of the service reads."""

from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import compile_path
from starlette.types import Scope

Handler = Callable[[Request], Awaitable[Response]]

#: Where the layers find a request's route in its scope.
_ROUTE: Final = "train_transfer.route"

#: In the scope of a request whose body turns out to be no HTTP: a sentence for who sent it.
BROKEN_BODY: Final = "train_transfer.broken_body"


@dataclass(frozen=True)
class Route:
    """One route.

    Attributes:
        method: of HTTP.
        path: as Starlette writes it.
        handler: answers it; None: BentoML does.
        operation: what the OpenAPI document says of it; None: it is not in there.
        is_open: whether it is answered without a key.
        takes_pictures: whether it is refused early where there is no place for a picture.
        is_quiet: whether a request that went well is no line worth reading.
    """

    method: str
    path: str
    handler: Handler | None = None
    operation: dict[str, Any] | None = None
    is_open: bool = False
    takes_pictures: bool = False
    is_quiet: bool = False

    @cached_property
    def template(self) -> str:
        """The path as metrics, spans and the log know it: `/page/{path}`."""
        return compile_path(self.path)[1]

    @cached_property
    def pattern(self) -> Any:
        """What a path that was asked for matches if it is of this route, by whatever method."""
        return compile_path(self.path)[0]


#: Every path that there is not.
UNKNOWN: Final = Route("GET", "/{unknown}")


def find(routes: Iterable[Route], path: str) -> Route:
    """The route of a path; `UNKNOWN` if there is none."""
    return next((route for route in routes if route.pattern.match(path)), UNKNOWN)


def with_route(scope: Scope, route: Route) -> Scope:
    """The scope for all layers further in: they see the route, and as path its template."""
    return {**scope, "path": route.template, _ROUTE: route}


def route_of(scope: Scope) -> Route:
    """The route that the outermost layer found."""
    route: Route = scope[_ROUTE]
    return route
