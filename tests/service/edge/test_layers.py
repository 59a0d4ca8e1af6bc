"""The layers around a small application of the test's own, without a server."""

import asyncio
import logging

import httpx
import pytest
from starlette.types import ASGIApp, Receive, Scope, Send

from service.edge.access import KeyRequired, Keys
from service.edge.envelope import HEADERS, Envelope, InnerEnd
from service.edge.layers import RefusedWhenFull
from service.http.route import UNKNOWN, Route, route_of
from service.inference.admission import Admission
from service.observability.request_log import RequestRecord, current

ROUTES = (
    Route("GET", "/open/{name}", is_open=True, is_quiet=True),
    Route("GET", "/closed"),
    Route("POST", "/pictures", takes_pictures=True, is_open=True),
)


async def echo(scope: Scope, _: Receive, send: Send) -> None:
    """Answers with the path that it sees, and with the route's template."""
    body = f"{scope['path']} {route_of(scope).template}".encode()
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": body})


async def fail(*_: object) -> None:
    raise RuntimeError("broken inside")


def ask(app: ASGIApp, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    async def asked() -> httpx.Response:
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://here") as client:
            return await client.request(method, path, headers=headers)

    return asyncio.run(asked())


@pytest.mark.parametrize(
    ("path", "template"), [("/open/a%20b", "/open/{name}"), ("/no/such", UNKNOWN.template)]
)
def test_what_stands_between_sees_the_template_and_the_application_the_path(
    path: str, template: str
) -> None:
    assert ask(Envelope(echo, ROUTES), path).text == f"{template} {template}"
    inside = httpx.URL(path).path
    assert ask(Envelope(InnerEnd(echo), ROUTES), path).text == f"{inside} {template}"


def test_a_key_is_asked_for_on_every_route_but_the_open_ones() -> None:
    app = Envelope(KeyRequired(echo, Keys(["k"], None)), ROUTES)

    assert [ask(app, path).status_code for path in ("/open/x", "/closed", "/nothing")] == [
        200,
        401,
        401,
    ]
    assert ask(app, "/closed", Authorization="Bearer k").status_code == 200
    assert ask(app, "/closed", Authorization="Bearer l").headers["WWW-Authenticate"] == "Bearer"


def test_a_full_house_refuses_pictures_and_nothing_else() -> None:
    admission = Admission(1, max_bytes=1)
    app = Envelope(RefusedWhenFull(echo, admission), ROUTES)

    with admission.admit(1):
        refused = ask(app, "/pictures", "POST")
        other = ask(app, "/closed")
    assert (refused.status_code, refused.headers["Retry-After"]) == (503, "1")
    assert other.status_code == ask(app, "/pictures", "POST").status_code == 200


@pytest.mark.parametrize(("path", "level"), [("/open/a", "DEBUG"), ("/closed", "INFO")])
def test_a_quiet_route_is_no_line_worth_reading(
    path: str, level: str, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, "service.access"):
        answer = ask(Envelope(echo, ROUTES), path)

    assert [record.levelname for record in caplog.records if "access" in record.name] == [level]
    assert answer.headers["X-Frame-Options"] == HEADERS["X-Frame-Options"]


def test_what_fails_inside_is_logged_once_and_goes_no_further(
    caplog: pytest.LogCaptureFixture,
) -> None:
    seen: list[RequestRecord | None] = []

    async def failing(scope: Scope, receive: Receive, send: Send) -> None:
        await echo(scope, receive, send)
        seen.append(current())
        await fail()

    assert ask(Envelope(InnerEnd(failing), ROUTES), "/closed").status_code == 200
    assert [type(record) for record in seen] == [RequestRecord]
    assert current() is None
    assert caplog.text.count("a request failed") == 1
    assert "broken inside" in caplog.text
