"""What is known of pictures already, by their contents: one format, kept in two places.

In the user's cache, for every later run; it may vanish. In a run's own folder, so that a run that
was cut off goes on with what it has read, whatever became of the cache.
"""

from collections.abc import Sequence
from functools import partial
from pathlib import Path
from typing import BinaryIO, Final

import numpy as np
import numpy.typing as npt

from training.data.properties import Properties, load_properties, save_properties
from training.features.cache import cache_folder, read_entry, remember, write_entry

Features = npt.NDArray[np.float32]

_KIND: Final = "features"


class KnownFeatures:
    """Features that one graph with one preprocessing has made, and what the pictures are like.

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
        self._properties: list[Properties] = []
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

    def get(self, digest: str) -> tuple[Features, Properties] | None:
        """Features of a picture, float32 (C,), and what it is like, if it is known."""
        row = self._rows.get(digest)
        if row is None or self._features is None:
            return None
        return self._features[row], self._properties[row]

    def add(
        self, digests: Sequence[str], features: Features, properties: Sequence[Properties]
    ) -> None:
        """Keeps more of them in the cache: features (N, C)."""
        if self._take(digests, features, properties) and self._features is not None:
            seen = list(self._rows), self._features, self._properties
            remember(_KIND, self._key, partial(_save, *seen))

    def keep_in(
        self,
        run_folder: Path,
        digests: Sequence[str],
        features: Features,
        properties: Sequence[Properties],
    ) -> bool:
        """Keeps (N, C) in the folder of a run, and no others; whether that could be written."""
        save = partial(_save, digests, features, properties)
        return write_entry(run_folder, _KIND, self._key, save)

    def _take(
        self, digests: Sequence[str], features: Features, properties: Sequence[Properties]
    ) -> bool:
        """Adds what is new; whether anything is."""
        new = {d: row for row, d in enumerate(digests) if d not in self._rows}
        if not new:
            return False
        # Thousands of pictures take hundreds of megabytes: without need they are not copied.
        added = features if len(new) == len(features) else features[list(new.values())]
        known = [] if self._features is None else [self._features]
        self._features = np.concatenate([*known, added]) if known else added
        self._properties += [properties[row] for row in new.values()]
        for digest in new:
            self._rows[digest] = len(self._rows)
        return True


def was_kept_in(run_folder: Path) -> bool:
    """Whether a run has kept features, of whatever graph."""
    return any(run_folder.glob(f"{_KIND}-*"))


def _save(
    digests: Sequence[str], features: Features, properties: Sequence[Properties], file: BinaryIO
) -> None:
    np.save(file, np.array(digests, dtype=np.bytes_))
    np.save(file, features)
    save_properties(properties, file)


def _load(file: BinaryIO) -> tuple[list[str], Features, list[Properties]]:
    """Arrays behind each other."""
    digests, features = (np.load(file, allow_pickle=False) for _ in range(2))
    return digests.astype(str).tolist(), features, load_properties(file)
