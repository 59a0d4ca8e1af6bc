"""`python -m tests.training.killed JSON`: the command, killed at moment after moment of one run.

`JSON` holds the words at which it dies, and its arguments; after the first time it is resumed. Each
time is a process of its own, forked from this one, which has imported all that takes seconds.
"""

import json
import os
import signal
import sys
from pathlib import Path

from tests.training.moments import at
from training.cli import main
from training.recipes.finetune import finetune as imported_before_it_is_forked
from training.run.story import run as imported_too

__all__ = ["imported_before_it_is_forked", "imported_too"]


def _die() -> None:
    os.kill(os.getpid(), signal.SIGKILL)


def _is_killed(words: str, arguments: list[str]) -> bool:
    child = os.fork()
    if not child:
        try:
            with at(words, _die):
                main(arguments)
        finally:
            os._exit(1)
    status = os.waitpid(child, 0)[1]
    return os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL


def _run(moments: list[str], arguments: list[str]) -> None:
    (out,) = (Path(a.partition("=")[2]) for a in arguments if a.startswith("--out="))
    for words in moments:
        assert _is_killed(words, arguments), f"it ended before {words!r}"
        (folder,) = out.glob("*/*")
        arguments = ["--resume", str(folder)]


if __name__ == "__main__":
    _run(*json.loads(sys.argv[1]))
