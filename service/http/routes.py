"""The one table of routes, which Starlette, every layer and the document follow."""

from functools import partial

from service.http import files, handlers, open_inference
from service.http.openapi import (
    HTML,
    OBJECT,
    TEXT,
    answer,
    classify,
    explain,
    operation,
    ready_v2,
    readyz,
)
from service.http.route import Route
from service.http.schemas import Live, ModelMetadata, Models

#: Pages and the document ask for a key themselves, where one is needed.
_page = partial(Route, "GET", is_open=True)

#: What orchestrators and scrapers inside a cluster ask every few seconds. BentoML answers.
_probe = partial(Route, "GET", is_open=True, is_quiet=True)

_takes_pictures = partial(Route, "POST", takes_pictures=True)


def all_routes() -> tuple[Route, ...]:
    """All routes, in the document's order. Reads the files of the pages, once."""
    ours, docs = files.page_for_people(), files.page_to_try_out()
    models = operation("models", answer(Models), 401, 500)
    metadata = operation("model_v2", answer(ModelMetadata), 401, 404, 500)
    return (
        _page("/", ours.index, operation("page", HTML)),
        _page("/page/{path:path}", ours.file),
        _takes_pictures("/classify", handlers.classify, classify()),
        _takes_pictures("/explain", handlers.explain, explain()),
        Route("GET", "/models", handlers.models, models),
        _page("/docs", docs.index, operation("docs", HTML)),
        _page("/docs/{file}", docs.file),
        _page("/docs.json", handlers.document, operation("document", OBJECT)),
        _probe("/livez", operation=operation("livez", TEXT)),
        _probe("/healthz", operation=operation("healthz", TEXT)),
        _probe("/readyz", operation=readyz()),
        _probe("/metrics", operation=operation("metrics", TEXT)),
        _probe("/v2/health/live", open_inference.live, operation("live_v2", answer(Live))),
        _probe("/v2/health/ready", open_inference.ready, ready_v2()),
        Route("GET", "/v2/models/{name}", open_inference.model_metadata, metadata),
        Route("GET", "/schema.json"),  # BentoML's document, which knows nothing of ours
    )
