import asyncio
import gc
import logging
import threading
import weakref

import numpy as np
import numpy.typing as npt
import onnxruntime as ort
import pytest

from models.decoding.batching import MicroBatcher, NetworkThreads
from models.preprocessing import Pixels
from models.session import Prediction

BROKEN = 255

THREADS = NetworkThreads()


class Network:
    """Answers with the picture's own grey level; may be held up, and breaks on white pictures."""

    def __init__(self) -> None:
        self.batches: list[int] = []
        self.is_running = threading.Event()
        self.may_go = threading.Event()

    def predict(
        self,
        pixels: Pixels,
        class_index: npt.NDArray[np.int64],
        run_options: ort.RunOptions | None = None,
    ) -> list[Prediction]:
        self.batches.append(len(pixels))
        self.is_running.set()
        while run_options is not None and not self.may_go.wait(0.01):
            if run_options.terminate:
                raise RuntimeError("cut off")
        assert self.may_go.wait(60)
        if (pixels == BROKEN).any():
            raise ValueError("broken in the network")
        return [
            Prediction(
                f"{row.max()}/{index}",
                1.0,
                np.ones(1, np.float32),
                np.ones((1, 1), np.float32),
                1.0,
                1.0,
                True,
                (),
            )
            for row, index in zip(pixels, class_index, strict=True)
        ]


def picture(level: int) -> Pixels:
    return np.full((2, 2, 3), level, dtype=np.uint8)


async def hold_up(network: Network, batcher: MicroBatcher) -> "asyncio.Task[Prediction]":
    """Sends picture 0 and returns when the network is busy with it."""
    first = asyncio.create_task(batcher.answer(picture(0)))
    await asyncio.to_thread(network.is_running.wait, 60)
    return first


async def queued(batcher: MicroBatcher, *levels: int) -> "list[asyncio.Task[Prediction]]":
    tasks = [asyncio.create_task(batcher.answer(picture(level), level)) for level in levels]
    await asyncio.sleep(0)  # each gets as far as waiting for its answer
    return tasks


def test_what_waits_while_the_network_is_busy_goes_together() -> None:
    async def scenario() -> list[str]:
        batcher = MicroBatcher(network.predict, 3, THREADS)
        first = await hold_up(network, batcher)
        others = await queued(batcher, 1, 2, 3, 4)
        network.may_go.set()
        answers = await asyncio.gather(first, *others)
        await batcher.close()
        return [answer.label for answer in answers]

    network = Network()

    assert asyncio.run(scenario()) == ["0/-1", "1/1", "2/2", "3/3", "4/4"]
    assert network.batches == [1, 3, 1]


def test_a_second_run_begins_beside_the_first_where_enough_wait() -> None:
    together, network = threading.Barrier(2, timeout=20), Network()
    network.may_go.set()

    def predict(*batch: object) -> list[Prediction]:
        together.wait()
        return network.predict(*batch)  # type: ignore[arg-type]

    async def scenario() -> list[str]:
        with NetworkThreads() as threads:
            batcher = MicroBatcher(predict, 1, threads, beside=1)
            answers = await asyncio.gather(*await queued(batcher, 1, 2, 3, 4))
            await batcher.close()
        return [answer.label for answer in answers]

    assert asyncio.run(scenario()) == ["1/1", "2/2", "3/3", "4/4"]


def test_fewer_wait_for_the_run_that_is_under_way() -> None:
    network = Network()

    async def scenario() -> None:
        batcher = MicroBatcher(network.predict, 8, THREADS, beside=3)
        first = await hold_up(network, batcher)
        others = await queued(batcher, 1, 2)
        await asyncio.sleep(0)
        network.may_go.set()
        await asyncio.gather(first, *others)
        await batcher.close()

    asyncio.run(scenario())

    assert network.batches == [1, 2]


def test_a_picture_that_breaks_its_batch_breaks_only_itself(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scenario() -> list[object]:
        batcher = MicroBatcher(network.predict, 8, THREADS)
        first = await hold_up(network, batcher)
        others = await queued(batcher, 1, BROKEN, 3)
        network.may_go.set()
        answers = await asyncio.gather(first, *others, return_exceptions=True)
        assert batcher.is_open
        await batcher.close()
        return [a if isinstance(a, BaseException) else a.label for a in answers]

    network = Network()

    with caplog.at_level(logging.ERROR):
        first, second, broken, fourth = asyncio.run(scenario())

    assert (first, second, fourth) == ("0/-1", "1/1", "3/3")
    assert isinstance(broken, ValueError)
    assert network.batches == [1, 3, 1, 1, 1]
    assert "a batch of 3 failed" in caplog.text


def test_who_hangs_up_while_waiting_is_left_out() -> None:
    async def scenario() -> None:
        batcher = MicroBatcher(network.predict, 8, THREADS)
        first = await hold_up(network, batcher)
        gone, stays = await queued(batcher, 1, 2)
        gone.cancel()
        network.may_go.set()
        await asyncio.gather(first, stays)
        await batcher.close()

    network = Network()
    asyncio.run(scenario())

    assert network.batches == [1, 1]


def test_closing_answers_what_waits() -> None:
    async def scenario() -> list[str]:
        batcher = MicroBatcher(network.predict, 2, THREADS)
        first = await hold_up(network, batcher)
        others = await queued(batcher, 1, 2, 3)
        network.may_go.set()
        await batcher.close()
        await asyncio.sleep(0)
        assert not batcher.is_open
        return [task.result().label for task in (first, *others)]

    network = Network()

    assert asyncio.run(scenario()) == ["0/-1", "1/1", "2/2", "3/3"]


def test_a_network_is_let_go_when_its_batcher_has_closed() -> None:
    """Not some time later, when garbage is collected: networks are large, and versions many."""

    async def scenario() -> None:
        network = Network()
        network.may_go.set()
        batcher = MicroBatcher(network.predict, 2, THREADS)
        await asyncio.gather(*(batcher.answer(picture(level)) for level in range(5)))
        await batcher.close()
        let_go = weakref.ref(network)
        del network, batcher
        # Each thread forgets what it did last.
        both = threading.Barrier(2, timeout=20)
        for met in [THREADS.submit(both.wait) for _ in range(2)]:
            met.result()
        assert let_go() is None

    gc.collect()
    gc.disable()
    try:
        asyncio.run(scenario())
    finally:
        gc.enable()


def test_every_run_is_told_even_one_that_fails() -> None:
    runs: list[tuple[list[float], float]] = []

    async def scenario() -> None:
        batcher = MicroBatcher(network.predict, 8, THREADS, lambda *run: runs.append(run))
        first = await hold_up(network, batcher)
        others = await queued(batcher, 1, BROKEN)
        network.may_go.set()
        await asyncio.gather(first, *others, return_exceptions=True)
        await batcher.close()

    network = Network()
    asyncio.run(scenario())

    assert [len(waited) for waited, _ in runs] == network.batches == [1, 2, 1, 1]
    assert all(seconds >= 0 and min(waited) >= 0 for waited, seconds in runs)


async def patient(batcher: MicroBatcher, count: int) -> "list[asyncio.Task[Prediction]]":
    tasks = [asyncio.create_task(batcher.answer(picture(9), is_patient=True)) for _ in range(count)]
    await asyncio.sleep(0)
    return tasks


def test_patient_pictures_are_cut_off_and_begin_anew_when_nothing_else_waits() -> None:
    async def scenario() -> list[str]:
        batcher = MicroBatcher(network.predict, 8, THREADS)
        slow = await patient(batcher, 3)
        await asyncio.to_thread(network.is_running.wait, 60)
        network.is_running.clear()
        quick = await queued(batcher, 1)
        await asyncio.to_thread(network.is_running.wait, 60)
        network.may_go.set()
        answers = await asyncio.gather(*quick, *slow)
        await batcher.close()
        return [answer.label for answer in answers]

    network = Network()

    assert asyncio.run(scenario()) == ["1/1", "9/-1", "9/-1", "9/-1"]
    assert network.batches == [1, 1, 1, 1, 1]


def test_where_there_is_always_something_one_patient_picture_rides_along_beside_four() -> None:
    async def scenario() -> None:
        batcher = MicroBatcher(network.predict, 8, THREADS)
        first = await hold_up(network, batcher)
        slow = await patient(batcher, 3)
        quick = await queued(batcher, *range(1, 14))
        network.may_go.set()
        await asyncio.gather(first, *slow, *quick)
        await batcher.close()

    network = Network()
    asyncio.run(scenario())

    assert network.batches == [1, 8, 6, 1, 1]


def run_beside(network: Network, max_batch: int, sizes: list[int]) -> None:
    """Runs patient pictures beside ordinary ones, so many of which wait whenever a run begins."""
    left = sizes[:]

    async def scenario() -> None:
        loop = asyncio.get_running_loop()

        def predict(*batch: object) -> list[Prediction]:
            if left and len(batch) == 2:
                more = queued(batcher, *range(left.pop(0)))
                asyncio.run_coroutine_threadsafe(more, loop).result(20)
            return network.predict(*batch)  # type: ignore[arg-type]

        batcher = MicroBatcher(predict, max_batch, THREADS)
        slow = await patient(batcher, 3)
        await asyncio.to_thread(network.is_running.wait, 60)
        network.is_running.clear()
        quick = await queued(batcher, *range(left.pop(0)))
        await asyncio.to_thread(network.is_running.wait, 60)
        network.may_go.set()
        await asyncio.gather(*slow, *quick)
        await batcher.close()

    asyncio.run(scenario())


def test_where_two_always_wait_one_patient_picture_rides_along_beside_each_second_pair() -> None:
    network = Network()

    run_beside(network, 8, [2, 2, 2, 2, 2, 2])

    assert network.batches[:7] == [1, 2, 3, 2, 3, 2, 3]


def test_what_full_batches_had_no_room_for_is_not_made_up_for_beside_single_ones() -> None:
    network = Network()

    run_beside(network, 4, [4, 4, 4, 4, 1, 1, 1, 1])

    assert network.batches[:9] == [1, 4, 4, 4, 4, 2, 1, 1, 2]


def test_patient_pictures_of_one_model_make_room_for_another() -> None:
    async def scenario() -> str:
        batcher = MicroBatcher(network.predict, 8, THREADS)
        other = MicroBatcher(quick.predict, 8, THREADS)
        slow = await patient(batcher, 1)
        await asyncio.to_thread(network.is_running.wait, 60)
        answer = await other.answer(picture(1))
        network.may_go.set()
        await asyncio.gather(*slow)
        await batcher.close()
        await other.close()
        return answer.label

    network, quick = Network(), Network()
    quick.may_go.set()

    assert asyncio.run(scenario()) == "1/-1"


def test_patient_pictures_have_no_part_in_what_is_told_of_waiting() -> None:
    runs: list[int] = []

    async def scenario() -> None:
        batcher = MicroBatcher(
            network.predict, 8, THREADS, lambda waited, _: runs.append(len(waited))
        )
        first = await hold_up(network, batcher)
        slow = await patient(batcher, 2)
        quick = await queued(batcher, 1, 2, 3, 4)
        network.may_go.set()
        await asyncio.gather(first, *slow, *quick)
        await batcher.close()

    network = Network()
    asyncio.run(scenario())

    assert network.batches == [1, 5, 1]
    assert runs == [1, 4]
