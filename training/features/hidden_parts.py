"""What the network sees of pictures that are made of others, kept by what is in them.

A run that grades heatmaps hides parts of a few pictures again and again; which, depends for the
most part on the pictures alone. The next run over them finds those features where it finds the
pictures' own.
"""

import hashlib
from functools import partial
from typing import BinaryIO, Final

import numpy as np

from models.preprocessing import Pixels
from models.signature import Floats, feature_maps_of
from training.features.cache import cache_folder, read_entry, remember
from training.features.extractor import Extractor

_KIND: Final = "parts"

#: Pictures that are shown at once.
_BATCH: Final = 8


class FeaturesOfParts:
    """A frozen network asked about pixels, none of them twice. Several threads may ask."""

    def __init__(self, extractor: Extractor, of_pictures: str) -> None:
        """Reads what the last run over the same pictures has kept.

        Args:
            extractor: the network.
            of_pictures: a digest of all pictures.
        """
        self._extractor, self._key = extractor, extractor.key(of_pictures)
        self._before = read_entry(cache_folder(), _KIND, self._key, _load) or {}
        self._asked: dict[bytes, Floats] = {}

    def __call__(self, pixels: Pixels) -> Floats:
        """Features (N, C) of uint8 (N, H, W, 3)."""
        digests = [hashlib.sha256(one).digest() for one in pixels]
        new = [at for at, digest in enumerate(digests) if digest not in self._before]
        for start in range(0, len(new), _BATCH):
            batch = new[start : start + _BATCH]
            maps = feature_maps_of(self._extractor.graph.session, pixels[batch])
            found = self._extractor.network.features(maps)
            self._asked.update(zip((digests[at] for at in batch), found, strict=True))
        known = {d: self._before[d] for d in digests if d in self._before}
        self._asked.update(known)
        return np.stack([self._asked[digest] for digest in digests])

    def keep(self) -> None:
        """Keeps what was asked, and nothing that no run asks any more."""
        if not self._asked.keys() <= self._before.keys():
            remember(_KIND, self._key, partial(_save, self._asked))


def _save(asked: dict[bytes, Floats], file: BinaryIO) -> None:
    np.save(file, np.frombuffer(b"".join(asked), np.uint8).reshape(len(asked), -1))
    np.save(file, np.stack(list(asked.values())))


def _load(file: BinaryIO) -> dict[bytes, Floats]:
    digests, features = (np.load(file, allow_pickle=False) for _ in range(2))
    return dict(zip(map(bytes, digests), features, strict=True))
