"""A feature table on disk, so that a run that was cut off need not read its pictures again."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from models.files import file_digest, output_file
from training.data.folder import Example
from training.features.extractor import FeatureTable, LeftOut


def save_features(table: FeatureTable, path: Path) -> None:
    """Keeps a table, whole or not at all.

    Raises:
        OutputError: it cannot be written.
    """
    with output_file(path) as file:
        np.savez(
            file,
            features=table.features,
            names=np.array([example.name for example in table.examples]),
            digests=np.array(table.digests),
            left_out=np.array([(file.name, file.reason) for file in table.left_out]),
        )


def load_features(path: Path, examples: Sequence[Example]) -> FeatureTable | None:
    """A table that `save_features` kept, if the pictures are still the same; else None.

    Args:
        path: where it was kept.
        examples: the files that the folder holds now.
    """
    with np.load(path, allow_pickle=False) as kept:
        left_out = tuple(LeftOut(str(name), str(reason)) for name, reason in kept["left_out"])
        digests = dict(zip(kept["names"].tolist(), kept["digests"].tolist(), strict=True))
        features = kept["features"]
    used = tuple(example for example in examples if example.name in digests)
    if {e.name for e in examples} != {*digests, *(file.name for file in left_out)}:
        return None
    if any(file_digest(example.path) != digests[example.name] for example in used):
        return None
    return FeatureTable(used, features, tuple(digests[e.name] for e in used), left_out)
