"""The one table of routes, which Starlette, every layer and the document follow."""

from functools import partial

from service.http import files, handlers
from service.http.openapi import HTML, OBJECT, TEXT, classify, content, explain, get, readyz
from service.http.route import Route
from service.http.schemas import Models

#: Pages and the document ask for a key themselves, where one is needed.
_page = partial(Route, "GET", is_open=True)

#: What orchestrators and scrapers inside a cluster ask every few seconds. BentoML answers.
_probe = partial(Route, "GET", is_open=True, is_quiet=True)

_takes_pictures = partial(Route, "POST", takes_pictures=True)


def all_routes() -> tuple[Route, ...]:
    """All routes, in the document's order. Reads the files of the pages, once."""
    ours, docs = files.page_for_people(), files.page_to_try_out()
    models = get("models", "what is served", content(Models), 401, 500)
    described = get("document", "the OpenAPI document of these routes", OBJECT)
    return (
        _page("/", ours.index, get("page", "the page for people", HTML)),
        _page("/page/{path:path}", ours.file),
        _takes_pictures("/classify", handlers.classify, classify()),
        _takes_pictures("/explain", handlers.explain, explain()),
        Route("GET", "/models", handlers.models, models),
        _page("/docs", docs.index, get("docs", "a page to try out these routes", HTML)),
        _page("/docs/{file}", docs.file),
        _page("/docs.json", handlers.document, described),
        _probe("/livez", operation=get("livez", "200 while the process lives", TEXT)),
        _probe("/healthz", operation=get("healthz", "the same, under its older name", TEXT)),
        _probe("/readyz", operation=readyz()),
        _probe("/metrics", operation=get("metrics", "figures for Prometheus", TEXT)),
        Route("GET", "/schema.json"),  # BentoML's document, which knows nothing of ours
    )
