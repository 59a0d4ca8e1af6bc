"""Which pictures are learned from, which decide, which judge: made once, after the pass.

What could be read, and what belongs together, is known only then. Whoever learns or judges takes
the parts as they are; nobody splits again.
"""

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

import numpy as np
import numpy.typing as npt

from models.bundle import JudgedBy
from models.errors import DataFolderError
from training.data.example import Example, ImageFolder
from training.data.folds import FOLDS, deal_folds
from training.data.groups import join_groups
from training.data.names import listed

log = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]

#: Fewer readable pictures of a class than this cannot be split and cross-validated.
FEWEST_PICTURES: Final = 5

#: Where the folder itself holds nothing out, these folds judge a network that is fine-tuned, and
#: decide about it. Of a given train/ the second decides.
_JUDGING, _DECIDING = 0, 1


@dataclass(frozen=True)
class Parts:
    """Places among the examples that could be read, int64, ascending.

    Attributes:
        train: what the exported head learns from: all, where the folder holds nothing out.
        validation: what decides about fine-tuning: the folder's own part, or a fold of `train`.
        test: what judges, and decides nothing; empty where cross-validation over `train` judges.
        judged_by: which of these judges a head.
        folds: the fold of each row of `train`, int64, 0 to 4; groups are never parted.
        groups: the group of every row, not only of `train`.
    """

    train: Rows
    validation: Rows
    test: Rows
    judged_by: JudgedBy
    folds: Rows
    groups: Rows

    @property
    def is_cross_validated(self) -> bool:
        """Whether all pictures judge, each by a head that has not seen it."""
        return self.judged_by == "cross-validation"

    @property
    def set_aside(self) -> Rows:
        """What judges a network that is fine-tuned, and decides nothing."""
        return self.train[self.folds == _JUDGING] if self.is_cross_validated else self.test

    @property
    def fine_tuned_on(self) -> Rows:
        """What may be learned from where `validation` decides and `set_aside` judges."""
        return np.setdiff1d(self.train, np.concatenate([self.validation, self.set_aside]))

    def names(self, *, is_fine_tuned: bool) -> list[str]:
        """What each row was when it was asked about: a fold, or a part."""
        names = np.full(len(self.groups), "validation", dtype=object)
        names[self.train] = "train"
        names[self.test] = self.judged_by.partition(" ")[0]
        if self.is_cross_validated and is_fine_tuned:
            names[self.validation], names[self.set_aside] = "validation", "test"
        elif self.is_cross_validated:
            names[self.train] = [f"fold {fold + 1}" for fold in self.folds]
        return [f"{name}" for name in names]

    def folds_of(self, rows: Rows) -> Rows:
        """The folds of some rows of `train`, which are given in ascending order."""
        return self.folds[np.searchsorted(self.train, rows)]


def make_parts(
    folder: ImageFolder,
    examples: Sequence[Example],
    digests: Sequence[str],
    twins: Sequence[tuple[int, int]] = (),
    known: Mapping[str, int] = MappingProxyType({}),
) -> Parts:
    """Divides the pictures that could be read, keeping the parts that the folder gives.

    What is learned from is dealt into five folds; what belongs together is never parted.

    Args:
        folder: whose pictures they are.
        examples: those that could be read.
        digests: of their bytes, in the same order.
        twins: pairs of rows that show the same.
        known: the fold that an earlier run gave to a digest.

    Raises:
        DataFolderError: too few pictures of a class could be read, or all of one belong together.
    """
    check_counts(folder, examples, digests)
    rows = {part: _of_part(examples, part) for part in ("train", "validation", "test")}
    judged_by: JudgedBy = "cross-validation"
    train, test = np.arange(len(examples)), rows["test"]
    if folder.holds_out:
        train, judged_by = rows["train"], "test part"
        if not len(test):
            test, judged_by = rows["validation"], "validation part"
    groups = _groups(folder, examples, digests, twins)
    _warn_of_shared_groups(examples, train)
    labels = np.array([examples[row].class_index for row in train.tolist()], dtype=np.int64)
    learned = [digests[row] for row in train.tolist()]
    folds = deal_folds(labels, groups[train], learned, known)
    _say_what_was_dealt(folds, learned, known)
    own = rows["validation"] if judged_by == "test part" else rows["validation"][:0]
    validation = own if len(own) else train[folds == _DECIDING]
    return Parts(train, validation, test, judged_by, folds, groups)


def _groups(
    folder: ImageFolder,
    examples: Sequence[Example],
    digests: Sequence[str],
    twins: Sequence[tuple[int, int]],
) -> Rows:
    """The group of each example; a class that is learned from has two at least."""
    learned = [example.part == "train" or not folder.holds_out for example in examples]
    labels = np.where(learned, [example.class_index for example in examples], -1)
    named = [example.group for example in examples]
    groups = join_groups(digests, twins, named)
    if not (alone := _in_one_group(labels, groups)):
        return groups
    never = _in_one_group(labels, join_groups(digests, (), named))
    if never and not folder.holds_out:
        raise DataFolderError(
            f"--groups: all pictures of {listed([folder.classes[i] for i in never])} belong "
            "together, so that none can judge what was learned from others; a class needs "
            "pictures of two groups at least"
        )
    log.warning(
        "all pictures of %s look like copies of each other or belong together: the accuracy on "
        "them will look better than it is", listed([folder.classes[i] for i in alone]),
    )  # fmt: skip
    apart = np.isin(labels, alone)
    kept = [(a, b) for a, b in twins if not apart[a] and not apart[b]]
    lost = np.isin(labels, never)
    names = ["" if is_lost else name for is_lost, name in zip(lost, named, strict=True)]
    return join_groups(digests, kept, names)


def _in_one_group(labels: Rows, groups: Rows) -> list[int]:
    """The classes, of those that are not -1, all of whose pictures belong together."""
    of_class = {label: groups[labels == label] for label in np.unique(labels[labels >= 0]).tolist()}
    return [label for label, found in of_class.items() if (found == found[0]).all()]


def _say_what_was_dealt(folds: Rows, digests: Sequence[str], known: Mapping[str, int]) -> None:
    counts = ", ".join(map(str, np.bincount(folds, minlength=FOLDS)))
    log.info("five folds of %s pictures", counts)
    kept = [
        known[digest] == fold
        for digest, fold in zip(digests, folds, strict=True)
        if digest in known
    ]
    if moved := len(kept) - sum(kept):
        log.info(
            "%d of %d pictures that an earlier run had are in another fold than then: what is new "
            "joins them to others",
            moved,
            len(kept),
        )


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


def _of_part(examples: Sequence[Example], part: str) -> Rows:
    return np.array([row for row, e in enumerate(examples) if e.part == part], dtype=np.int64)


def _warn_of_shared_groups(examples: Sequence[Example], train: Rows) -> None:
    learned_from = set(train.tolist())
    taught = {examples[row].group for row in learned_from} - {""}
    shared = [
        example.name
        for row, example in enumerate(examples)
        if row not in learned_from and example.group in taught
    ]
    if shared:
        log.warning(
            "%d held-out pictures are of groups that are in train/ too (%s, …): "
            "the accuracy will look better than it is",
            len(shared),
            shared[0],
        )
