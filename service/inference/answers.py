"""From the bytes of pictures to what the network says of them, and to drawings of that."""

import asyncio
from collections.abc import Iterable
from dataclasses import replace
from typing import Final, TypeVar

import numpy as np

from models import occlusion
from models.decoding.kinds import Draw, Read, Work
from models.drawing import Sketch
from models.errors import RequestError
from models.preprocessing import Pixels
from models.session import Prediction
from models.signature import PREDICTED_CLASS
from service.inference.runtime import Engine
from service.inference.served_model import Answer, Method, ServedModel
from service.inference.upload import Upload
from service.observability import metrics
from service.observability.request_log import current

_STRANGER: Final = (
    "the picture is unlike anything that the model learned from: its label and probability mean "
    "little"
)

_T = TypeVar("_T")


async def _in_turn(engine: Engine, work: Work[_T]) -> _T:
    """Requests take turns, and before them the names of their keys, where these have one."""
    record = current()
    return await engine.workers.run(work, record, record.name or None if record else None)


async def answer(
    engine: Engine,
    model: ServedModel,
    upload: Upload,
    class_index: int = PREDICTED_CLASS,
    method: Method = "gradcam",
) -> Answer:
    """Answers one picture; ImageError: it is no picture, a broken one, or too large."""
    if record := current():
        record.pictures += 1
        record.model = model.tag
    preprocessing = model.metadata.preprocessing
    work = Read(upload.data, preprocessing, engine.settings.max_pixels)
    try:
        with metrics.DECODE.time():
            picture = await _in_turn(engine, work)
        prediction = await model.batcher.answer(picture.pixels, class_index)
        explain = _by_occlusion if method == "occlusion" else _by_gradient
        prediction, scale = await explain(model, picture.pixels, class_index, prediction)
    except RequestError as error:
        metrics.REFUSED_PICTURES.labels(type(error).__name__).inc()
        raise
    _count(model, prediction)
    stranger = () if prediction.is_familiar else (_STRANGER,)
    warnings = (*stranger, *picture.warnings)
    size = picture.width, picture.height
    return Answer(model, upload, class_index, prediction, *size, warnings, scale, method)


async def _by_gradient(
    model: ServedModel, pixels: Pixels, class_index: int, prediction: Prediction
) -> tuple[Prediction, float]:
    """The answer as it is, and its map's scale, for which the network may be asked again."""
    if class_index in (PREDICTED_CLASS, model.session.classes.index(prediction.label)):
        return prediction, 1.0
    predicted = await model.batcher.answer(pixels)
    return prediction, _scale(prediction.heatmap_peak, predicted.heatmap_peak)


async def _by_occlusion(
    model: ServedModel, pixels: Pixels, class_index: int, prediction: Prediction
) -> tuple[Prediction, float]:
    """The answer with a map by hiding parts of the picture, and that map's scale."""
    asked = [model.batcher.answer(one, is_patient=True) for one in occlusion.hidden(pixels)]
    covered = np.stack([one.probabilities for one in await asyncio.gather(*asked)])
    predicted = model.session.classes.index(prediction.label)
    wanted = predicted if class_index == PREDICTED_CLASS else class_index
    heatmap, peak = occlusion.map_of(prediction.probabilities, covered, wanted)
    _, most = occlusion.map_of(prediction.probabilities, covered, predicted)
    return replace(prediction, heatmap=heatmap, heatmap_peak=peak), _scale(peak, most)


def _scale(peak: float, predicted_peak: float) -> float:
    """How strong a class's map is beside the predicted one's.

    Each map's maximum is 1: without this a class that next to nothing speaks for would glow as the
    right one does.
    """
    return min(1.0, peak / predicted_peak) if predicted_peak else 1.0


def _count(model: ServedModel, prediction: Prediction) -> None:
    metrics.ANSWERS.labels(model.tag, prediction.label).inc()
    metrics.SET_SIZE.labels(model.tag).observe(len(prediction.prediction_set))
    if not prediction.is_familiar:
        metrics.UNFAMILIAR.labels(model.tag).inc()
    if prediction.decision and prediction.decision.refer:
        metrics.REFERRED.labels(model.tag).inc()


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
    work = Draw(answered.upload.data, sketch, engine.settings.max_pixels)
    with metrics.RENDER.time():
        return await _in_turn(engine, work)
