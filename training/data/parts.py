"""Which pictures are learned from, which decide, which judge: made once, after the pass.

What could be read, and which files are byte for byte the same, is known only then. Whoever learns
or judges takes the parts as they are; nobody splits again.
"""

import logging
from collections import Counter
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

from models.errors import DataFolderError
from training.data.example import Example, ImageFolder, Part
from training.data.names import listed

log = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]

#: The part of the pictures that is held out where the folder itself holds none out.
HELD_OUT: Final = 0.2

#: Fewer readable pictures of a class than this cannot be split and cross-validated.
FEWEST_PICTURES: Final = 5


@dataclass(frozen=True)
class Parts:
    """Places among the examples that could be read, int64, ascending.

    Attributes:
        train: what may be learned from.
        validation: what decides between recipes, and when one ends: the folder's own part, or a
            fifth of `train` where it has none to spare.
        test: what judges, and decides nothing.
        judged_by: what the folder calls that part: `test`, or `validation` where it has no test.
    """

    train: Rows
    validation: Rows
    test: Rows
    judged_by: Part

    @property
    def train_without_validation(self) -> Rows:
        """What may be learned from where `validation` decides."""
        return np.setdiff1d(self.train, self.validation)


def make_parts(
    folder: ImageFolder,
    examples: Sequence[Example],
    digests: Sequence[str],
    seed: int,
    taught: Collection[str] = frozenset(),
) -> Parts:
    """Divides the pictures that could be read, keeping the parts that the folder gives.

    Where the folder holds none out, a fifth of each class becomes `test`. Byte-identical files are
    one picture: they are held out together or not at all.

    Args:
        folder: whose pictures they are.
        examples: those that could be read.
        digests: of their bytes, in the same order.
        seed: of the shuffle.
        taught: digests of what has been learned from already, and cannot be held out any more.

    Raises:
        DataFolderError: too few pictures of a class could be read.
    """
    _warn_of_pictures_in_two_classes(examples, digests)
    check_counts(folder, examples, digests)
    if folder.holds_out:
        rows = {part: _of_part(examples, part) for part in ("train", "validation", "test")}
        train, judged_by = rows["train"], held_out_part(examples)
        own = rows["validation"] if judged_by == "test" else rows["validation"][:0]
        test = rows[judged_by]
    else:
        held = np.array(hold_out(examples, digests, seed, taught))
        train, test, judged_by = np.flatnonzero(~held), np.flatnonzero(held), "test"
        own = train[:0]
    _warn_of_shared_pictures(examples, digests, train)
    validation = own if len(own) else train[_aside(train, examples, digests, seed)]
    return Parts(train, validation, test, judged_by)


def held_out_part(examples: Sequence[Example]) -> Part:
    """The part that the accuracy is measured on: `test`, or `validation` where there is no test."""
    return "test" if any(e.part == "test" for e in examples) else "validation"


def check_counts(
    folder: ImageFolder, examples: Sequence[Example], digests: Sequence[str] | None = None
) -> None:
    """Refuses classes with too few pictures to learn from and to judge by.

    Args:
        folder: whose examples they are.
        examples: those that count.
        digests: of their bytes, once they are known: byte-identical files count once.

    Raises:
        DataFolderError: names the classes and their counts.
    """
    contents: dict[str, Example] = {}
    for example, content in zip(examples, digests or map(str, range(len(examples))), strict=True):
        if not folder.holds_out or example.part == "train":
            contents.setdefault(content, example)
    counts = Counter(e.class_index for e in contents.values())
    few = [
        f"{label} ({counts[i]})"
        for i, label in enumerate(folder.classes)
        if counts[i] < FEWEST_PICTURES
    ]
    if few:
        where = "in train/ " if folder.holds_out else ""
        kind = "files" if digests is None else "different, readable pictures"
        raise DataFolderError(
            f"{folder.place}: too few {kind} {where}of {listed(few)}; "
            f"a class needs {FEWEST_PICTURES} at least, and is worth trusting from some 50 on"
        )
    if folder.holds_out and all(example.part == "train" for example in examples):
        raise DataFolderError(f"{folder.place}: no picture that is held out can be read")


def hold_out(
    examples: Sequence[Example],
    digests: Sequence[str],
    seed: int,
    taught: Collection[str] = frozenset(),
) -> list[bool]:
    """Sets a fifth of each class aside, of those that are not taught; True for those that are.

    Byte-identical files are one picture: they are set aside together or not at all.
    """
    random = np.random.default_rng(seed)
    held_out: set[str] = set()
    for contents in contents_of_classes(examples, digests).values():
        free = [digest for digest in contents if digest not in taught]
        count = max(1, round(HELD_OUT * len(contents)))
        held_out.update(free[i] for i in random.permutation(len(free))[:count])
    return [digest in held_out for digest in digests]


def contents_of_classes(
    examples: Sequence[Example], digests: Sequence[str]
) -> dict[int, dict[str, Example]]:
    """Of each class, by index, its different contents and the first example that has each.

    What lies in two classes counts for the first of them.
    """
    first: dict[str, Example] = {}
    for example, digest in zip(examples, digests, strict=True):
        first.setdefault(digest, example)
    found: dict[int, dict[str, Example]] = {}
    for digest, example in first.items():
        found.setdefault(example.class_index, {})[digest] = example
    return found


def _of_part(examples: Sequence[Example], part: str) -> Rows:
    return np.array([row for row, e in enumerate(examples) if e.part == part], dtype=np.int64)


def _aside(
    train: Rows, examples: Sequence[Example], digests: Sequence[str], seed: int
) -> list[bool]:
    return hold_out([examples[row] for row in train], [digests[row] for row in train], seed)


def _warn_of_pictures_in_two_classes(examples: Sequence[Example], digests: Sequence[str]) -> None:
    first = {d: e for e, d in zip(reversed(examples), reversed(digests), strict=True)}
    both = [
        (first[digest].name, example.name)
        for example, digest in zip(examples, digests, strict=True)
        if example.class_index != first[digest].class_index
    ]
    if both:
        log.warning(
            "%d files are byte for byte in two classes (%s and %s, …): nothing tells those apart",
            len(both),
            *both[0],
        )


def _warn_of_shared_pictures(
    examples: Sequence[Example], digests: Sequence[str], train: Rows
) -> None:
    taught = {digests[row] for row in train}
    learned_from = set(train.tolist())
    shared = [
        example.name
        for row, example in enumerate(examples)
        if row not in learned_from and digests[row] in taught
    ]
    if shared:
        log.warning(
            "%d held-out pictures are byte for byte in train/ too (%s, …): "
            "the accuracy will look better than it is",
            len(shared),
            shared[0],
        )
