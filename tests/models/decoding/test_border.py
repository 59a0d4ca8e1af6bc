"""A process that a picture has taken over: what it has, what it reaches, and what it can say."""

import os
import pickle
import struct
import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from models.decoding.framing import Message, MessageError, packed, unpacked
from models.decoding.kinds import Draw, Read, ReadSeveral, check_success
from models.drawing import Sketch, draw_png
from models.errors import ImageError
from models.heatmap import MapGeometry
from models.preprocessing import ReadPicture, read_picture
from tests.conftest import encoded
from tests.models.decoding.odd_work import Python
from tests.models.decoding.test_workers import CONFINED, SMALL, run
from tests.property.hostile_files import written_files

WORKER = "models.decoding.worker"

LYING = "tests.models.decoding.lying_worker"

#: Bytes of what a network of this size reads.
PIXELS = SMALL.height * SMALL.width * 3

SKETCH = Sketch("overlay", np.eye(4, dtype=np.float32), SMALL, MapGeometry(4, 3, 8, 6), True)


class _Bomb:
    """Pickled, it makes a file wherever it is read."""

    def __init__(self, mark: Path) -> None:
        self._mark = mark

    def __reduce__(self) -> tuple[Any, ...]:
        return open, (str(self._mark), "w")


def lies(mark: Path) -> list[bytes]:
    pickled = pickle.dumps((True, _Bomb(mark)))
    return [
        len(pickled).to_bytes(8) + pickled,
        struct.pack(">IQ", 0, len(pickled)) + pickled,
        b"\xff" * 100,
        struct.pack(">IQ", 2**31, 0),
        struct.pack(">IQ", 2, PIXELS + 1) + b"{}" + bytes(PIXELS + 1),
        b"".join(packed(Message({"error": "SystemExit", "sentence": "now"}))),
    ]


def test_a_process_that_answers_with_anything_costs_one_picture_and_nothing_runs(
    tmp_path: Path,
) -> None:
    mark = tmp_path / "it_ran"
    told = lies(mark)

    errors = run(*(Read(lie, SMALL) for lie in told), program=LYING)

    assert [(type(e), f"{e}") for e in errors] == [
        (ImageError, "the picture is broken: decoding it failed badly")
    ] * len(told)
    assert not mark.exists()


SAID = {"width": 32, "height": 24, "warnings": []}


@pytest.mark.parametrize(
    "message",
    [
        Message(SAID, bytes(PIXELS - 1)),
        Message({}, bytes(PIXELS)),
        Message(SAID | {"width": 2**40}, bytes(PIXELS)),
        Message(SAID | {"height": -1}, bytes(PIXELS)),
        Message(SAID | {"width": "32"}, bytes(PIXELS)),
        Message(SAID | {"warnings": [{"a": 1}]}, bytes(PIXELS)),
        Message(SAID | {"warnings": ["a" * 5000]}, bytes(PIXELS)),
    ],
)
def test_a_picture_that_cannot_have_been_read_is_none(message: Message) -> None:
    with pytest.raises(MessageError, match="this"):
        Read(b"", SMALL).answer(message)


@pytest.mark.parametrize(
    ("each", "size"),
    [
        ([SAID], PIXELS),
        ([SAID, SAID], PIXELS),
        ([SAID, SAID], 2 * PIXELS + 1),
        ([SAID, {"error": "SystemExit", "sentence": "now"}], PIXELS),
        ([SAID, SAID | {"height": -1}], 2 * PIXELS),
        ([SAID, 1], PIXELS),
        (None, 2 * PIXELS),
    ],
)
def test_pictures_that_cannot_have_been_read_together_are_none(each: object, size: int) -> None:
    with pytest.raises(MessageError, match=r"this|these"):
        ReadSeveral((b"", b""), SMALL).answer(Message({"each": each}, bytes(size)))


@pytest.mark.parametrize("said", [b"[1, 2]", b"{", 40_000 * b"[", b"\xff", b"null"])
def test_what_is_no_object_of_json_is_no_message(said: bytes) -> None:
    with pytest.raises(MessageError, match="no JSON"):
        unpacked(said, b"")


@pytest.mark.parametrize("name", ["SystemExit", ["ImageError"], {}, 1])
def test_an_error_that_a_picture_cannot_have_is_none(name: object) -> None:
    with pytest.raises(MessageError, match="no error that a picture can have"):
        check_success(Message({"error": name, "sentence": "now"}))


@given(st.binary(max_size=200))
def test_whatever_is_said_is_a_message_or_none(said: bytes) -> None:
    several = ReadSeveral((b"", b""), SMALL)
    for take in (Read(b"", SMALL).answer, several.answer, Draw(b"", SKETCH).answer, check_success):
        try:
            take(unpacked(said, said))
        except (ImageError, MessageError, RuntimeError):
            continue


def test_no_key_is_in_the_environment_of_the_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_API_KEYS", "secret")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "secret")

    (found,) = run(Python("import os; found = dict(os.environ)"), program=CONFINED)

    assert "secret" not in f"{found}"
    assert isinstance(found, dict)
    assert found["PATH"] == os.environ["PATH"]


#: What a process that was taken over would try, each with what it needs for that.
ATTEMPTS = {
    "read a file": "open('/etc/passwd')",
    "read the keys of who started it": "open(f'/proc/{os.getppid()}/environ')",
    "write a file": "os.open('/tmp/train-transfer-was-here', os.O_CREAT | os.O_WRONLY)",
    "reach the network": "socket.socket()",
    "start a program": "os.posix_spawn('/bin/true', ['true'], {})",
    "become a program": "os.execv('/bin/true', ['true'])",
    "become two": "os.fork()",
    "end who started it": "os.kill(PARENT, 0)",
    "have rights back": "resource.setrlimit(resource.RLIMIT_NOFILE, (9, 9))",
    "have a second way in": "os.dup(0)",
}


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux has seccomp")
def test_the_process_can_do_nothing_but_compute_and_answer() -> None:
    tries = [
        "import os, resource, socket",  # all of them there already
        f"PARENT = {os.getpid()}",
        "found = []",
        *(
            f"try:\n  {code}\nexcept (OSError, ValueError):\n  found.append({name!r})"
            for name, code in ATTEMPTS.items()
        ),
    ]

    (found,) = run(Python("\n".join(tries)), program=CONFINED)

    assert found == [*ATTEMPTS]


def test_every_format_is_read_there_as_it_is_here() -> None:
    """Though nothing can be imported any more, and no file opened."""
    files = written_files().values()

    *alone, together = run(
        *(Read(data, SMALL) for data in files), ReadSeveral((*files,), SMALL), program=WORKER
    )

    expected = [told(_read(data)) for data in files]
    assert [told(each) for each in alone] == expected
    assert isinstance(together, list)
    assert [told(each) for each in together] == expected


def told(read: object) -> object:
    return (read.pixels.tobytes(), read.warnings) if isinstance(read, ReadPicture) else f"{read}"


def _read(data: bytes) -> object:
    with warnings.catch_warnings(action="ignore"):  # as the process has it
        try:
            return read_picture(data, SMALL)
        except ImageError as error:
            return error


def test_a_picture_is_drawn_there_as_it_is_here(picture: Image.Image) -> None:
    data = encoded(picture)

    (drawn,) = run(Draw(data, SKETCH), program=WORKER)

    assert drawn == draw_png(data, 10**6, SKETCH)
