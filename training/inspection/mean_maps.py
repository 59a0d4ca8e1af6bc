"""Where a network looks in the pictures of a class, on average: what one heatmap alone hides."""

from typing import Final

import numpy as np

from models.session import Session
from training.data.pictures import Pictures, readable_pixels
from training.inspection.evidence import Evidence
from training.inspection.inspection import MeanMap

#: Pictures of each class, and of all classes together.
_OF_A_CLASS, _OF_ALL = 24, 240

_BATCH: Final = 8


def mean_maps(evidence: Evidence, session: Session, pictures: Pictures) -> tuple[MeanMap, ...]:
    """Asks a network about some pictures of each class; classes of which none can be read lack.

    Args:
        evidence: whose pictures they are.
        session: of the bundle that was exported.
        pictures: opens their files.
    """
    most = max(1, min(_OF_A_CLASS, _OF_ALL // len(evidence.classes)))
    right = evidence.answered == evidence.labels
    found = []
    for index, label in enumerate(evidence.classes):
        rows = np.flatnonzero(right & (evidence.labels == index))
        asked = [evidence.table.examples[row] for row in rows[:: -(-len(rows) // most) or 1]]
        _, pixels = readable_pixels(pictures, asked, session.metadata.preprocessing)
        maps = [
            answer.heatmap
            for start in range(0, len(pixels), _BATCH)
            for answer in session.predict(pixels[start : start + _BATCH])
        ]
        if maps:
            found.append(MeanMap(label, np.mean(maps, axis=0, dtype=np.float32), len(maps)))
    return tuple(found)
