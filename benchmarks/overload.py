"""Ten times the load that the service can bear: who is answered, how soon, and what is left of it.

    python benchmarks/overload.py [--seconds 60] [--times 10]

First as many clients as fill the batches measure what it can bear; then requests come at ten times
that rate whether or not earlier ones have been answered. All must be answered 200 or 503, those
with 200 within the service's deadline, and a lone request five seconds later as fast as before.
The clients share the cores with the server, which then bears less: the rate that was reached is
printed. The exit code is 1 where one of these does not hold.
"""

import asyncio
import sys
import time
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from _serving import (
    FORM,
    LOST,
    PATIENCE,
    Answer,
    Server,
    form,
    parser_for,
    post,
    read_pictures,
    serving,
    table,
)

CLIENTS = 16

#: Seconds: TRANSFER_ANSWER_SECONDS, and what the clients themselves may add to it here.
DEADLINE = 20
SLACK = 5

#: Seconds after which a lone request must be as fast as before, and what still counts as that.
RECOVERY = 5
SLOWER = 3


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--times", type=float, default=10)
    arguments = parser.parse_args()
    bodies = [form(data) for data in read_pictures(arguments.pictures)]
    with serving(arguments.bundle, answer_seconds=DEADLINE) as server:
        bearable = measure_bearable(server, bodies, min(10, arguments.seconds))
        before = lone(server, bodies)
        rate = arguments.times * bearable
        answers = asyncio.run(flood(server, bodies, rate, arguments.seconds))
        time.sleep(RECOVERY)
        after = lone(server, bodies)
    report(answers, arguments.seconds)
    table(("bearable, requests a second", f"{bearable:.1f}"))
    table(("lone request before, ms", f"{1000 * before:.0f}"))
    table(("lone request afterwards, ms", f"{1000 * after:.0f}"))
    late = max((a.seconds for a in answers if a.status == 200), default=0) > DEADLINE + SLACK
    wrong = {answer.status for answer in answers} - {200, 503}
    return int(bool(wrong) or late or after > SLOWER * before + 0.1)


def report(answers: list[Answer], seconds: float) -> None:
    """Prints statuses and times."""
    statuses = Counter(answer.status for answer in answers)
    table(("offered, requests a second", f"{len(answers) / seconds:.1f}"))
    table(*((f"answered {s}" if s else "lost", n) for s, n in sorted(statuses.items())))
    for status in (200, 503):
        times = [1000 * answer.seconds for answer in answers if answer.status == status]
        if times:
            half, most = np.percentile(times, [50, 100])
            table((f"{status}: p50, ms", f"{half:.0f}"), (f"{status}: longest, ms", f"{most:.0f}"))


def measure_bearable(server: Server, bodies: list[bytes], seconds: float) -> float:
    """Answers a second to clients that ask again when they have been answered."""
    end = time.perf_counter() + seconds

    def ask(client: int) -> int:
        count = 0
        while time.perf_counter() < end:
            post(server.url, "/classify", bodies[(client + count) % len(bodies)])
            count += 1
        return count

    with ThreadPoolExecutor(CLIENTS) as clients:
        return sum(clients.map(ask, range(CLIENTS))) / seconds


def lone(server: Server, bodies: list[bytes]) -> float:
    """Seconds for one request while nobody else asks, the median of nine."""
    return float(np.median([post(server.url, "/classify", bodies[0]).seconds for _ in range(9)]))


async def flood(server: Server, bodies: list[bytes], rate: float, seconds: float) -> list[Answer]:
    """Requests at an even rate, each on a connection of its own."""
    start, count = time.perf_counter(), int(rate * seconds)
    asking = []
    for number in range(count):
        wait = start + number / rate - time.perf_counter()
        if wait > 0:
            await asyncio.sleep(wait)
        elif number % 20 == 0:
            await asyncio.sleep(0)  # behind the rate: let the others go on all the same
        asking.append(asyncio.create_task(ask(server, bodies[number % len(bodies)])))
        if time.perf_counter() > start + seconds:
            break
    return await asyncio.gather(*asking)


async def ask(server: Server, body: bytes) -> Answer:
    """One request; the connection is kept open until the answer is there."""
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    begin = time.perf_counter()
    try:
        async with asyncio.timeout(PATIENCE):
            reader, writer = await asyncio.open_connection(*server.address)
            try:
                writer.write(head.encode() + body)
                status = int((await reader.readuntil(b"\r\n\r\n")).split(b" ", 2)[1])
            finally:
                writer.close()
    except (OSError, asyncio.IncompleteReadError):
        return Answer(LOST, time.perf_counter() - begin)
    return Answer(status, time.perf_counter() - begin)


if __name__ == "__main__":
    sys.exit(main())
