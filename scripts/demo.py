"""The whole way once, for a newcomer: draw pictures, train, serve, ask, look.

Everything it makes lies in demo/; the bundle also goes into the model store, so that `make serve`
serves it afterwards. The network is the default one, whose weights are installed already; the
pictures are drawn: this shows that transfer learning works, not how well on photographs.
"""

import contextlib
import json
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
DEMO = ROOT / "demo"
PICTURES = DEMO / "drawn_screws_nuts"
BIN = Path(sys.executable).parent

#: The service imports, loads and checks its bundle within a few seconds; slow disks take longer.
READY_WITHIN_S = 120


def main() -> int:
    """Runs the demo.

    Returns:
        0 where everything worked.
    """
    DEMO.mkdir(exist_ok=True)
    if not (PICTURES / "README.txt").exists():
        say("1. drawing 500 screws and nuts (drawn, not photographed)")
        run("draw-screws-nuts", PICTURES)
    say("2. training a last layer on a frozen network that knows ImageNet")
    run("train-transfer", "--data", PICTURES, "--out", DEMO / "runs")
    summary = newest_summary()
    say(f"3. serving {summary['model']}")
    with served(summary["model"]) as address:
        ask(address, PICTURES / "nuts" / "00001.jpg")
    say("The server is stopped again; `make serve` keeps one running.")
    return 0


def ask(address: str, picture: Path) -> None:
    """One classification and one heatmap, as any HTTP client would fetch them."""
    say(f"4. curl -F image=@{picture.relative_to(ROOT)} {address}/classify")
    answer = json.loads(post(f"{address}/classify", picture))
    print(json.dumps(answer, indent=2, ensure_ascii=False))
    say(f"5. curl -F image=@{picture.relative_to(ROOT)} {address}/explain -o demo/heatmap.png")
    (DEMO / "heatmap.png").write_bytes(post(f"{address}/explain", picture))
    say(f"The heatmap lies in {DEMO / 'heatmap.png'}")


def post(url: str, picture: Path) -> bytes:
    """The answer to a form with one picture; the standard library is enough for that."""
    boundary = b"a-boundary-that-no-picture-holds"
    head = f'Content-Disposition: form-data; name="image"; filename="{picture.name}"'.encode()
    body = b"--%b\r\n%b\r\n\r\n%b\r\n--%b--\r\n" % (boundary, head, picture.read_bytes(), boundary)
    headers = {"Content-Type": f"multipart/form-data; boundary={boundary.decode()}"}
    request = urllib.request.Request(url, body, headers)  # noqa: S310  our own address
    return _answer(request)


def _answer(asked: urllib.request.Request) -> bytes:
    # Past any proxy: the service is on this machine.
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}))
    with opener.open(asked, timeout=60) as answer:
        found: bytes = answer.read()
    return found


@contextlib.contextmanager
def served(tag: str) -> Iterator[str]:
    """A running service, on this machine only, stopped in the end."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [BIN / "bentoml", "serve", "--host", "127.0.0.1", "--port", str(port)]
    environment = {**os.environ, "TRANSFER_MODEL": tag, "BENTOML_DO_NOT_TRACK": "true"}
    with subprocess.Popen(command, cwd=ROOT, env=environment) as server:
        try:
            address = f"http://127.0.0.1:{port}"
            wait_until_ready(server, address)
            yield address
        finally:
            server.terminate()


def wait_until_ready(server: subprocess.Popen[bytes], address: str) -> None:
    """Asks until the service says that it is ready, or has ended."""
    deadline = time.monotonic() + READY_WITHIN_S
    while time.monotonic() < deadline:
        if server.poll() is not None:
            raise SystemExit(f"the server ended with code {server.returncode}; see above")
        with contextlib.suppress(OSError):  # not there yet, or not ready
            _answer(urllib.request.Request(f"{address}/readyz"))  # noqa: S310  our own address
            return
        time.sleep(0.2)
    raise SystemExit(f"the server was not ready after {READY_WITHIN_S} s")


def newest_summary() -> dict[str, Any]:
    """What the run that has just ended wrote."""
    path = max((DEMO / "runs").glob("*/*/summary.json"), key=lambda p: p.stat().st_mtime_ns)
    found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def run(program: str, *arguments: str | Path) -> None:
    """Runs one of our commands; the demo ends where it does not succeed."""
    code = subprocess.run([BIN / program, *arguments], check=False, cwd=ROOT).returncode
    if code:
        raise SystemExit(code)


def say(sentence: str) -> None:
    """Prints a step so that it stands out between the programs' own lines."""
    print(f"\n\033[1m{sentence}\033[0m" if sys.stdout.isatty() else f"\n{sentence}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
