"""Before the service starts: would it? If not, one sentence and an exit code.

BentoML's supervisor starts a worker that dies again and again, every ten seconds for ever. So what
cannot work is found out before there is a supervisor: the store without a bundle, a bundle that is
refused, a GPU that was asked for and is not had. Each bundle is loaded in a process of its own,
so that neither its memory nor a CUDA context stays with the supervisor for as long as it lives.
"""

import contextlib
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from models.errors import TransferError
from models.store import StoredBundle
from service.inference.registry import find_bundles
from service.settings import ALL, Settings

_ROOT = Path(__file__).parents[2]


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
    if settings.models == (ALL,):
        codes = (_exit_code(stored, settings, "refused") for stored in found)
        if all(codes):  # the first that loads ends this
            raise SystemExit("not started: every bundle of the store is refused")
        return
    for stored in found:
        if code := _exit_code(stored, settings, "not started"):
            raise SystemExit(code)


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
