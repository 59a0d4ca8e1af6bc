"""From a heatmap to a picture that shows where the network looked.

The heatmap covers only what the network was shown. Where a crop has cut something off, the picture
is drawn in grey: the network has not seen it.
"""

import numpy as np
import numpy.typing as npt
from PIL import Image

from models.preprocessing import Preprocessing

#: Matplotlib's inferno (CC0) at nine even steps: dark where nothing is, bright where much is, and
#: readable by those who do not tell red from green.
_INFERNO = np.array(
    [
        (0, 0, 4), (31, 12, 72), (85, 15, 109), (136, 34, 106), (186, 54, 85),
        (227, 89, 51), (249, 140, 10), (249, 201, 50), (252, 255, 164),
    ],
    dtype=np.float64,
)  # fmt: skip

#: How much of the picture the brightest place of the heatmap may cover.
_STRONGEST = 0.7


def overlay(
    image: Image.Image, heatmap: npt.NDArray[np.float32], preprocessing: Preprocessing
) -> Image.Image:
    """Lays a heatmap, (h, w) in [0, 1], over the whole upright RGB picture, in its own size."""
    box = _pixel_box(image, preprocessing)
    shown = image.crop(box)
    heat = _enlarge(heatmap, shown.size)
    alpha = heat.point(lambda value: value * _STRONGEST)
    result = image.convert("L").convert("RGB") if shown.size != image.size else image.copy()
    result.paste(Image.composite(_colour(heat), shown, alpha), box[:2])
    return result


def heatmap_picture(
    image: Image.Image, heatmap: npt.NDArray[np.float32], preprocessing: Preprocessing
) -> Image.Image:
    """As `overlay`, the heatmap alone, in colour; grey is what the network has not seen."""
    box = _pixel_box(image, preprocessing)
    result = Image.new("RGB", image.size, (128, 128, 128))
    result.paste(_colour(_enlarge(heatmap, (box[2] - box[0], box[3] - box[1]))), box[:2])
    return result


def heatmap_layer(
    size: tuple[int, int], heatmap: npt.NDArray[np.float32], preprocessing: Preprocessing
) -> Image.Image:
    """What lies over a picture of this size, RGBA, for who draws it over the picture himself.

    A grey veil is over what the network has not seen.
    """
    image = Image.new("RGB", size)
    coloured = heatmap_picture(image, heatmap, preprocessing)
    box = _pixel_box(image, preprocessing)
    alpha = Image.new("L", size, 150)
    heat = _enlarge(heatmap, (box[2] - box[0], box[3] - box[1]))
    alpha.paste(heat.point(lambda value: value * _STRONGEST), box[:2])
    coloured.putalpha(alpha)
    return coloured


def _pixel_box(image: Image.Image, preprocessing: Preprocessing) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge) for edge in preprocessing.box(*image.size))
    # A picture of one pixel's height has been seen all the same.
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _enlarge(heatmap: npt.NDArray[np.float32], size: tuple[int, int]) -> Image.Image:
    grey = Image.fromarray(np.asarray(heatmap * 255 + 0.5, dtype=np.uint8))
    return grey.resize(size, Image.Resampling.BILINEAR)


def _colour(heat: Image.Image) -> Image.Image:
    steps = np.linspace(0, 255, len(_INFERNO))
    table = np.stack([np.interp(np.arange(256), steps, c) for c in _INFERNO.T], axis=1)
    return Image.fromarray(table.astype(np.uint8)[np.asarray(heat)])
