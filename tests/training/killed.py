"""`python -m tests.training.killed RUNS`: the command, killed at a moment of a run, several times.

Each run is a process of its own, forked from this one, which has imported all that takes seconds.
`RUNS` is JSON: of each the words at which it dies, and its arguments.
"""

import json
import os
import signal
import sys

from tests.training.moments import at
from training.cli import main


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _killed(words: str, arguments: list[str]) -> bool:
    """Whether it was, and did not end before."""
    child = os.fork()
    if not child:
        try:
            with at(words, _die):
                main(arguments)
        finally:
            os._exit(1)
    return os.WTERMSIG(os.waitpid(child, 0)[1]) == signal.SIGKILL


if __name__ == "__main__":
    sys.exit(not all(_killed(words, arguments) for words, arguments in json.loads(sys.argv[1])))
