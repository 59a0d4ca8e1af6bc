"""Pictures of strangers, read and drawn in processes of their own, and measured."""

from functools import partial

import numpy as np
import numpy.typing as npt

from models.decoding.workers import PictureWorkers
from models.preprocessing import Preprocessing, ReadPicture, read_picture
from service.inference import drawing
from service.observability import metrics
from service.settings import Settings


class Pictures:
    """The processes, and how long they take. Lives in one event loop."""

    def __init__(self, settings: Settings) -> None:
        self._max_pixels = settings.max_pixels
        self._workers = PictureWorkers(
            settings.decode_workers,
            settings.decode_seconds,
            settings.decode_memory_bytes,
            preloaded=(drawing.__name__,),
        )

    async def open(self) -> None:
        """Starts all processes."""
        await self._workers.open()

    async def close(self) -> None:
        """Ends them after what they do now."""
        await self._workers.close()

    async def read(self, data: bytes, preprocessing: Preprocessing) -> ReadPicture:
        """Decodes a file, and brings the picture to what a network reads.

        Raises:
            ImageError: it is no picture, a broken one, or too large.
        """
        with metrics.DECODE.time():
            work = partial(read_picture, data, preprocessing, self._max_pixels)
            return await self._workers.run(work)

    async def draw(
        self,
        data: bytes,
        style: drawing.Drawing,
        heatmap: npt.NDArray[np.float32],
        preprocessing: Preprocessing,
    ) -> bytes:
        """Draws a heatmap; arguments, answer and errors as for `draw_png`."""
        with metrics.RENDER.time():
            draw = partial(drawing.draw_png, data, self._max_pixels, style, heatmap, preprocessing)
            return await self._workers.run(draw)
