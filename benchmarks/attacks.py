"""What strangers can do to the service without a single picture: each attack, and who else waits.

    python benchmarks/attacks.py [chunks unread idle refusals wide disk] [--seconds 60]

Each kind has a server of its own, as a user starts it. `chunks`: one connection sends its body in
chunks of a byte, with and without a key. `unread`: two clients open one large heatmap after the
other and read 20 kB of each in 8 seconds. `idle`: 1,200 bodies that do not go on, beside 1,024
descriptors. `refusals`: 401, 413 and 503 to bodies of 6 MB, through nginx where it is installed,
and to a client that closes. `wide`: two pictures at once of 50 million greys of 16 and of 32 bits,
and the memory that they take. `disk`: the home is full, read-only, or gone, while the service runs
(needs to mount). The exit code is 1 where one of these does not hold.
"""

import contextlib
import io
import os
import resource
import shutil
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np
from _serving import (
    FORM,
    PORT,
    Answer,
    Server,
    connect,
    exchange,
    form,
    launched,
    noise,
    own_store,
    parser_for,
    post,
    program,
    small_bundle,
    started,
    table,
)
from PIL import Image

from models import store

KEY = "a-key-for-measuring"

#: Lines of a head.
KEYS = {"without a key": "", "with a key": f"Authorization: Bearer {KEY}\r\n"}

#: What the figures of each kind must not exceed: seconds, times, MiB.
LIVE, SLOWER, MORE_MEMORY, WAIT = 0.1, 10, 250, 2

#: Of a body that is refused, and how often it is sent.
LARGE, REFUSED = 6 * 10**6, 100

NGINX = """
{user} daemon off; pid {folder}/pid; error_log {folder}/error.log;
events {{ }}
http {{
    access_log off; client_max_body_size 50m;
    client_body_temp_path {folder}/b; proxy_temp_path {folder}/p; fastcgi_temp_path {folder}/f;
    uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
    server {{ listen 127.0.0.1:{port}; location / {{ proxy_pass {url}; }} }}
}}
"""


def main() -> int:
    """Runs the attacks that are asked for."""
    parser = parser_for(__doc__)
    parser.add_argument("kinds", nargs="*", metavar="KIND", help="default: all")
    parser.add_argument("--seconds", type=float, default=60, help="of one attack")
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="bentoml-") as folder, own_store(Path(folder)):
        bundle = arguments.bundle
        store.put(bundle.read_bytes() if bundle else small_bundle(Path(folder)), "measured")
        kinds = arguments.kinds or [*KINDS]
        held = [KINDS[kind](Path(folder), arguments.seconds) for kind in kinds]
    return int(not all(held))


def chunks(home: Path, seconds: float) -> bool:
    """One connection, a byte a chunk; it is opened again when it is closed."""
    held = True
    picture = form(noise(np.random.default_rng(0)))
    with started(home, api_keys=KEY) as server:
        alone = statistics.median(timed(lambda: ask(server, picture), 5))
        for name, key in (
            ("without a key", ""),
            ("with a key", f"Authorization: Bearer {KEY}\r\n"),
        ):
            head = f"POST /classify HTTP/1.1\r\nHost: x\r\n{key}Transfer-Encoding: chunked\r\n"
            head += f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
            with attacking(1, partial(send_for_ever, server, head.encode())):
                alive = timed(lambda: live(server), seconds / 2)
                small = timed(lambda: ask(server, picture), seconds / 2)
            live_median, small_median = statistics.median(alive), statistics.median(small)
            table((f"chunks {name}: /livez, median s", f"{live_median:.3f}"))
            table(("  a picture, median s", f"{small_median:.3f}"), ("  alone", f"{alone:.3f}"))
            held &= live_median <= LIVE and small_median <= SLOWER * alone
    return held


def unread(home: Path, seconds: float) -> bool:
    """Two openers of /explain whose connections read 20 kB in 8 seconds."""
    rng = np.random.default_rng(0)
    buffer = io.BytesIO()
    Image.fromarray(rng.integers(0, 256, (3000, 3000, 3), dtype=np.uint8)).save(buffer, "JPEG")
    body = form(buffer.getvalue())
    with started(home) as server:
        ask(server, form(noise(rng)))
        before = most = server.worker().memory_info().rss / 2**20
        with attacking(2, partial(open_and_hardly_read, server, body)):
            end = time.monotonic() + seconds
            while time.monotonic() < end:
                time.sleep(0.5)
                most = max(most, server.worker().memory_info().rss / 2**20)
        status = ask(server, form(noise(rng))).status
    table(("unread: worker before, MiB", f"{before:.0f}"), ("  at most", f"{most:.0f}"))
    table(("  a picture afterwards", status))
    return most - before <= MORE_MEMORY and status == 200


def idle(home: Path, seconds: float) -> bool:
    """1,200 bodies that stop after their first byte."""
    picture = form(noise(np.random.default_rng(0)))
    head = b"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n"
    head += f"Content-Type: {FORM['Content-Type']}\r\n\r\n-".encode()
    command = ["sh", "-c", 'ulimit -n 1024; exec "$@"', "sh", program("bentoml"), "serve"]
    command += ["--host", "127.0.0.1", "--port", PORT]
    _, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    with contextlib.ExitStack() as stack:
        server = stack.enter_context(launched(command, home / "output.txt", {}))
        for _ in range(1200):
            connection = stack.enter_context(socket.create_connection(server.address))
            with contextlib.suppress(ConnectionError):
                connection.sendall(head)
        answers = [ask(server, picture) for _ in range(max(5, int(seconds / 10)))]
        waited = max(answer.seconds for answer in answers)
        statuses = {answer.status for answer in answers}
        table(("idle: a picture, longest s", f"{waited:.2f}"), ("  statuses", statuses))
        return waited <= WAIT and statuses == {200}


def refusals(home: Path, _: float) -> bool:
    """Each of 401, 413 and 503, to bodies of 6 MB."""
    held = True
    settings: dict[int, dict[str, object]] = {
        401: {"api_keys": KEY},
        413: {"max_body_bytes": 1000},
        503: {"max_bytes_in_flight": LARGE, "max_body_bytes": LARGE},
    }
    for status, chosen in settings.items():
        with started(home, **chosen) as server, contextlib.ExitStack() as stack:
            ways = {"closing": server.url}
            if shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin"):
                ways["nginx"] = stack.enter_context(behind_nginx(server))
            if status == 503:
                stack.enter_context(filling(server))
            for way, url in ways.items():
                found = Counter(closing_client(url) for _ in range(REFUSED))
                table((f"refusals: {status}, {way}", dict(found)))
                held &= found == Counter({status: REFUSED})
    return held


def wide(home: Path, _: float) -> bool:
    """Two at once; memory is that of the worker and the processes that decode."""
    held = True
    with started(home) as server:
        for mode in ("I;16", "I"):
            body = form(wide_greys(mode))
            peak = [0.0]

            def watch(stop: threading.Event, peak: list[float] = peak) -> None:
                while not stop.wait(0.05):
                    peak[0] = max(peak[0], server.memory())

            with attacking(1, watch), ThreadPoolExecutor(2) as clients:
                statuses = [
                    each.status
                    for each in clients.map(lambda b: post(server.url, "/explain", b), [body] * 2)
                ]
            table(
                (f"wide: two of mode {mode}", statuses), ("  memory at most, MiB", f"{peak[0]:.0f}")
            )
            held &= set(statuses) <= {200, 413, 503}
    return held


def disk(home: Path, _: float) -> bool:
    """A home on a small disk of its own, which is spoilt while the service runs."""
    held = True
    for name in ("full", "read-only", "gone"):
        with tempfile.TemporaryDirectory() as folder:
            if not runs("mount", "-t", "tmpfs", "-o", "size=16m", "none", folder):
                table((f"disk: {name}", "cannot mount here"))
                continue
            shutil.copytree(home / "models", Path(folder) / "models")
            command = [program("bentoml"), "serve", "--host", "127.0.0.1", "--port", PORT]
            environment = {"BENTOML_HOME": folder}
            try:
                with launched(command, home / "output.txt", environment) as server:
                    worker = server.worker().pid
                    spoil(name, folder)
                    found = Counter(answers_of_all(server))
                    table((f"disk: {name}, statuses", dict(found)))
                    held &= set(found) == {200} and server.worker().pid == worker
            finally:
                runs("umount", "-l", folder)
    return held


def spoil(name: str, folder: str) -> None:
    """Makes a disk useless."""
    if name == "read-only":
        runs("mount", "-o", "remount,ro", folder)
    elif name == "gone":
        runs("umount", "-l", folder)
    else:
        with contextlib.suppress(OSError), (Path(folder) / "all").open("wb") as file:
            while True:
                file.write(bytes(2**16))


def answers_of_all(server: Server) -> Iterator[int]:
    """Statuses of every kind of request, for longer than the store is not looked at."""
    picture = form(noise(np.random.default_rng(0)))
    for _ in range(4):
        for path in ("/classify", "/explain"):
            yield post(server.url, path, picture).status
        for path in ("/readyz", "/metrics", "/models"):
            with contextlib.closing(connect(server.url)) as connection:
                connection.request("GET", path)
                yield connection.getresponse().status
        time.sleep(2)


def runs(*command: str) -> bool:
    """Whether a command does its work."""
    return subprocess.run(command, check=False, stderr=subprocess.DEVNULL).returncode == 0


def wide_greys(mode: str) -> bytes:
    """50 million greys, all black: some 100 kB."""
    buffer = io.BytesIO()
    Image.new(mode, (7071, 7071)).save(buffer, "TIFF", compression="tiff_adobe_deflate")
    return buffer.getvalue()


@contextlib.contextmanager
def attacking(count: int, work: Callable[[threading.Event], object]) -> Iterator[None]:
    """So many attackers in threads, until the context ends."""
    stop = threading.Event()
    threads = [threading.Thread(target=work, args=(stop,)) for _ in range(count)]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        stop.set()
        for thread in threads:
            thread.join()


def send_for_ever(server: Server, head: bytes, stop: threading.Event) -> None:
    """Chunks of one byte, 6 bytes each, at 1.4 MB a second; again when the server closes."""
    block, seconds = b"1\r\nx\r\n" * 4000, 24_000 / 1.4e6
    while not stop.is_set():
        with (
            contextlib.suppress(OSError),
            socket.create_connection(server.address, 5) as one,
        ):
            one.sendall(head)
            while not stop.wait(seconds):
                one.sendall(block)


def open_and_hardly_read(server: Server, body: bytes, stop: threading.Event) -> None:
    """Opens one heatmap after the other, and reads a little of each now and then."""
    head = f"POST /explain HTTP/1.1\r\nHost: x\r\nContent-Type: {FORM['Content-Type']}\r\n"
    head += f"Content-Length: {len(body)}\r\n\r\n"
    opened: list[tuple[socket.socket, float]] = []
    while not stop.is_set():
        connection = socket.socket()
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 20_000)
        with contextlib.suppress(OSError):
            connection.settimeout(30)
            connection.connect(server.address)
            connection.sendall(head.encode() + body)
            connection.recv(1)  # the answer is there
            connection.setblocking(False)  # noqa: FBT003
            opened.append((connection, time.monotonic()))
        for number, (each, last) in enumerate(opened):
            if time.monotonic() - last >= 8:
                with contextlib.suppress(OSError):
                    each.recv(20_000)
                opened[number] = each, time.monotonic()
    for each, _ in opened:
        each.close()


@contextlib.contextmanager
def behind_nginx(server: Server) -> Iterator[str]:
    """Nginx with its defaults before a server."""
    with tempfile.TemporaryDirectory() as folder:
        with socket.create_server(("127.0.0.1", 0)) as listener:
            port = listener.getsockname()[1]
        file = Path(folder) / "nginx.conf"
        user = "user root;" if os.geteuid() == 0 else ""
        file.write_text(NGINX.format(folder=folder, port=port, url=server.url, user=user))
        program = shutil.which("nginx", path=f"{os.environ['PATH']}:/usr/sbin") or "nginx"
        process = subprocess.Popen([program, "-c", file])
        try:
            while not is_listening(port):
                time.sleep(0.05)
            yield f"http://127.0.0.1:{port}"
        finally:
            process.terminate()
            process.wait()


def is_listening(port: int) -> bool:
    """Whether somebody takes connections there."""
    with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", port), 1):
        return True
    return False


@contextlib.contextmanager
def filling(server: Server) -> Iterator[None]:
    """A body that holds what may be in flight, for as long as the context lasts."""
    head = f"POST /classify HTTP/1.1\r\nHost: x\r\nContent-Length: {LARGE}\r\n"
    head += f"Content-Type: {FORM['Content-Type']}\r\n\r\n"
    start = form(bytes(LARGE))[: LARGE - 1]

    def hold(stop: threading.Event) -> None:
        while not stop.is_set():
            with contextlib.suppress(OSError), socket.create_connection(server.address) as filled:
                filled.sendall(head.encode() + start)
                stop.wait(25)  # below TRANSFER_BODY_SECONDS

    with attacking(1, hold):
        time.sleep(1)
        yield


def closing_client(url: str) -> int:
    """The status that a client gets which says that it closes; 0 where it is lost."""
    with contextlib.closing(connect(url)) as connection:
        body = bytes(LARGE)
        return exchange(connection, "/classify", body, {"Connection": "close"}).status


def timed(action: Callable[[], Answer], seconds: float) -> list[float]:
    """Seconds of an action, again and again."""
    end, found = time.monotonic() + seconds, []
    while time.monotonic() < end:
        found.append(action().seconds)
        time.sleep(0.05)
    return found


def live(server: Server) -> Answer:
    """GET /livez on a connection of its own."""
    start = time.perf_counter()
    with contextlib.closing(connect(server.url)) as connection:
        connection.request("GET", "/livez")
        response = connection.getresponse()
        response.read()
    return Answer(response.status, time.perf_counter() - start)


def ask(server: Server, body: bytes) -> Answer:
    """A picture, with the key."""
    with contextlib.closing(connect(server.url)) as connection:
        return exchange(connection, "/classify", body, {"Authorization": f"Bearer {KEY}"})


KINDS: dict[str, Callable[[Path, float], bool]] = {
    "chunks": chunks,
    "unread": unread,
    "idle": idle,
    "refusals": refusals,
    "wide": wide,
    "disk": disk,
}


if __name__ == "__main__":
    sys.exit(main())
