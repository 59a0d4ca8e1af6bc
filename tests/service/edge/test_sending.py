"""Large answers count as in flight until they have been taken, and leave room for others."""

import asyncio

import pytest
from starlette.responses import Response
from starlette.types import Message, Receive, Scope, Send

from models.errors import OverloadedError
from service.edge.sending import SentAsTaken
from service.inference.admission import Admission

LARGE = bytes(range(256)) * 4096


async def answer_large(scope: Scope, receive: Receive, send: Send) -> None:
    await Response(LARGE)(scope, receive, send)


async def receive_nothing() -> Message:
    raise AssertionError("nothing is to be read")


def sent(admission: Admission) -> tuple[list[Message], list[int]]:
    """What goes out, and how many bytes of answers are held with each of it."""
    messages: list[Message] = []
    held: list[int] = []

    async def send(message: Message) -> None:
        messages.append(message)
        held.append(admission.answers)

    app = SentAsTaken(answer_large, admission)
    asyncio.run(app({"type": "http", "method": "GET", "headers": []}, receive_nothing, send))
    return messages, held


def test_a_large_answer_goes_out_whole_in_pieces_and_is_held_until_then() -> None:
    admission = Admission(1, 8 * len(LARGE))

    messages, held = sent(admission)

    assert b"".join(message.get("body", b"") for message in messages) == LARGE
    assert len(messages) == 5
    assert [m.get("more_body", False) for m in messages[1:]] == [True, True, True, False]
    assert set(held) == {len(LARGE)}
    assert admission.answers == admission.bytes == 0


def test_a_large_answer_beside_others_that_nobody_reads_is_503() -> None:
    admission = Admission(1, 8 * len(LARGE))
    with admission.answer(len(LARGE)):
        messages, _ = sent(admission)

    assert messages[0]["status"] == 503
    assert b"too many answers wait" in messages[1]["body"]
    assert len(messages) == 2


def test_an_answer_alone_may_be_of_any_size() -> None:
    admission = Admission(1, 10)
    with (
        admission.answer(1000),
        pytest.raises(OverloadedError, match="wait for those who asked"),
        admission.answer(1),
    ):
        pass
    assert admission.answers == admission.bytes == 0
