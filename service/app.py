"""The service: BentoML supervises, measures and stops it; the routes are ours.

`bentoml serve` in the repository's root starts it, by `bentofile.yaml`. A request passes these
layers from top to bottom, and its answer passes them back:

    TimedProtocol                   host/http_protocol  uvicorn's HTTP/1.1, limits on clients
    Envelope                        edge/envelope       id, route, line in the log, headers
    CORSMiddleware                  Starlette           where other origins may ask
    SentAsTaken                     edge/sending        large answers, as they are taken; or 503
    KeyRequired                     edge/access         401, where there are keys
    RefusedWhenFull                 edge/layers         503 to pictures without a place
    RunnerTrafficMetricsMiddleware  BentoML             counts by route
    OpenTelemetryMiddleware         BentoML             a span by route, where they are exported
    ContextMiddleware               BentoML             then its own routes, or ours
    InnerEnd                        edge/envelope       the path as asked for; failures end here
    ServerErrorMiddleware           Starlette           500, by http/application
    ExceptionMiddleware             Starlette           refusals, by http/application

Then a handler answers, which the table `http/routes` names.
"""

import gc
import logging

import bentoml
import uvicorn.config
from starlette.exceptions import HTTPException
from starlette.types import ASGIApp

from service.edge.access import keys_of
from service.edge.envelope import InnerEnd
from service.edge.layers import surrounded
from service.host import http_protocol
from service.host.bento import (
    ServedBundle,
    keep_files_where_they_are,
    keep_metrics_in_memory,
    serve_what_the_bento_carries,
    take_out_layers,
)
from service.host.descriptors import most_connections
from service.host.preflight import (
    check_temporary_files,
    load_once,
    not_started_on_error,
    warn_if_strangers_reach_it,
)
from service.host.supervision import deaths, watch_over_workers
from service.http.application import build_app
from service.http.routes import all_routes
from service.inference.runtime import Engine
from service.observability.deaths import told_of_deaths
from service.observability.request_log import configure_logging
from service.settings import read_settings

log = logging.getLogger(__name__)

routes = all_routes()

app = build_app(routes)

# BentoML makes its own server and lets nobody choose the protocol; this is where uvicorn looks.
uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{http_protocol.__name__}:TimedProtocol"


class _SurroundedService(bentoml.Service[object]):  # type: ignore[misc]
    """A service with layers of ours outside BentoML's own."""

    def to_asgi(self, is_main: bool = True) -> ASGIApp:  # noqa: FBT001, FBT002  (BentoML's)
        """Runs once in the worker, before the hooks."""
        settings = read_settings()
        configure_logging(settings.log_format)
        most_connections()
        keep_metrics_in_memory()
        app.state.engine = Engine(settings)
        answering = super().to_asgi(is_main)
        take_out_layers(answering)
        return surrounded(answering, routes, app.state.engine)


@bentoml.service(
    name="image_classification",
    service_class=_SurroundedService,
    workers=1,
    logging={"access": {"enabled": False}},  # ours has the id, and no path that a client chose
)
@bentoml.asgi_app(InnerEnd(app), path="/")
class ImageClassification:
    """Classifies pictures and shows where the network looked."""

    #: What `bentoml build` puts into the bento.
    bundle = ServedBundle("newest")

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check_that_it_can_start() -> None:
        """Runs once, before the supervisor and its worker are there."""
        serve_what_the_bento_carries(ImageClassification)
        keep_files_where_they_are()
        watch_over_workers()
        with not_started_on_error():
            settings = read_settings()
            keys = keys_of(settings)
            check_temporary_files()
            load_once(settings)
        configure_logging(settings.log_format)
        if keys is None:
            warn_if_strangers_reach_it()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Loads and checks the bundles. BentoML answers no request, not even /readyz, before."""
        # What was imported stays. To look through it for garbage, every few hundred answers, would
        # stop everything for up to a tenth of a second. Models are not there yet: they may go.
        gc.freeze()
        await _engine().open()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Runs after the last answer has been sent."""
        await _engine().close()

    async def __metrics__(self, content: str) -> str:
        """Adds to what /metrics says what the supervisor knows."""
        return content + told_of_deaths(deaths())

    async def __is_ready__(self) -> bool:
        """What /readyz asks; the reason is in its answer, and in the log."""
        if reason := await _engine().why_not_ready():
            log.error("not ready: %s", reason)
            raise HTTPException(503, f"not ready: {reason}")
        return True


def _engine() -> Engine:
    engine: Engine = app.state.engine
    return engine
