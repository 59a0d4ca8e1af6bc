"""A heatmap over its picture as the bytes of a PNG.

Imported by the processes that read pictures: no more than Pillow and numpy.
"""

import io
from typing import Final, Literal

import numpy as np
import numpy.typing as npt

from models.heatmap import MapGeometry, heatmap_picture, overlay
from models.preprocessing import Preprocessing, decode_image

Drawing = Literal["overlay", "heatmap"]

_DRAWINGS: Final = {"overlay": overlay, "heatmap": heatmap_picture}

#: zlib's quickest level: photographs come out 4 % larger than at its default, in a third of the
#: time.
_PNG_LEVEL: Final = 1


def draw_png(
    data: bytes,
    max_pixels: int,
    style: Drawing,
    heatmap: npt.NDArray[np.float32],
    preprocessing: Preprocessing,
    geometry: MapGeometry,
) -> bytes:
    """A heatmap, (h, w) in [0, 1], over the picture in a file, or alone; of the picture's own size.

    Raises:
        ImageError: the file is no picture, a broken one, or one of more than `max_pixels`.
    """
    image = decode_image(data, max_pixels, grey_range=preprocessing.grey_range)
    drawn = _DRAWINGS[style](image, heatmap, preprocessing, geometry)
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", compress_level=_PNG_LEVEL)
    return buffer.getvalue()
