"""Where the network looks for each class, as pictures: nothing of a user's picture is in them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from PIL import Image

from models.heatmap import heatmap_picture
from models.session import Session
from training.inspection.inspection import MeanMap
from training.report.album import data_uri

#: Of more classes nobody compares the maps.
_CLASSES: Final = 12

#: Of fewer pictures a mean says nothing.
_FEWEST: Final = 5

#: Pixels of the longer side of a drawn map.
_SIDE: Final = 128


@dataclass(frozen=True)
class DrawnMap:
    """Where the network looks for a class, on average.

    Attributes:
        label: of the class.
        count: of pictures in the mean.
        picture: of the map alone, as a data URI.
    """

    label: str
    count: int
    picture: str


def draw_mean_maps(means: Sequence[MeanMap], session: Session) -> tuple[DrawnMap, ...]:
    """Draws those of enough pictures; none where there are too many to be compared."""
    if len(means) > _CLASSES:
        return ()
    return tuple(
        DrawnMap(mean.label, mean.pictures, _drawn(mean, session))
        for mean in means
        if mean.pictures >= _FEWEST
    )


def _drawn(mean: MeanMap, session: Session) -> str:
    shown, geometry = session.metadata.preprocessing, session.metadata.map_geometry
    scale = _SIDE / max(shown.width, shown.height)
    size = max(1, round(shown.width * scale)), max(1, round(shown.height * scale))
    heat = mean.heatmap / max(float(mean.heatmap.max()), 1e-9)
    # What it was shown, and nothing around it.
    whole = replace(shown, framing="squash")
    return data_uri(heatmap_picture(Image.new("RGB", size), heat, whole, geometry))
