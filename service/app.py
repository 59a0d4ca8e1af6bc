"""The BentoML service. BentoML supervises, checks health, measures and stops; the routes are ours.

`bentoml serve` in the repository's root starts it, by `bentofile.yaml`.
"""

import bentoml
from starlette.types import ASGIApp

from service.bento import ServedBundle, serve_what_the_bento_carries
from service.desk import Desk, open_desk
from service.exposure import warn_if_anybody_may_come_in
from service.middleware import TruePath, surrounded
from service.rehearsal import rehearse
from service.request_log import configure_logging
from service.routes import Edge, build_app
from service.settings import read_settings

#: Seconds for a whole request, its upload included; then BentoML answers 504.
TIMEOUT = 60

app = build_app()


class _SurroundedService(bentoml.Service[object]):  # type: ignore[misc]
    """A service with layers of ours outside BentoML's own."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002  (BentoML's)
        """Runs once in the worker, before the hooks."""
        app.state.settings = read_settings()
        configure_logging(app.state.settings.log_format)
        return surrounded(super().to_asgi(is_main), app.routes, app.state.settings)


@bentoml.service(
    name="image_classification",
    service_class=_SurroundedService,
    workers=1,
    traffic={"timeout": TIMEOUT},
    logging={"access": {"enabled": False}},  # ours has the id, and no path that a client chose
)
@bentoml.asgi_app(TruePath(Edge(app)), path="/")
class ImageClassification:
    """Classifies pictures and shows where the network looked."""

    #: What `bentoml build` puts into the bento.
    bundle = ServedBundle("newest")

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check_that_it_can_start() -> None:
        """Runs once, before the supervisor and its worker are there."""
        serve_what_the_bento_carries(ImageClassification)
        rehearse()
        settings = read_settings()
        configure_logging(settings.log_format)
        warn_if_anybody_may_come_in(settings)

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Loads and checks the bundle. BentoML answers no request, not even /readyz, before."""
        app.state.desk = open_desk(app.state.settings)

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Runs after the last answer has been sent."""
        await _desk().close()

    async def __is_ready__(self) -> bool:
        """What /readyz asks."""
        return _desk().model.lane.is_open


def _desk() -> Desk:
    desk: Desk = app.state.desk
    return desk
