"""Before the service starts: would it? If not, one sentence and an exit code.

BentoML's supervisor starts a worker that dies again and again, every ten seconds for ever. So what
cannot work is found out before there is a supervisor: the store without a bundle, a bundle that is
refused, a GPU that was asked for and is not had. Each bundle is loaded in a process of its own,
so that neither its memory nor a CUDA context stays with the supervisor for as long as it lives.
"""

import contextlib
import ipaddress
import logging
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import click
from bentoml._internal.configuration.containers import BentoMLContainer

from models.errors import TransferError, UsageError
from models.store import StoredBundle
from service.inference.registry import find_bundles
from service.settings import Settings

log = logging.getLogger(__name__)

_ROOT: Final = Path(__file__).parents[2]


@contextlib.contextmanager
def not_started_on_error() -> Iterator[None]:
    """An error of ours inside ends the program with its sentence."""
    try:
        yield
    except TransferError as error:
        raise SystemExit(f"not started: {error}") from error


def load_once(settings: Settings) -> None:
    """Loads each bundle once as the service will. Of `all`, one that loads is enough.

    Raises:
        StoreError: one of them is not there, or the store is empty.
        SystemExit: one does not load; the sentence says why, or has been printed.
    """
    found = [wanted.stored for wanted in find_bundles(settings)]
    if settings.serves_all:
        if all(_exit_code(stored, settings, "refused") for stored in found):
            raise SystemExit("not started: every bundle of the store is refused")
        return
    for stored in found:
        if code := _exit_code(stored, settings, "not started"):
            raise SystemExit(code)


def check_temporary_files() -> None:
    """Raises UsageError where BentoML could not make the folder that it needs."""
    try:
        with tempfile.TemporaryFile() as file:
            file.write(b"x")
    except OSError as error:
        raise UsageError(
            f"no temporary file can be written ({error}): make room, or name another folder by "
            "TMPDIR"
        ) from error


def _exit_code(stored: StoredBundle, settings: Settings, prefix: str) -> int:
    """0 where the bundle loads, in a process of its own; else that has printed why not."""
    # Our own program with a path from our own store, no shell.
    question = [str(stored.path), settings.provider, str(settings.threads), prefix]
    command = [sys.executable, "-m", "service.host.bundle_check", *question]
    code = subprocess.run(command, cwd=_ROOT, check=False).returncode  # noqa: S603
    if code < 0:
        print(f"{prefix}: loading {stored.tag} was ended by signal {-code}", file=sys.stderr)
        return 1
    return code


def warn_if_strangers_reach_it() -> None:
    """One loud line where the service, which has no key, listens beyond this machine."""
    context = click.get_current_context(silent=True)
    told = context.params.get("host") if context else None  # else what BentoML's settings say
    host = str(told or BentoMLContainer.http.host.get())
    if not is_this_machine_only(host):
        log.warning(
            "ANYBODY WHO REACHES THIS MACHINE CAN USE THE SERVICE: it listens on %s and asks for "
            "no key. Set TRANSFER_API_KEYS or TRANSFER_API_KEYS_FILE, or serve with "
            "--host 127.0.0.1",
            host,
        )


def is_this_machine_only(host: str) -> bool:
    """Whether an address can be reached from this machine alone."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
