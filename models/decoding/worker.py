"""One process that decodes and draws pictures; `workers` starts and kills it.

Work comes pickled on stdin, answers go pickled to stdout, each after its length, until stdin ends:
so it ends with whoever started it, however that ends. It imports no more than Pillow and numpy.
"""

import contextlib
import importlib
import os
import pickle
import signal
import sys
import traceback
import warnings
from collections.abc import Callable
from typing import Any, Final

from PIL import Image

from models.errors import ImageTooLargeError, TransferError

try:
    import resource
except ImportError:  # Windows has no such limits
    resource = None  # type: ignore[assignment]

#: Of the number before each pickle that says how long it is.
LENGTH_BYTES: Final = 8


def main() -> int:
    """Works until stdin ends. Arguments: bytes of memory that it may take, modules to preload."""
    memory_bytes, *modules = sys.argv[1:]
    for module in modules:
        importlib.import_module(module)
    _limit_memory(int(memory_bytes))
    # A stop is for whoever started us to pass on: what was accepted is answered first.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    # Pillow remarks on broken EXIF and the like, which is of use to nobody here.
    warnings.simplefilter("ignore")
    warnings.simplefilter("error", Image.DecompressionBombWarning)
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "wb")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())  # nothing else may stand between answers
    while head := sys.stdin.buffer.read(LENGTH_BYTES):
        work = pickle.loads(sys.stdin.buffer.read(int.from_bytes(head)))  # noqa: S301  our own
        answers.write(packed(_do(work)))
        answers.flush()
        del work
    return 0


def packed(what: object) -> bytes:
    """A pickle, after its length."""
    data = pickle.dumps(what, protocol=pickle.HIGHEST_PROTOCOL)
    return len(data).to_bytes(LENGTH_BYTES) + data


def _do(work: Callable[[], Any]) -> tuple[bool, Any]:
    """Whether it went well, and the answer or the error."""
    try:
        return True, work()
    except MemoryError:
        return False, ImageTooLargeError("the picture takes more memory than one may take here")
    except TransferError as error:
        return False, type(error)(str(error))  # without its cause, which need not be picklable
    # A mistake of ours, which must be seen as one: 500, and the log of the service.
    except Exception:  # noqa: BLE001
        return False, RuntimeError(traceback.format_exc())


def _limit_memory(max_bytes: int) -> None:
    if resource:
        with contextlib.suppress(OSError, ValueError):  # macOS knows the limit, and refuses it
            resource.setrlimit(resource.RLIMIT_AS, (max_bytes, max_bytes))


if __name__ == "__main__":
    sys.exit(main())
