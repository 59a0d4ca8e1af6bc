"""What BentoML does otherwise here: a bento carries its model, and no timer outlives an answer.

`bentoml build` records which model goes with the code: the one that the service would serve here.
`bentoml export` and `bentoml containerize` put it into the file or the image. Wherever that is
served, it serves the model that it carries, whatever else the store there holds, unless
TRANSFER_MODEL says otherwise.
"""

import os
import shlex
from pathlib import Path
from typing import Any

import bentoml
from bentoml._internal.bento.bento import BentoModelInfo
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.server.http.traffic import TimeoutMiddleware
from bentoml._internal.server.metrics.prometheus import PrometheusClient
from bentoml.models import BentoModel
from opentelemetry.instrumentation.asgi import OpenTelemetryMiddleware
from starlette.applications import Starlette

from models.bundle import names_a_file
from models.errors import TransferError
from service.inference.registry import find_bundles
from service.settings import PREFIX, read_settings


class ServedBundle(BentoModel):  # type: ignore[misc]
    """The bundle that the settings name, else the newest: looked for when a bento is built."""

    def to_info(self, alias: str | None = None) -> BentoModelInfo:
        """What `bentoml build` writes down: the exact version. Without one it ends."""
        try:
            stored = find_bundles(read_settings())[0].stored
        except TransferError as error:
            raise SystemExit(f"not built: {error}") from error
        if not stored.is_in_store:
            raise SystemExit(
                "not built: a bento carries a model of the store, and TRANSFER_MODEL is a file. "
                f"First: train-transfer --import {shlex.quote(str(stored.path))}"
            )
        info: BentoModelInfo = BentoModel(stored.tag).to_info(alias)
        return info

    def resolve(self, base_path: Any = None, global_model_store: Any = None) -> None:
        """What BentoML does before it serves from a checkout: nothing; the registry loads it."""


def serve_what_the_bento_carries(service: "bentoml.Service[Any]") -> None:
    """Makes the models of a bento the default of TRANSFER_MODEL, here and in the worker."""
    if service.bento is not None:
        tags = ",".join(str(model.tag) for model in service.bento.info.all_models)
        os.environ.setdefault(f"{PREFIX}MODEL", tags)


def keep_files_where_they_are() -> None:
    """Makes paths in TRANSFER_MODEL absolute: a worker may run in another folder than the user."""
    name = f"{PREFIX}MODEL"
    models = [model.strip() for model in os.environ.get(name, "").split(",")]
    if any(map(names_a_file, models)):
        absolute = (
            str(Path(model).absolute()) if names_a_file(model) else model for model in models
        )
        os.environ[name] = ",".join(absolute)


def keep_metrics_in_memory() -> None:
    """BentoML gathers its figures from files, which `service` has turned off, unless told so."""
    BentoMLContainer.metrics_client.set(PrometheusClient(multiproc=False))


def take_out_layers(starlette: Starlette) -> None:
    """Two of BentoML's: its limit on the time of an answer, and spans where nobody takes them.

    The first never cancels its timers: each keeps a request's context until it would have gone off,
    which is memory that grows with every request of the last minute or ten; ours on a body and its
    answer come before it. Of the second each answer makes five, exporter or none.
    """
    out: set[type] = {TimeoutMiddleware}
    if not BentoMLContainer.tracing.exporter_type.get():
        out.add(OpenTelemetryMiddleware)
    layers: list[Any] = starlette.user_middleware
    starlette.user_middleware = [layer for layer in layers if layer.cls not in out]
