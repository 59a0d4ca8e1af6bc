"""A heatmap over its picture as the bytes of a PNG.

Imported by the processes that read pictures: no more than Pillow and numpy.
"""

import io
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal

from PIL.PngImagePlugin import PngInfo

from models.heatmap import Heatmap, MapGeometry, heatmap_picture, overlay, with_legend
from models.preprocessing import Preprocessing, decode_image

Drawing = Literal["overlay", "heatmap"]

_DRAWINGS: Final = {"overlay": overlay, "heatmap": heatmap_picture}

#: zlib's quickest level: photographs come out 4 % larger than at its default, in a third of the
#: time.
_PNG_LEVEL: Final = 1


@dataclass(frozen=True)
class Sketch:
    """What is to be drawn over a picture.

    Attributes:
        style: whether over the picture, or alone.
        heatmap: (h, w) in [0, 1], on the scale that it is to be seen on.
        preprocessing: what of the picture it covers.
        geometry: where its cells look.
        has_legend: whether what the colours mean stands below.
        note: a line more of the legend.
        texts: what goes into the file as its metadata, by keyword; of any letters.
    """

    style: Drawing
    heatmap: Heatmap
    preprocessing: Preprocessing
    geometry: MapGeometry
    has_legend: bool = False
    note: str = ""
    texts: Mapping[str, str] = field(default_factory=dict)


def draw_png(data: bytes, max_pixels: int, sketch: Sketch) -> bytes:
    """A heatmap with the picture in a file, of the picture's own size; a legend makes it taller.

    Raises:
        ImageError: the file is no picture, a broken one, or one of more than `max_pixels`.
    """
    preprocessing = sketch.preprocessing
    image = decode_image(data, max_pixels, grey_range=preprocessing.grey_range)
    drawn = _DRAWINGS[sketch.style](image, sketch.heatmap, preprocessing, sketch.geometry)
    if sketch.has_legend:
        drawn = with_legend(drawn, sketch.note)
    about = PngInfo()
    for keyword, text in sketch.texts.items():
        # As UTF-8, whatever it holds: a class is called as its folder was.
        about.add_itxt(keyword, text.replace("\0", "\N{REPLACEMENT CHARACTER}"))
    buffer = io.BytesIO()
    drawn.save(buffer, "PNG", compress_level=_PNG_LEVEL, pnginfo=about)
    return buffer.getvalue()
