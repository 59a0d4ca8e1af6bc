"""What many answers say together: how many of each class, how many in doubt, how many right."""

import math
import unicodedata
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Final

from service.batch.record import Record

#: Of the normal distribution, for an interval of 95 %.
_Z: Final = 1.959964


@dataclass
class Tally:
    """Counts, whatever the number of answers.

    Attributes:
        classes: of the model.
        labels: how often each class was predicted.
        unfamiliar: how many are unlike all that was learned from.
        unreadable: how many have no answer.
        pairs: how often a class by its folder was predicted as which class.
    """

    classes: tuple[str, ...]
    labels: Counter[str] = field(default_factory=Counter)
    unfamiliar: int = 0
    unreadable: int = 0
    pairs: Counter[tuple[str, str]] = field(default_factory=Counter)

    def add(self, record: Record) -> None:
        """Counts one in."""
        if record.label is None:
            self.unreadable += 1
            return
        self.labels[record.label] += 1
        self.unfamiliar += not record.familiar
        if true := class_of_folders(record.file, self.classes):
            self.pairs[true, record.label] += 1

    @property
    def answered(self) -> int:
        """How many have an answer."""
        return self.labels.total()

    @property
    def judged(self) -> int:
        """How many of them lie in a folder that is called like a class."""
        return self.pairs.total()

    @property
    def right(self) -> int:
        """How many of these are answered as their folder says."""
        return sum(count for (true, label), count in self.pairs.items() if true == label)


def class_of_folders(file: str, classes: Sequence[str]) -> str | None:
    """The class that a folder on the way to a file is called like, the last folder first.

    None where no folder is called like one, or one like several that differ by case only: the same
    rule as the page's (`service/page/folders.js`).
    """
    for folder in reversed(file.split("/")[:-1]):
        if folder in classes:
            return folder
        if alike := [name for name in classes if _folded(name) == _folded(folder)]:
            return alike[0] if len(alike) == 1 else None
    return None


def _folded(name: str) -> str:
    """Some file systems take letters and their accents apart."""
    return unicodedata.normalize("NFC", name).strip().upper()


def wilson_interval(right: int, count: int) -> tuple[float, float]:
    """Wilson's 95 % interval of a share; SciPy has it, which answering does without."""
    share, weight = right / count, _Z**2 / count
    middle = (share + weight / 2) / (1 + weight)
    half = _Z / (1 + weight) * math.sqrt(share * (1 - share) / count + weight / (4 * count))
    return max(0.0, middle - half), min(1.0, middle + half)
