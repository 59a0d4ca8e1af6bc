"""Finds pictures that judge and are learned from, too, and says how good the network is without.

Only where the folder itself says which pictures judge: folds of our own never part twins.
"""

from collections.abc import Iterator, Mapping

import numpy as np

from training.data.groups import join_groups
from training.data.names import listed
from training.data.parts import Rows
from training.inspection.evidence import Evidence
from training.inspection.finding import Finding


def find_leaks(evidence: Evidence) -> list[Finding]:
    """What all of them do to the accuracy, then each with a picture that is learned from."""
    known = _known(evidence)
    parts = evidence.parts
    # Without a part of their own, pictures that decide are a fold of those that are learned from.
    validation = np.setdiff1d(parts.validation, np.union1d(parts.train, parts.test))
    found: list[Finding] = []
    for rows, what in ((parts.test, parts.judged_by), (validation, "validation part")):
        leaked = np.array([row for row in rows.tolist() if row in known], dtype=np.int64)
        if len(leaked):
            found += [_of_all(evidence, what, rows, leaked), *_each(evidence, known, leaked)]
    return found


def _known(evidence: Evidence) -> dict[int, int]:
    """Rows that show the same as one that is learned from, and which that is."""
    pairs = [(twin.first, twin.second) for twin in evidence.twins]
    groups = join_groups(evidence.table.digests, pairs).tolist()
    train = evidence.parts.train.tolist()
    taught, is_taught = {groups[row]: row for row in reversed(train)}, set(train)
    found = {row: taught[group] for row, group in enumerate(groups) if group in taught}
    both_ways = [*pairs, *((second, first) for first, second in pairs)]
    direct = {held: row for held, row in both_ways if row in is_taught}
    return {row: direct.get(row, other) for row, other in found.items() if row not in is_taught}


def _of_all(evidence: Evidence, what: str, rows: Rows, leaked: Rows) -> Finding:
    right = evidence.answered == evidence.labels
    files = evidence.names(leaked)
    sentence = (
        f"{len(leaked)} of {len(rows)} pictures of the {what} show what is learned from, too "
        f"({listed(files)}): {right[rows].mean():.1%} of all of them are right"
    )
    rest = np.setdiff1d(rows, leaked)
    without = f", without these {right[rest].mean():.1%}" if len(rest) else ", and none are left"
    return Finding("leak", files, 1.0, sentence + without)


def _each(evidence: Evidence, known: Mapping[int, int], leaked: Rows) -> Iterator[Finding]:
    similar = {frozenset((twin.first, twin.second)): twin.similarity for twin in evidence.twins}
    for row in leaked.tolist():
        held, learned = evidence.names(np.array([row, known[row]]))
        score = similar.get(frozenset((row, known[row])), 0.5)
        sentence = f"{held} is to judge, and shows the same as {learned}, which is learned from"
        yield Finding("leak", (held, learned), score, sentence)
