"""The BentoML service. BentoML supervises, checks health, measures and stops; the routes are ours.

`bentoml serve` in the repository's root starts it, by `bentofile.yaml`.
"""

import logging

import bentoml
import uvicorn.config
from starlette.exceptions import HTTPException

from service import http_protocol
from service.engine import Engine
from service.preflight import preflight
from service.routes import Edge, build_app
from service.settings import read_settings

#: Seconds until BentoML answers 504. Our own limits on a body and on its answer
#: (`service.settings`) come first; this is for the day on which they fail.
TIMEOUT = 600

log = logging.getLogger(__name__)

app = build_app()

# BentoML makes its own server and lets nobody choose the protocol; this is where uvicorn looks.
uvicorn.config.HTTP_PROTOCOLS["auto"] = f"{http_protocol.__name__}:TimedHeadProtocol"


@bentoml.service(name="image_classification", workers=1, traffic={"timeout": TIMEOUT})
@bentoml.asgi_app(Edge(app), path="/")
class ImageClassification:
    """Classifies pictures and shows where the network looked."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check_that_it_can_start() -> None:
        """Runs once, before the supervisor and its worker are there."""
        preflight()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Loads and checks the bundles. BentoML answers no request, not even /readyz, before."""
        for name in ("service", "models"):
            logging.getLogger(name).setLevel(logging.INFO)
        # It reports every broken form, which anybody can send.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        app.state.engine = Engine(read_settings())
        await _engine().open()

    @bentoml.on_shutdown  # type: ignore[untyped-decorator]
    async def close(self) -> None:
        """Runs after the last answer has been sent."""
        await _engine().close()

    async def __is_ready__(self) -> bool:
        """What /readyz asks; the reason is in its answer, and in the log."""
        if reason := await _engine().why_not_ready():
            log.error("not ready: %s", reason)
            raise HTTPException(503, f"not ready: {reason}")
        return True


def _engine() -> Engine:
    engine: Engine = app.state.engine
    return engine
