"""Before the service starts: would it? If not, one sentence and an exit code.

BentoML's supervisor starts a worker that dies again and again, every ten seconds for ever. So what
cannot work is found out before there is a supervisor: the store without a bundle, a bundle that is
refused, a GPU that was asked for and is not had. The bundle is loaded in a process of its own,
so that neither its memory nor a CUDA context stays with the supervisor for as long as it lives.
"""

import subprocess
import sys
from pathlib import Path
from typing import cast

from models.bundle import read_bundle
from models.errors import TransferError
from models.session import Provider, Session
from service.engine import find_bundle
from service.settings import read_settings

_ROOT = Path(__file__).parents[1]


def preflight() -> None:
    """Loads the bundle once as the service will.

    Raises:
        SystemExit: it would not start; the sentence says why, or has been printed.
    """
    try:
        settings = read_settings()
        stored = find_bundle(settings)
    except TransferError as error:
        raise SystemExit(f"not started: {error}") from error
    # Our own program with a path from our own store, no shell.
    question = [str(stored.path), settings.provider, str(settings.threads)]
    command = [sys.executable, "-m", "service.preflight", *question]
    code = subprocess.run(command, cwd=_ROOT, check=False).returncode  # noqa: S603
    if code < 0:
        raise SystemExit(f"not started: loading {stored.tag} was ended by signal {-code}")
    if code > 0:
        raise SystemExit(code)


def main() -> int:
    """Loads a bundle as the command line says: path, provider, threads; returns the exit code."""
    path, provider, threads = sys.argv[1:]
    try:
        Session(read_bundle(Path(path)), cast("Provider", provider), int(threads))
    except TransferError as error:
        print(f"not started: {error}", file=sys.stderr)
        return error.exit_code
    return 0


if __name__ == "__main__":
    sys.exit(main())
