"""What one pass over the pictures found: a row of features for each that could be read."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from training.data.example import Example
from training.data.properties import Properties

Features = npt.NDArray[np.float32]


@dataclass(frozen=True)
class LeftOut:
    """A file that could not be read, and why."""

    name: str
    reason: str

    @property
    def kind(self) -> str:
        """The reason without what is particular to this file."""
        return self.reason.partition(":")[0]


@dataclass(frozen=True)
class FeatureTable:
    """What one pass found.

    Attributes:
        examples: those that could be read, in their order.
        features: float32 (N, C), a row for each.
        digests: SHA-256 of each one's bytes.
        left_out: those that could not.
        properties: what each one is like.
    """

    examples: tuple[Example, ...]
    features: Features
    digests: tuple[str, ...]
    left_out: tuple[LeftOut, ...]
    properties: tuple[Properties, ...]

    @property
    def names_of_one_colour(self) -> tuple[str, ...]:
        """Those that are all one colour, as the network sees them."""
        rows = zip(self.examples, self.properties, strict=True)
        return tuple(example.name for example, found in rows if found.shows_nothing)

    @property
    def labels(self) -> npt.NDArray[np.int64]:
        """The class of each, int64 (N,)."""
        return np.array([example.class_index for example in self.examples], dtype=np.int64)

    @property
    def data_digest(self) -> str:
        """SHA-256 over names and contents of all pictures used: changes with any of them."""
        lines = sorted(
            f"{digest} {example.name}\n"
            for example, digest in zip(self.examples, self.digests, strict=True)
        )
        return hashlib.sha256("".join(lines).encode()).hexdigest()


def join_tables(examples: Sequence[Example], tables: Sequence[FeatureTable]) -> FeatureTable:
    """Tables of different examples as one, in the order of all examples."""
    if len(tables) == 1:
        return tables[0]
    digests = {e: d for t in tables for e, d in zip(t.examples, t.digests, strict=True)}
    properties = {e: p for t in tables for e, p in zip(t.examples, t.properties, strict=True)}
    found = tuple(example for example in examples if example in digests)
    rows = {example: row for row, example in enumerate(found)}
    features = np.empty((len(found), tables[0].features.shape[1]), dtype=np.float32)
    for table in tables:
        features[[rows[example] for example in table.examples]] = table.features
    left_out = {file for table in tables for file in table.left_out}
    return FeatureTable(
        found,
        features,
        tuple(digests[e] for e in found),
        tuple(sorted(left_out, key=lambda file: file.name)),
        tuple(properties[e] for e in found),
    )
