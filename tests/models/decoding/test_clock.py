"""What takes long is found out, and a busy event loop is no work of a picture."""

import asyncio
import time

from models.decoding.clock import Clock


async def called(seconds: float, busy: float, looks: int) -> bool:
    """Whether a clock has called after a busy time and so many passes of the event loop."""
    calls: list[bool] = []
    clock = Clock(seconds, lambda: calls.append(True))
    end = time.monotonic() + busy
    while time.monotonic() < end:
        pass
    for _ in range(looks):
        await asyncio.sleep(0)
    clock.cancel()
    return bool(calls)


def test_a_clock_calls_when_its_time_is_over() -> None:
    async def wait() -> None:
        over = asyncio.Event()
        Clock(0.3, over.set)
        await asyncio.wait_for(over.wait(), 60)

    asyncio.run(wait())


def test_a_busy_event_loop_counts_little() -> None:
    assert not asyncio.run(called(seconds=0.3, busy=0.6, looks=5))


def test_what_is_left_at_the_last_look_counts() -> None:
    assert asyncio.run(called(seconds=0.1, busy=0.2, looks=5))
