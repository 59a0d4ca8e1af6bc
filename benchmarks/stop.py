"""`kill -TERM` under load: is everything answered that was accepted?

    python benchmarks/stop.py [--times 20]

Accepted is a request whose body the server has asked for: clients send `Expect: 100-continue` and
wait for the 100, which comes when the service begins to read. The exit code is 1 where such a
request got no answer.
"""

import random
import socket
import sys
import threading
from collections import Counter
from concurrent.futures import ThreadPoolExecutor

from _serving import (
    FORM,
    LOST,
    PATIENCE,
    Server,
    form,
    parser_for,
    read_pictures,
    serving,
    started,
    table,
)

CLIENTS = 16
NOT_ACCEPTED = -1


def main() -> int:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--times", type=int, default=20)
    arguments = parser.parse_args()
    bodies = [form(data) for data in read_pictures(arguments.pictures)]
    found: Counter[int] = Counter()
    codes: Counter[int] = Counter()
    with serving(arguments.bundle) as server:
        home = server.output.parent
        stop_under_load(server, bodies, 0, found, codes)
        for number in range(1, arguments.times):
            with started(home) as again:
                stop_under_load(again, bodies, number, found, codes)
    table(("stops", arguments.times), ("requests not accepted", found.pop(NOT_ACCEPTED, 0)))
    table(*((f"accepted, answered {s}", n) for s, n in sorted(found.items()) if s))
    table(("accepted, not answered", found[LOST]), ("exit codes", dict(codes)))
    return int(found[LOST] > 0 or set(found) - {LOST, 200, 503} != set() or set(codes) != {0})


def stop_under_load(
    server: Server, bodies: list[bytes], seed: int, found: Counter[int], codes: Counter[int]
) -> None:
    """Clients ask until they are not let in any more; meanwhile the server is told to stop."""
    some_answers = threading.Semaphore(0)

    def ask(client: int) -> list[int]:
        statuses: list[int] = []
        while NOT_ACCEPTED not in statuses[-1:]:
            statuses.append(exchange(server, bodies[(client + len(statuses)) % len(bodies)]))
            some_answers.release()
        return statuses

    with ThreadPoolExecutor(CLIENTS) as clients:
        asking = [clients.submit(ask, client) for client in range(CLIENTS)]
        for _ in range(random.Random(seed).randint(CLIENTS, 4 * CLIENTS)):
            some_answers.acquire()
        server.process.terminate()
        for one in asking:
            found.update(one.result())
    codes[server.process.wait()] += 1


def exchange(server: Server, body: bytes) -> int:
    """The status of one request; 0: accepted and lost; -1: not accepted."""
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
    head += f"Content-Length: {len(body)}\r\nExpect: 100-continue\r\n\r\n"
    try:
        with socket.create_connection(server.address, timeout=PATIENCE) as connection:
            connection.sendall(head.encode())
            leave = connection.recv(1000)
            if not leave.startswith(b"HTTP/1.1 100"):
                return int(leave.split()[1]) if leave else NOT_ACCEPTED
            return status_after(connection, body)
    except ConnectionError:
        return NOT_ACCEPTED


def status_after(connection: socket.socket, body: bytes) -> int:
    """Sends a body that was asked for; the status of its answer."""
    try:
        connection.sendall(body)
        answer = connection.recv(1000)
    except ConnectionError:
        return LOST
    return int(answer.split()[1]) if answer else LOST


if __name__ == "__main__":
    sys.exit(main())
