"""Five folds that stay as a folder grows: a group's fold follows from its first known picture.

What an earlier run had keeps its fold; what is new goes where its content says: so pictures have
the same fold in every run, with and without memory of earlier ones. Where chance could put most of
a class into one fold, as of a small class or with large groups, groups are dealt instead, the
largest first. No seed has a part in it.
"""

import hashlib
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt

Rows = npt.NDArray[np.int64]

FOLDS: Final = 5

#: A group that is more than this part of a class is dealt.
SMALL: Final = 1 / 50


def deal_folds(
    labels: Rows, groups: Rows, digests: Sequence[str], known: Mapping[str, int]
) -> Rows:
    """Gives every group of pictures a fold.

    Args:
        labels: int64 (N,), the class of each.
        groups: int64 (N,), which of them belong together.
        digests: N, of their bytes.
        known: the fold that an earlier run gave to a digest. A group with several keeps the fold
            of most.

    Returns:
        int64 (N,), in 0 to 4. No class that has two groups lies in one fold alone.
    """
    folds = _dealt(labels, groups, digests, known)
    if known and any(len(set(folds[labels == label])) == 1 for label in set(labels.tolist())):
        # What an earlier run had of a class has gone, but for one fold.
        return _dealt(labels, groups, digests, {})
    return folds


def _dealt(labels: Rows, groups: Rows, digests: Sequence[str], known: Mapping[str, int]) -> Rows:
    found = _groups(labels, groups, digests, known)
    table = _Table.for_labels(labels)
    folds = np.empty(len(labels), dtype=np.int64)
    for group in sorted(found, key=lambda g: (g.known is None, -len(g.rows), g.digest)):
        fold = table.fold_for(group) if group.known is None else group.known
        table.put(group, fold)
        folds[group.rows] = fold
    return folds


def named_fold(digest: str) -> int:
    """The fold that a content says, always the same."""
    return int.from_bytes(hashlib.sha256(f"fold {digest}".encode()).digest()[:8]) % FOLDS


@dataclass(frozen=True)
class _Group:
    """Pictures that belong together: rows, how many there are of each class, what is known."""

    rows: list[int]
    counts: Counter[int]
    digest: str
    known: int | None


def _groups(
    labels: Rows, groups: Rows, digests: Sequence[str], known: Mapping[str, int]
) -> list[_Group]:
    rows: dict[int, list[int]] = {}
    for row, group in enumerate(groups.tolist()):
        rows.setdefault(group, []).append(row)
    return [
        _Group(
            found,
            Counter(labels[found].tolist()),
            min(digests[row] for row in found),
            _commonest(known[digests[row]] for row in found if digests[row] in known),
        )
        for found in rows.values()
    ]


def _commonest(folds: Iterable[int]) -> int | None:
    counts = Counter(folds)
    return min(counts, key=lambda fold: (-counts[fold], fold), default=None)


@dataclass(frozen=True)
class _Table:
    """How many pictures of each class lie in each fold, int64 (K, 5), and are to lie in all."""

    dealt: Rows
    totals: Rows

    @classmethod
    def for_labels(cls, labels: Rows) -> "_Table":
        totals = np.bincount(labels)
        return cls(np.zeros((len(totals), FOLDS), dtype=np.int64), totals)

    def put(self, group: _Group, fold: int) -> None:
        for label, count in group.counts.items():
            self.dealt[label, fold] += count

    def fold_for(self, group: _Group) -> int:
        """The fold that the content says if the group is small, else the emptiest so far."""
        classes, counts = list(group.counts), np.array([*group.counts.values()])
        dealt, totals = self.dealt[classes], self.totals[classes]
        named = named_fold(group.digest)
        is_last = (dealt[:, named] + counts == totals).any()
        if (counts <= SMALL * totals).all() and not is_last:
            return named
        # All of a class in one fold: whoever is asked about it would never have seen the class.
        alone = ((dealt > 0) & (dealt == dealt.sum(1, keepdims=True))).sum(0)
        load = (dealt / totals[:, None]).sum(0)
        return min(range(FOLDS), key=lambda f: (alone[f], load[f], (f - named) % FOLDS))
