"""Forms, read from a body that arrives in pieces of any size."""

import asyncio
from collections.abc import Sequence

import pytest
from starlette.requests import Request
from starlette.types import Message

from models.errors import BodyTooLargeError, OverloadedError, RequestError
from service.http.uploads import Form, read_form
from service.inference.admission import Admission
from service.inference.upload import Upload
from service.settings import Settings

SETTINGS = Settings(max_body_bytes=2000, body_seconds=60)

FORM = (
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.png"\r\n\r\n'
    b"\r\n--bytes\r\n\r\n"
    b'--b\r\nContent-Disposition: form-data; name="style"\r\n\r\nraw\r\n--b--\r\n'
)


def read(pieces: Sequence[bytes], max_bytes: int = 10_000) -> Form:
    coming = iter(pieces)

    async def receive() -> Message:
        body = next(coming, None)
        return {"type": "http.request", "body": body or b"", "more_body": body is not None}

    headers = [(b"content-type", b"multipart/form-data; boundary=b")]
    request = Request({"type": "http", "method": "POST", "headers": headers}, receive)
    with Admission(1, max_bytes).body() as count:
        return asyncio.run(read_form(request, SETTINGS, ("style",), 2, count))


@pytest.mark.parametrize("size", [1, 2, 3, 7, 50, 1000])
def test_a_form_is_the_same_however_its_bytes_arrive(size: int) -> None:
    form = read([FORM[start : start + size] for start in range(0, len(FORM), size)])

    assert form == Form((Upload("a.png", b"\r\n--bytes\r\n"),), {"style": "raw"})


def test_what_is_too_long_is_refused_while_it_arrives() -> None:
    pieces = iter([FORM[:80], *[bytes(900)] * 100])

    with pytest.raises(BodyTooLargeError, match="at most 2,000 bytes are read"):
        read(pieces)  # type: ignore[arg-type]
    assert len(list(pieces)) == 97


def test_what_finds_no_place_beside_others_is_refused() -> None:
    with pytest.raises(OverloadedError, match="all bodies together may hold 50 bytes"):
        read([FORM], max_bytes=50)


@pytest.mark.parametrize("end", range(0, len(FORM) - 4, 9))
def test_a_form_that_ends_early_is_refused(end: int) -> None:
    with pytest.raises(RequestError, match="it ends in the middle"):
        read([FORM[:end]])
