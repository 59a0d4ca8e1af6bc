"""From the bytes of pictures to what the network says of them, and to drawings of that."""

import asyncio
from collections.abc import Iterable
from dataclasses import dataclass

from models.errors import RequestError
from models.session import Prediction
from models.signature import PREDICTED_CLASS
from service.inference.drawing import Drawing
from service.inference.pictures import Pictures
from service.inference.served_model import ServedModel
from service.observability import metrics
from service.observability.request_log import note_picture


@dataclass(frozen=True)
class Upload:
    """One picture as it came, by the name that its sender gave it."""

    file_name: str
    data: bytes


@dataclass(frozen=True)
class Answer:
    """What the network says of a picture.

    Attributes:
        upload: the picture.
        class_index: whose heatmap was asked for; -1: the predicted class's.
        prediction: the answer, with that heatmap.
        width: of the upright picture, pixels.
        height: of the upright picture, pixels.
    """

    upload: Upload
    class_index: int
    prediction: Prediction
    width: int
    height: int


async def answer(
    pictures: Pictures, model: ServedModel, upload: Upload, class_index: int = PREDICTED_CLASS
) -> Answer:
    """Answers one picture.

    Raises:
        ImageError: it is no picture, a broken one, or too large.
    """
    note_picture(model.tag)
    with metrics.counted_refusal():
        picture = await pictures.read(upload.data, model.metadata.preprocessing)
        prediction = await model.batcher.answer(picture.pixels, class_index)
    metrics.ANSWERS.labels(model.tag, prediction.label).inc()
    return Answer(upload, class_index, prediction, picture.width, picture.height)


async def answer_each(
    pictures: Pictures, model: ServedModel, uploads: Iterable[Upload]
) -> list[Answer | RequestError]:
    """Answers several pictures in their order; one that cannot be answered stops no other."""

    async def answer_or_refuse(upload: Upload) -> Answer | RequestError:
        try:
            return await answer(pictures, model, upload)
        except RequestError as error:
            return error

    return await asyncio.gather(*map(answer_or_refuse, uploads))


async def draw(pictures: Pictures, model: ServedModel, answered: Answer, style: Drawing) -> bytes:
    """Draws an answer's heatmap, as a PNG of the upright picture's own size."""
    heatmap, preprocessing = answered.prediction.heatmap, model.metadata.preprocessing
    return await pictures.draw(answered.upload.data, style, heatmap, preprocessing)
