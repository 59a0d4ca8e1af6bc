"""Does a bundle load here? `preflight` asks it of this program, in a process of its own.

It imports what answers a picture and no more: the start of the service waits for it.
"""

import sys
from pathlib import Path
from typing import cast

from models.bundle import read_bundle
from models.errors import TransferError
from models.providers import Provider
from models.session import Session

if __name__ == "__main__":
    path, provider, threads, prefix = sys.argv[1:]
    try:
        Session(read_bundle(Path(path)), cast("Provider", provider), int(threads))
    except TransferError as error:
        print(f"{prefix}: {error}", file=sys.stderr)
        sys.exit(error.exit_code)
