"""Where a network looks in the pictures of a class, on average: what one heatmap alone hides."""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from models.session import Session
from training.data.pictures import Pictures, readable_pixels
from training.inspection.evidence import Evidence

#: Pictures of each class, and of all classes together.
_OF_A_CLASS, _OF_ALL = 24, 240

_BATCH: Final = 8


@dataclass(frozen=True, eq=False)
class MeanMap:
    """The mean heatmap of pictures of a class that are answered rightly.

    Attributes:
        label: the class.
        heatmap: float32 (h, w), in [0, 1], over what the network is shown.
        pictures: of how many.
    """

    label: str
    heatmap: npt.NDArray[np.float32]
    pictures: int

    def as_json(self) -> dict[str, Any]:
        """An element of `mean_maps` in `inspection.json`."""
        return {
            "label": self.label,
            "pictures": self.pictures,
            "heatmap": self.heatmap.round(4).tolist(),
        }


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
