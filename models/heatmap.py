"""From a heatmap to a picture that shows where the network looked.

The heatmap covers only what the network was shown. Where a crop has cut something off, the picture
is drawn in grey: the network has not seen it. Each cell is drawn where it looks (`MapGeometry`),
and between cells the map is a bicubic surface: a linear one shows crosses and boxes that look like
findings.
"""

import math
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

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

#: Width and height of the smallest legend, pixels, and what stands at its dark and bright end. No
#: name of a class: of most alphabets the font has no letters.
_LEGEND = 240, 34
_LINE = 14
_LEGEND_WORDS = "nothing speaks for the class", "most does"

#: Cells that a bicubic surface reads on each side of a place.
_REACH = 2

Heatmap = npt.NDArray[np.float32]


@dataclass(frozen=True)
class MapGeometry:
    """Where the cells of a heatmap look: the centre of what cell (i, j), row and column, sees.

    It lies at (offset_x + j step_x, offset_y + i step_y), in pixels of the network's input from its
    upper left corner. That is not where an even share of the input would put it: convolutions that
    are padded on one side only see to that.
    """

    offset_x: float
    offset_y: float
    step_x: float
    step_y: float

    def on(self, box: tuple[float, float, float, float], width: int, height: int) -> "MapGeometry":
        """The same in pixels of a picture of which the input, of a size, shows a box."""
        left, top, right, bottom = box
        across, down = (right - left) / width, (bottom - top) / height
        return MapGeometry(
            left + self.offset_x * across,
            top + self.offset_y * down,
            self.step_x * across,
            self.step_y * down,
        )


def overlay(
    image: Image.Image, heatmap: Heatmap, preprocessing: Preprocessing, geometry: MapGeometry
) -> Image.Image:
    """Lays a heatmap, (h, w) in [0, 1], over the whole upright RGB picture, in its own size."""
    box = _pixel_box(image, preprocessing)
    shown = image.crop(box)
    heat = enlarge(heatmap, shown.size, preprocessing, geometry)
    alpha = heat.point(lambda value: value * _STRONGEST)
    result = image.convert("L").convert("RGB") if shown.size != image.size else image.copy()
    result.paste(Image.composite(_colour(heat), shown, alpha), box[:2])
    return result


def heatmap_picture(
    image: Image.Image, heatmap: Heatmap, preprocessing: Preprocessing, geometry: MapGeometry
) -> Image.Image:
    """As `overlay`, the heatmap alone, in colour; grey is what the network has not seen."""
    box = _pixel_box(image, preprocessing)
    result = Image.new("RGB", image.size, (128, 128, 128))
    size = box[2] - box[0], box[3] - box[1]
    result.paste(_colour(enlarge(heatmap, size, preprocessing, geometry)), box[:2])
    return result


def with_legend(drawn: Image.Image, note: str = "") -> Image.Image:
    """A drawing with what its colours mean below it; as wide as the legend where it is narrower.

    A note, of letters that the font has, gets a line more.
    """
    scale = max(1, drawn.width // _LEGEND[0])
    width, height = (side * scale for side in _LEGEND)
    height += _LINE * scale * bool(note)
    result = Image.new("RGB", (max(drawn.width, width), drawn.height + height), "white")
    result.paste(drawn)
    ramp = np.linspace(0, 255, width - 12 * scale).astype(np.uint8)
    bar = _colour(Image.fromarray(np.tile(ramp, (8 * scale, 1))))
    result.paste(bar, (6 * scale, drawn.height + 6 * scale))
    draw, font = ImageDraw.Draw(result), ImageFont.load_default(10 * scale)
    baseline = drawn.height + 18 * scale
    draw.text((6 * scale, baseline), _LEGEND_WORDS[0], "black", font)
    draw.text((width - 6 * scale, baseline), _LEGEND_WORDS[1], "black", font, anchor="ra")
    draw.text((6 * scale, baseline + _LINE * scale), note, "black", font)
    return result


def heatmap_layer(
    size: tuple[int, int],
    heatmap: Heatmap,
    preprocessing: Preprocessing,
    geometry: MapGeometry,
) -> Image.Image:
    """What lies over a picture of this size, RGBA, for who draws it over the picture himself.

    A grey veil is over what the network has not seen.
    """
    image = Image.new("RGB", size)
    coloured = heatmap_picture(image, heatmap, preprocessing, geometry)
    box = _pixel_box(image, preprocessing)
    alpha = Image.new("L", size, 150)
    heat = enlarge(heatmap, (box[2] - box[0], box[3] - box[1]), preprocessing, geometry)
    alpha.paste(heat.point(lambda value: value * _STRONGEST), box[:2])
    coloured.putalpha(alpha)
    return coloured


def enlarge(
    heatmap: Heatmap, size: tuple[int, int], preprocessing: Preprocessing, geometry: MapGeometry
) -> Image.Image:
    """The heatmap over what the network was shown, (width, height) pixels, as greys of 8 bits.

    Beyond the outermost cells it goes on as they are.
    """
    grey = np.asarray(heatmap * 255 + 0.5, dtype=np.uint8)
    left, right, columns = _reach(
        geometry.offset_x, geometry.step_x, preprocessing.width, grey.shape[1]
    )
    top, bottom, rows = _reach(
        geometry.offset_y, geometry.step_y, preprocessing.height, grey.shape[0]
    )
    grown = Image.fromarray(np.pad(grey, (rows, columns), mode="edge"))
    # In 8 bits Pillow cuts off what a bicubic surface has above white and below black.
    return grown.resize(size, Image.Resampling.BICUBIC, box=(left, top, right, bottom))


def _reach(
    offset: float, step: float, length: int, cells: int
) -> tuple[float, float, tuple[int, int]]:
    """Both edges of the input among cells, and how many of these are missing there on each side."""
    low, high = 0.5 - offset / step, 0.5 + (length - offset) / step
    before = max(0, math.ceil(_REACH - low))
    after = max(0, math.ceil(high + _REACH - cells))
    return low + before, high + before, (before, after)


def _pixel_box(image: Image.Image, preprocessing: Preprocessing) -> tuple[int, int, int, int]:
    left, top, right, bottom = (round(edge) for edge in preprocessing.box(*image.size))
    # A picture of one pixel's height has been seen all the same.
    return left, top, max(right, left + 1), max(bottom, top + 1)


def _colour(heat: Image.Image) -> Image.Image:
    steps = np.linspace(0, 255, len(_INFERNO))
    table = np.stack([np.interp(np.arange(256), steps, c) for c in _INFERNO.T], axis=1)
    return Image.fromarray(table.astype(np.uint8)[np.asarray(heat)])
