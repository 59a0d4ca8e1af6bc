"""A worker is killed: how long is nobody there, and what do the log and /metrics say of it?

    python benchmarks/worker_end.py [--times 5] [--bundle runs/.../bundle.onnx]

The gap is from the kill to the first 200 of `/readyz`, asked by a new connection each time.
"""

import contextlib
import http.client
import statistics
import threading
import time

import psutil
from _serving import Server, connect, parser_for, serving, table, wait_until_ready


def main() -> None:
    """Measures and prints."""
    parser = parser_for(__doc__)
    parser.add_argument("--times", type=int, default=5)
    arguments = parser.parse_args()
    gaps, starts = [], []
    with serving(arguments.bundle) as server:
        for _ in range(arguments.times):
            killed = time.time()
            kill(server.worker())
            wait_until_ready(server)
            gaps.append(time.time() - killed)
            starts.append(time.time() - server.worker().create_time())
        told = [line for line in server.output.read_text().splitlines() if "has ended" in line]
        counted = [line for line in metrics(server) if line.startswith("transfer_worker_deaths")]
    table(("seconds without an answer, median", f"{statistics.median(gaps):.1f}"))
    table(("longest", f"{max(gaps):.1f}"), ("start alone", f"{statistics.median(starts):.1f}"))
    table(("deaths", arguments.times), ("lines of the log", len(told)))
    print(*told[-1:], *counted, sep="\n")


def kill(worker: psutil.Process) -> None:
    """Ends it, and waits until it has ended."""
    worker.kill()
    while worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE:
        threading.Event().wait(0.01)


def metrics(server: Server) -> list[str]:
    """The lines of /metrics."""
    connection = connect(server.url)
    with contextlib.closing(connection):
        connection.request("GET", "/metrics")
        answer: http.client.HTTPResponse = connection.getresponse()
        return answer.read().decode().splitlines()


if __name__ == "__main__":
    main()
