"""`--devices N` on one machine: the same command N times, each told its rank as torchrun tells it.

The processes end together. Ctrl-C and SIGTERM are passed on to each of them once; if one fails the
others are stopped; if this one is killed, they notice that their standard input has ended, and end
too, so that nobody writes into a run folder that is being resumed.
"""

import os
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final

from models.errors import UsageError

#: By this name a process knows that its standard input is held by the one that started it.
_HELD: Final = "TRAIN_TRANSFER_LAUNCHED"

_POLL_S: Final = 0.1

#: What a process may take to end after SIGTERM.
_GRACE_S: Final = 10.0


def is_launched() -> bool:
    """Whether torchrun, srun or `launch` has started this process beside others."""
    return "TORCHELASTIC_RUN_ID" in os.environ or "SLURM_PROCID" in os.environ


def launch(arguments: Sequence[str], devices: int, nodes: int) -> int:
    """Runs `train-transfer` in several processes on this machine.

    Args:
        arguments: of the command line.
        devices: how many processes.
        nodes: must be 1.

    Returns:
        0 where all succeeded, else the exit code of the first that failed.

    Raises:
        UsageError: several machines were asked for.
    """
    if nodes > 1:
        raise UsageError(
            f"--nodes {nodes}: several machines are started by torchrun or srun, the same command "
            "on each; the README shows how"
        )
    command = [sys.executable, "-m", "training.cli", *arguments]
    port = _free_port()
    running = [
        subprocess.Popen(  # noqa: S603  our own program
            command,
            env={**os.environ, **_told(rank, devices, port)},
            stdin=subprocess.PIPE,
            start_new_session=True,  # a terminal's Ctrl-C reaches them through us, once
        )
        for rank in range(devices)
    ]
    with _passing_signals(running):
        return _wait(running)


def end_with_parent() -> None:
    """In a process that `launch` started: ends it when the one that started it has ended."""
    if not os.environ.pop(_HELD, None):
        return

    def wait() -> None:
        # Not `sys.stdin`: its lock would be held when the interpreter ends.
        while os.read(0, 1):
            pass
        os._exit(1)

    threading.Thread(target=wait, daemon=True, name="parent").start()


def _told(rank: int, devices: int, port: int) -> dict[str, str]:
    """The variables that torchrun sets."""
    return {
        "TORCHELASTIC_RUN_ID": "train-transfer",
        "MASTER_ADDR": "127.0.0.1",
        "MASTER_PORT": str(port),
        "RANK": str(rank),
        "LOCAL_RANK": str(rank),
        "GROUP_RANK": "0",
        "WORLD_SIZE": str(devices),
        "LOCAL_WORLD_SIZE": str(devices),
        _HELD: "1",
    }


def _wait(running: Sequence["subprocess.Popen[bytes]"]) -> int:
    while True:
        codes = [process.poll() for process in running]
        failed = [code for code in codes if code]
        if failed:
            _stop(running)
            return failed[0] if failed[0] > 0 else 128 - failed[0]
        if all(code == 0 for code in codes):
            return 0
        time.sleep(_POLL_S)


def _stop(running: Sequence["subprocess.Popen[bytes]"]) -> None:
    for process in running:
        process.terminate()
    for process in running:
        try:
            process.wait(_GRACE_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


@contextmanager
def _passing_signals(running: Sequence["subprocess.Popen[bytes]"]) -> Iterator[None]:
    def pass_on(number: int, _: Any) -> None:
        for process in running:
            if process.poll() is None:
                process.send_signal(number)

    before = {number: signal.signal(number, pass_on) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port: int = listener.getsockname()[1]
    return port
