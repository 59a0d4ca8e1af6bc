"""The BentoML service. BentoML supervises, checks health, measures and stops; the routes are ours.

`bentoml serve` in the repository's root starts it, by `bentofile.yaml`.
"""

import logging

import bentoml

from service.desk import Desk, open_desk
from service.rehearsal import rehearse
from service.routes import Edge, build_app
from service.settings import read_settings

#: Seconds for a whole request, its upload included; then BentoML answers 504.
TIMEOUT = 60

app = build_app()


@bentoml.service(name="image_classification", workers=1, traffic={"timeout": TIMEOUT})
@bentoml.asgi_app(Edge(app), path="/")
class ImageClassification:
    """Classifies pictures and shows where the network looked."""

    @bentoml.on_deployment  # type: ignore[untyped-decorator]
    @staticmethod
    def check_that_it_can_start() -> None:
        """Runs once, before the supervisor and its worker are there."""
        rehearse()

    @bentoml.on_startup  # type: ignore[untyped-decorator]
    async def open(self) -> None:
        """Loads and checks the bundle. BentoML answers no request, not even /readyz, before."""
        for name in ("service", "models"):
            logging.getLogger(name).setLevel(logging.INFO)
        # It reports every broken form, which anybody can send.
        logging.getLogger("python_multipart").setLevel(logging.ERROR)
        app.state.desk = open_desk(read_settings())

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
