"""From the bytes of pictures to what the network says of them, and to drawings of that."""

import asyncio
from collections.abc import Iterable
from functools import partial
from typing import Final

from models.drawing import Sketch, draw_png
from models.errors import RequestError
from models.preprocessing import Pixels, read_picture
from models.session import Prediction
from models.signature import PREDICTED_CLASS
from service.inference.runtime import Engine
from service.inference.served_model import Answer, ServedModel
from service.inference.upload import Upload
from service.observability import metrics
from service.observability.request_log import current

_STRANGER: Final = (
    "the picture is unlike anything that the model learned from: its label and probability mean "
    "little"
)


async def answer(
    engine: Engine, model: ServedModel, upload: Upload, class_index: int = PREDICTED_CLASS
) -> Answer:
    """Answers one picture; ImageError: it is no picture, a broken one, or too large."""
    if record := current():
        record.pictures += 1
        record.model = model.tag
    preprocessing = model.metadata.preprocessing
    work = partial(read_picture, upload.data, preprocessing, engine.settings.max_pixels)
    try:
        with metrics.DECODE.time():
            picture = await engine.workers.run(work, current())
        prediction = await model.batcher.answer(picture.pixels, class_index)
        scale = await _scale(model, picture.pixels, class_index, prediction)
    except RequestError as error:
        metrics.REFUSED_PICTURES.labels(type(error).__name__).inc()
        raise
    _count(model, prediction)
    stranger = () if prediction.is_familiar else (_STRANGER,)
    warnings = (*stranger, *picture.warnings)
    size = picture.width, picture.height
    return Answer(model, upload, class_index, prediction, *size, warnings, scale)


async def _scale(
    model: ServedModel, pixels: Pixels, class_index: int, prediction: Prediction
) -> float:
    """How strong a class's map is beside the predicted one's, for which the network is asked again.

    Each map's maximum is 1: without this a class that next to nothing speaks for would glow as the
    right one does.
    """
    if class_index in (PREDICTED_CLASS, model.session.classes.index(prediction.label)):
        return 1.0
    predicted = await model.batcher.answer(pixels)
    if not predicted.heatmap_peak:
        return 1.0
    return min(1.0, prediction.heatmap_peak / predicted.heatmap_peak)


def _count(model: ServedModel, prediction: Prediction) -> None:
    metrics.ANSWERS.labels(model.tag, prediction.label).inc()
    metrics.SET_SIZE.labels(model.tag).observe(len(prediction.prediction_set))
    if not prediction.is_familiar:
        metrics.UNFAMILIAR.labels(model.tag).inc()


async def answer_each(
    engine: Engine, model: ServedModel, uploads: Iterable[Upload]
) -> list[Answer | RequestError]:
    """Answers several pictures in their order; one that cannot be answered stops no other."""

    async def answer_or_refuse(upload: Upload) -> Answer | RequestError:
        try:
            return await answer(engine, model, upload)
        except RequestError as error:
            return error

    return await asyncio.gather(*map(answer_or_refuse, uploads))


async def draw(engine: Engine, answered: Answer, sketch: Sketch) -> bytes:
    """Draws an answer's heatmap, as a PNG of the upright picture's own size."""
    work = partial(draw_png, answered.upload.data, engine.settings.max_pixels, sketch)
    with metrics.RENDER.time():
        return await engine.workers.run(work, current())
