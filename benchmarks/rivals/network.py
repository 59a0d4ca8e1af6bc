"""What every rival is given: the graph, the preprocessing and the options of one bundle.

RIVAL_BUNDLE names the file, RIVAL_WORKERS how many processes share the cores.
"""

import os
from pathlib import Path

import numpy as np

from models.bundle import read_bundle
from models.cores import granted_cores
from models.preprocessing import Pixels, read_pixels
from models.session import Session

WORKERS = int(os.environ["RIVAL_WORKERS"])

#: As the service's own.
MAX_BATCH = 16


class Network:
    """The bundle, loaded; all processes together use every core once, and none spins."""

    def __init__(self) -> None:
        bundle = read_bundle(Path(os.environ["RIVAL_BUNDLE"]))
        self._session = Session(bundle, "cpu", max(1, granted_cores() // WORKERS))
        self._preprocessing = bundle.metadata.preprocessing

    def read(self, data: bytes) -> Pixels:
        """The bytes of a picture as uint8 (H, W, 3)."""
        return read_pixels(data, self._preprocessing)

    def classify(self, pictures: list[Pixels]) -> list[dict[str, object]]:
        """What the rivals answer, as JSON."""
        names = self._session.classes
        return [
            {
                "label": found.label,
                "probability": found.probability,
                "probabilities": dict(zip(names, found.probabilities.tolist(), strict=True)),
            }
            for found in self._session.predict(np.stack(pictures))
        ]
