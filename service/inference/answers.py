"""From uploaded pictures to what is answered about them."""

import asyncio
import re
import unicodedata
from dataclasses import dataclass
from functools import partial
from typing import Final, Literal, get_args
from urllib.parse import quote

from models.errors import RequestError, UnknownStyleError
from models.preprocessing import ReadPicture, read_picture
from models.session import Prediction
from models.signature import PREDICTED_CLASS
from service.http.schemas import Classified, Explanation, ModelDescription, Refused
from service.http.uploads import Upload
from service.inference.drawing import Drawing, draw_png
from service.inference.runtime import Engine
from service.inference.served_model import ServedModel
from service.observability import metrics
from service.observability.request_log import note_picture

Style = Drawing | Literal["raw"]

STYLES: Final[tuple[Style, ...]] = (*get_args(Drawing), "raw")

_LONGEST_STEM: Final = 80


@dataclass(frozen=True)
class ExplainedPicture:
    """A PNG as bytes, and the headers that say what it shows."""

    png: bytes
    headers: dict[str, str]


@dataclass(frozen=True)
class Question:
    """One picture to be explained.

    Attributes:
        upload: the picture.
        class_index: whose heatmap is wanted; -1: the predicted class's.
        style: one of `STYLES`.
    """

    upload: Upload
    class_index: int
    style: Style


def describe(model: ServedModel, *, is_default: bool) -> ModelDescription:
    """What `/models` says of a model."""
    metadata, training = model.metadata, model.metadata.training
    return ModelDescription(
        model=model.tag,
        name=model.name,
        is_default=is_default,
        digest=model.session.digest,
        classes=metadata.classes,
        provider=model.session.provider,
        backbone=metadata.backbone,
        weights=metadata.weights,
        precision=metadata.precision,
        input_width=metadata.preprocessing.width,
        input_height=metadata.preprocessing.height,
        framing=metadata.preprocessing.framing,
        accuracy=training.accuracy,
        accuracy_interval=training.accuracy_interval,
        held_out=training.held_out,
        trained_on=training.trained_on,
        created=training.created,
    )


async def classify_one(engine: Engine, model: ServedModel, upload: Upload) -> Classified:
    """Answers one picture.

    Raises:
        ImageError: it is no picture, a broken one, or too large.
    """
    prediction, _ = await _predict(engine, model, upload, PREDICTED_CLASS)
    return Classified(
        file_name=upload.file_name,
        label=prediction.label,
        probability=_probability(prediction.probability),
        probabilities=_probabilities(model, prediction),
    )


async def classify_each(
    engine: Engine, model: ServedModel, uploads: tuple[Upload, ...]
) -> list[Classified | Refused]:
    """Answers several pictures in their order; one that cannot be answered stops no other."""

    async def answer(upload: Upload) -> Classified | Refused:
        try:
            return await classify_one(engine, model, upload)
        except RequestError as error:
            return Refused(file_name=upload.file_name, error=f"{error}", status=error.http_status)

    return await asyncio.gather(*map(answer, uploads))


def ask(model: ServedModel, upload: Upload, texts: dict[str, str]) -> Question:
    """What a form asks for, checked before the picture is looked at.

    Raises:
        UnknownClassError: the model has no such class.
        UnknownStyleError: there is no such style.
    """
    style = texts.get("style") or STYLES[0]
    if style not in STYLES:
        raise UnknownStyleError(f"unknown style {style!r}; known are: {', '.join(STYLES)}")
    name = texts.get("class")
    class_index = model.class_index(name) if name else PREDICTED_CLASS
    return Question(upload, class_index, style)


async def explain(
    engine: Engine, model: ServedModel, question: Question
) -> Explanation | ExplainedPicture:
    """Answers where the network looked, as a picture or as numbers.

    Raises:
        ImageError: the file is no picture, a broken one, or too large.
    """
    prediction, picture = await _predict(engine, model, question.upload, question.class_index)
    if question.style == "raw":
        return _as_numbers(model, question, prediction, picture)
    draw = partial(
        draw_png,
        question.upload.data,
        engine.settings.max_pixels,
        question.style,
        prediction.heatmap,
        model.metadata.preprocessing,
    )
    with metrics.RENDER.time():
        png = await engine.workers.run(draw)
    return ExplainedPicture(png, _headers(model, question, prediction))


async def _predict(
    engine: Engine, model: ServedModel, upload: Upload, class_index: int
) -> tuple[Prediction, ReadPicture]:
    read = partial(
        read_picture, upload.data, model.metadata.preprocessing, engine.settings.max_pixels
    )
    note_picture(model.tag)
    with metrics.counted_refusal():
        with metrics.DECODE.time():
            picture = await engine.workers.run(read)
        prediction = await model.batcher.answer(picture.pixels, class_index)
    metrics.ANSWERS.labels(model.tag, prediction.label).inc()
    return prediction, picture


def _as_numbers(
    model: ServedModel, question: Question, prediction: Prediction, picture: ReadPicture
) -> Explanation:
    name, probability = _explained(model, question, prediction)
    return Explanation(
        model=model.tag,
        file_name=question.upload.file_name,
        label=prediction.label,
        probability=_probability(prediction.probability),
        probabilities=_probabilities(model, prediction),
        explained_class=name,
        class_probability=probability,
        width=picture.width,
        height=picture.height,
        box=model.metadata.preprocessing.box(picture.width, picture.height),
        heatmap=prediction.heatmap.clip(0, 1).tolist(),
    )


def _headers(model: ServedModel, question: Question, prediction: Prediction) -> dict[str, str]:
    """What the picture shows; names are percent-encoded, for headers are ASCII."""
    name, probability = _explained(model, question, prediction)
    return {
        "Content-Disposition": content_disposition(
            picture_name(question.upload.file_name, name, question.style)
        ),
        "X-Model": model.tag,
        "X-Label": quote(prediction.label, safe=""),
        "X-Probability": f"{_probability(prediction.probability):.6f}",
        "X-Class": quote(name, safe=""),
        "X-Class-Probability": f"{probability:.6f}",
    }


def _explained(model: ServedModel, question: Question, prediction: Prediction) -> tuple[str, float]:
    """The class that the heatmap speaks of, and its probability."""
    if question.class_index == PREDICTED_CLASS:
        return prediction.label, _probability(prediction.probability)
    name = model.session.classes[question.class_index]
    return name, _probability(prediction.probabilities[question.class_index])


def _probabilities(model: ServedModel, prediction: Prediction) -> dict[str, float]:
    """Of all classes, by name, in the bundle's order."""
    return {
        name: _probability(value)
        for name, value in zip(model.session.classes, prediction.probabilities, strict=True)
    }


def _probability(value: float) -> float:
    """A softmax in float32 may end 1e-7 above 1."""
    return min(float(value), 1.0)


def picture_name(file_name: str, class_name: str, style: str) -> str:
    """A file name for a download, from names that strangers chose: `cat.12-cat-overlay.png`."""
    stem = re.split(r"[/\\]", file_name)[-1].rpartition(".")
    parts = (stem[0] or stem[2], class_name, style)
    return "-".join(filter(None, map(_plain, parts))) + ".png"


def _plain(name: str) -> str:
    """Letters, digits, marks and `._-` of any script; nothing that a file system minds."""
    kept = (c if unicodedata.category(c)[0] in "LNM" or c in "._-" else "_" for c in name)
    return re.sub(r"_+", "_", "".join(kept)).strip("._-")[:_LONGEST_STEM]


def content_disposition(file_name: str) -> str:
    """The header that makes a browser save a file under a name (RFC 6266)."""
    ascii_name = unicodedata.normalize("NFKD", file_name).encode("ascii", "ignore").decode()
    return f"attachment; filename=\"{ascii_name}\"; filename*=UTF-8''{quote(file_name, safe='')}"
