"""Features that are known already, by the contents of pictures: one format, kept in two places.

In the user's cache, for every later run; it may vanish. In a run's own folder, so that a run that
was cut off goes on with what it has read, whatever became of the cache.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np

from training.features.cache import cache_folder, read_entry, remember, write_entry
from training.features.table import Features

_KIND: Final = "features"


class KnownFeatures:
    """Features that one graph with one preprocessing has made, by the digests of pictures.

    Attributes:
        goes_on: whether some were found in the folder of a run.
    """

    def __init__(self, key: str, run_folder: Path | None = None) -> None:
        """Reads what there is.

        Args:
            key: of graph and preprocessing, from `training.features.cache.digest_of`.
            run_folder: of a run that may have kept some, too.
        """
        self._key = key
        self._rows: dict[str, int] = {}
        self._features: Features | None = None
        self._one_colour: frozenset[str] = frozenset()
        found = [
            read_entry(place, _KIND, key, _load) for place in (cache_folder(), run_folder) if place
        ]
        for entry in found:
            if entry is not None:
                self._take(*entry)
        self.goes_on = run_folder is not None and found[-1] is not None

    @property
    def digests(self) -> frozenset[str]:
        """Of the pictures that are known now."""
        return frozenset(self._rows)

    def get(self, digest: str) -> Features | None:
        """Features of a picture, float32 (C,), if they are known."""
        row = self._rows.get(digest)
        return None if row is None or self._features is None else self._features[row]

    def is_one_colour(self, digest: str) -> bool:
        """Whether a picture that is known showed nothing."""
        return digest in self._one_colour

    def add(
        self,
        digests: Sequence[str],
        features: Features,
        one_colour: frozenset[str] = frozenset(),
    ) -> None:
        """Keeps more of them in the cache: (N, C), and which of the pictures are all one colour."""
        if self._take(digests, features, one_colour) and self._features is not None:
            seen = list(self._rows), self._features, self._one_colour
            remember(_KIND, self._key, partial(_save, *seen))

    def keep_in(
        self,
        run_folder: Path,
        digests: Sequence[str],
        features: Features,
        one_colour: frozenset[str] = frozenset(),
    ) -> bool:
        """Keeps (N, C) in the folder of a run, and no others; whether that could be written."""
        save = partial(_save, digests, features, one_colour)
        return write_entry(run_folder, _KIND, self._key, save)

    def _take(self, digests: Sequence[str], features: Features, one_colour: frozenset[str]) -> bool:
        """Adds what is new; whether anything is."""
        self._one_colour |= one_colour
        new = {d: row for row, d in enumerate(digests) if d not in self._rows}
        if not new:
            return False
        # Thousands of pictures take hundreds of megabytes: without need they are not copied.
        added = features if len(new) == len(features) else features[list(new.values())]
        known = [] if self._features is None else [self._features]
        self._features = np.concatenate([*known, added]) if known else added
        for digest in new:
            self._rows[digest] = len(self._rows)
        return True


def was_kept_in(run_folder: Path) -> bool:
    """Whether a run has kept features, of whatever graph."""
    return any(run_folder.glob(f"{_KIND}-*"))


def _save(
    digests: Sequence[str], features: Features, one_colour: frozenset[str], file: BinaryIO
) -> None:
    np.save(file, np.array(digests, dtype=np.bytes_))
    np.save(file, features)
    np.save(file, np.array([digest in one_colour for digest in digests], dtype=np.bool_))


def _load(file: BinaryIO) -> tuple[list[str], Features, frozenset[str]]:
    """Digests of pictures, their features, and which are one colour: arrays behind each other."""
    digests, features, shows_nothing = (np.load(file, allow_pickle=False) for _ in range(3))
    return digests.astype(str).tolist(), features, frozenset(digests[shows_nothing].astype(str))
