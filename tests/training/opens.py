"""`python -m tests.training.opens DATA WEIGHTS OUT`: how often a run opens each picture, as JSON.

Twice, with the pictures kept in memory and without. In a process of its own: a hook stays for ever.
"""

import json
import sys
from collections import Counter
from contextlib import redirect_stdout
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import patch

import training.run.story
from training.data.pictures import Pictures
from training.features.cache import cache_folder
from training.settings import TrainingSettings


def _count(settings: TrainingSettings, opened: Counter[str]) -> dict[str, int]:
    opened.clear()
    for entry in [*cache_folder().glob("features-*"), *cache_folder().glob("earned-*")]:
        entry.unlink()
    with redirect_stdout(sys.stderr):
        training.run.story.run(settings)
    return dict(opened)


def _counts(data: Path, weights: str, out: Path) -> dict[str, dict[str, int]]:
    opened: Counter[str] = Counter()

    def note(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open" and str(arguments[0]).startswith(f"{data}/"):
            opened[str(arguments[0])] += 1

    sys.addaudithook(note)
    settings = TrainingSettings((data,), backbone="test_resnet", weights=weights, out=out)
    found = {"all": _count(settings, opened)}
    with patch("training.run.story.Pictures", partial(Pictures, keep_bytes=0)):
        return found | {"nothing": _count(settings, opened)}


if __name__ == "__main__":
    print(json.dumps(_counts(Path(sys.argv[1]), sys.argv[2], Path(sys.argv[3]))))
