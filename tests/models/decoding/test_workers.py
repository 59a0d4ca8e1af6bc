"""Whatever work does to its process, it is refused, and the next picture is read."""

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from models.decoding.kinds import Read, Work
from models.decoding.workers import PictureWorkers
from models.errors import ImageError, ImageTooLargeError, OverloadedError
from models.preprocessing import Preprocessing, ReadPicture, read_picture
from tests.conftest import encoded
from tests.models.decoding.odd_work import PID, Python

SMALL = Preprocessing(24, 32)

MEMORY_BYTES = 2 * 1024**3

FREE, CONFINED = (f"tests.models.decoding.{kind}_worker" for kind in ("free", "confined"))


def run(*works: Work[object], seconds: float = 60, program: str = FREE) -> list[object]:
    """One process does all of it, one after the other; errors are returned."""

    async def whole() -> list[object]:
        workers = PictureWorkers(1, seconds, MEMORY_BYTES, program)
        try:
            return [
                (await asyncio.gather(workers.run(work), return_exceptions=True))[0]
                for work in works
            ]
        finally:
            await workers.close()

    return asyncio.run(whole())


KILL_ME_ONCE = """
import os, signal
mark = {!r}
try:
    os.close(os.open(mark, os.O_CREAT | os.O_EXCL))
except FileExistsError:
    pass
else:
    os.kill(os.getpid(), signal.SIGKILL)
"""


def asleep(seconds: float) -> Python:
    return Python(f"import time; time.sleep({seconds})")


def test_a_picture_is_read_as_it_is_here(picture: Image.Image) -> None:
    (found,) = run(Read(encoded(picture), SMALL))

    assert isinstance(found, ReadPicture)
    assert (found.width, found.height) == picture.size
    assert np.array_equal(found.pixels, read_picture(encoded(picture), SMALL).pixels)


def test_a_broken_picture_is_refused_by_the_same_process(picture: Image.Image) -> None:
    before, error, after = run(PID, Read(encoded(picture)[:200], SMALL), PID)

    assert isinstance(error, ImageError)
    assert str(error).startswith("the picture is broken: ")
    assert before == after != os.getpid()


def test_what_takes_too_long_is_ended_and_refused() -> None:
    before, error, after = run(PID, asleep(600), PID, seconds=1)

    assert isinstance(error, ImageTooLargeError)
    assert str(error) == "the picture takes more than 1 seconds to decode or draw"
    assert before != after


def test_what_crashes_its_process_is_refused() -> None:
    error, after = run(Python("import ctypes; ctypes.string_at(0)"), PID)

    assert isinstance(error, ImageError)
    assert str(error) == "the picture is broken: decoding it failed badly"
    assert isinstance(after, int)


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux limits a process's memory")
def test_what_takes_too_much_memory_is_refused_by_the_same_process() -> None:
    before, error, after = run(PID, Python("bytearray(2**40)"), PID, program=CONFINED)

    assert isinstance(error, ImageTooLargeError)
    number = re.escape(f"{MEMORY_BYTES / 2**20:,.0f} MiB")
    assert re.match(rf"the picture takes more memory than one may take here: {number}", str(error))
    assert before == after


def test_a_process_that_was_killed_while_idle_costs_no_picture(picture: Image.Image) -> None:
    async def scenario() -> object:
        workers = PictureWorkers(1, 60, MEMORY_BYTES)
        try:
            await workers.open()
            process = workers._idle[-1]._process
            assert process is not None
            process.kill()
            await process.wait()
            return await workers.run(Read(encoded(picture), SMALL))
        finally:
            await workers.close()

    assert isinstance(asyncio.run(scenario()), ReadPicture)


def test_a_process_that_was_killed_at_work_costs_no_picture(tmp_path: Path) -> None:
    """As the system kills one for want of memory, whoever took it."""
    mark = tmp_path / "was_here"

    assert run(Python(KILL_ME_ONCE.format(str(mark)))) == [None]
    assert mark.exists()


def test_where_no_process_can_be_started_it_is_503(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/no/such/python")

    (error,) = run(PID)

    assert isinstance(error, OverloadedError)


def test_a_mistake_of_ours_is_none_of_the_picture() -> None:
    (error,) = run(Python("divmod(1, 0)"))

    assert isinstance(error, RuntimeError)
    assert "ZeroDivisionError" in str(error)


@pytest.mark.parametrize("code", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_that_reaches_the_process_is_left_to_the_service(code: signal.Signals) -> None:
    stop = Python(f"import signal; signal.raise_signal({code:d})")

    before, _, after = run(PID, stop, PID)

    assert before == after


def test_who_no_longer_waits_takes_no_process_from_others(picture: Image.Image) -> None:
    async def scenario() -> tuple[bool, object]:
        workers = PictureWorkers(1, 60, MEMORY_BYTES, FREE)
        try:
            pid = await workers.run(PID)
            sleeping, waiting = (
                asyncio.create_task(workers.run(asleep(seconds))) for seconds in (0.5, 600)
            )
            await asyncio.sleep(0.1)
            sleeping.cancel()
            waiting.cancel()
            read = await workers.run(Read(encoded(picture), SMALL))
            return pid == await workers.run(PID), read
        finally:
            await workers.close()

    same_process, read = asyncio.run(scenario())

    assert same_process
    assert isinstance(read, ReadPicture)


#: Takes as long as the test wants.
UNTIL_ALLOWED = """
import os, time
while not os.path.exists({!r}):
    time.sleep(0.01)
"""


@pytest.mark.parametrize("count", [1, 2])
def test_who_sends_what_takes_long_keeps_nobody_else_waiting(count: int, tmp_path: Path) -> None:
    """Others are answered before any of it is; and it is done all the same, what made room too."""
    mark = tmp_path / "may_end"

    async def scenario() -> tuple[list[int], list[None]]:
        workers = PictureWorkers(count, 600, MEMORY_BYTES, FREE)
        slow_work = Python(UNTIL_ALLOWED.format(str(mark)))
        slow = [asyncio.create_task(workers.run(slow_work, "slow")) for _ in range(8)]
        await asyncio.sleep(0)
        others = [await workers.run(PID, f"other {number}") for number in range(3)]
        mark.touch()
        done = await asyncio.gather(*slow)
        await workers.close()
        return others, done

    others, done = asyncio.run(scenario())

    assert len(others) == 3
    assert done == [None] * 8


def test_a_process_rests_while_nothing_takes_long() -> None:
    async def scenario() -> set[int]:
        workers = PictureWorkers(2, 60, MEMORY_BYTES, FREE)
        await workers.open()
        pids = await asyncio.gather(*(workers.run(PID, number) for number in range(20)))
        await workers.close()
        return set(pids)

    assert 1 <= len(asyncio.run(scenario())) <= 2


def test_an_answer_longer_than_any_buffer_arrives_whole() -> None:
    (answer,) = run(Python("found = 20_000_000 * '0'"))

    assert answer == 20_000_000 * "0"


def test_the_process_is_small() -> None:
    (found,) = run(Python("import sys; found = sorted(sys.modules)"), program=CONFINED)

    assert isinstance(found, list)
    assert {"PIL.Image", "models.heatmap", "models.drawing"} <= {*found}
    assert not {"bentoml", "onnxruntime", "onnx", "pydantic", "starlette", "torch"} & {*found}
