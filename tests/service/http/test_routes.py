import pytest

from service.http.route import find
from service.http.routes import all_routes

ROUTES = all_routes()

PATHS = {
    "/": "/",
    "/page/main.js": "/page/{path}",
    "/page/../routes.py": "/page/{path}",
    "/page/": "/page/{path}",
    "/page": "/{unknown}",
    "/docs.json": "/docs.json",
    "/docs/start.js": "/docs/{file}",
    "/docs/a/b": "/{unknown}",
    "/classify": "/classify",
    "/classify/": "/{unknown}",
    "/schema.json": "/schema.json",
    "": "/{unknown}",
}


@pytest.mark.parametrize(("path", "template"), PATHS.items())
def test_a_path_becomes_the_template_of_its_route(path: str, template: str) -> None:
    assert find(ROUTES, path).template == template


def test_what_is_open_without_a_key_is_known_by_name() -> None:
    """A route that comes later needs a key, unless somebody says here that it does not."""
    pages = {"/", "/page/{path}", "/docs", "/docs/{file}", "/docs.json"}
    probes = {"/livez", "/readyz", "/healthz", "/metrics", "/v2/health/live", "/v2/health/ready"}

    assert {route.template for route in ROUTES if route.is_open} == pages | probes
    assert {route.template for route in ROUTES if route.is_quiet} == probes
    assert {route.template for route in ROUTES if route.takes_pictures} == {"/classify", "/explain"}


def test_bentoml_answers_its_own_routes() -> None:
    theirs = {route.template for route in ROUTES if route.handler is None}

    assert theirs == {"/livez", "/readyz", "/healthz", "/metrics", "/schema.json"}
