"""From what a model said to what goes out over HTTP: schemas, headers, names of downloads."""

import re
import unicodedata
from dataclasses import asdict
from heapq import nlargest
from operator import itemgetter
from typing import Final
from urllib.parse import quote

import numpy as np

from models.decision import Decision
from models.drawing import Drawing, Sketch
from models.errors import RequestError
from models.signature import PREDICTED_CLASS
from service.http.schemas import (
    Classified,
    Decided,
    DecidedFrom,
    Explanation,
    MapPlaces,
    ModelDescription,
    Refused,
)
from service.inference.served_model import Answer, Method, ServedModel
from service.inference.upload import Upload

_LONGEST_STEM: Final = 80

_METHODS: Final[dict[Method, str]] = {"gradcam": "Grad-CAM", "occlusion": "occlusion"}


def describe(model: ServedModel, *, is_default: bool) -> ModelDescription:
    """What `/models` says of a model."""
    metadata, training = model.metadata, model.metadata.training
    point = metadata.operating_point
    return ModelDescription(
        model=model.tag,
        name=model.name,
        is_newest=model.is_newest,
        is_default=is_default,
        digest=model.session.digest,
        classes=metadata.classes,
        provider=model.session.provider,
        backbone=metadata.backbone,
        weights=metadata.weights,
        licence=metadata.licence,
        precision=metadata.precision,
        input_width=metadata.preprocessing.width,
        input_height=metadata.preprocessing.height,
        framing=metadata.preprocessing.framing,
        familiarity_threshold=metadata.familiarity_threshold,
        coverage=metadata.coverage,
        accuracy=training.accuracy,
        accuracy_interval=training.accuracy_interval,
        judged_by=training.judged_by,
        held_out=training.held_out,
        trained_on=training.trained_on,
        created=training.created,
        **({"operating_point": DecidedFrom(**point.model_dump())} if point else {}),
        map_quality=metadata.map_quality,
    )


def classified(answer: Answer, top_k: int | None = None) -> Classified:
    """What `/classify` says of a picture; of so many classes, the most probable first, or all."""
    prediction, classes = answer.prediction, answer.model.session.classes
    pairs = list(zip(classes, map(_probability, prediction.probabilities), strict=True))
    shown = pairs if top_k is None else nlargest(top_k, pairs, key=itemgetter(1))
    decision = prediction.decision
    return Classified(
        file_name=answer.upload.file_name,
        label=prediction.label,
        probability=_probability(prediction.probability),
        probabilities=dict(shown),
        familiar=prediction.is_familiar,
        familiarity=prediction.familiarity,
        prediction_set=list(prediction.prediction_set),
        warnings=list(answer.warnings),
        **({"decision": _decided(decision)} if decision else {}),
    )


def _decided(decision: Decision) -> Decided:
    return Decided(label=decision.label, refer=decision.refer, reason=decision.reason)


def classified_or_refused(
    upload: Upload, answer: Answer | RequestError, top_k: int | None = None
) -> Classified | Refused:
    """What `/classify` says of a picture among several."""
    if isinstance(answer, RequestError):
        return Refused(file_name=upload.file_name, error=f"{answer}", status=answer.http_status)
    return classified(answer, top_k)


def as_numbers(answer: Answer, top_k: int | None = None) -> Explanation:
    """What `/explain` says in numbers."""
    name, probability = _explained(answer)
    return Explanation(
        **classified(answer, top_k).model_dump(exclude_unset=True),
        model=answer.model.tag,
        explained_class=name,
        class_probability=probability,
        width=answer.width,
        height=answer.height,
        box=_box(answer),
        heatmap=answer.prediction.heatmap.clip(0, 1).tolist(),
        heatmap_peak=answer.prediction.heatmap_peak,
        scale=answer.scale,
        map_geometry=_geometry(answer),
        method=answer.method,
        map_doubt=answer.map_doubt,
    )


def sketch_of(answer: Answer, style: Drawing, *, has_legend: bool) -> Sketch:
    """What `/explain` draws: a class that little speaks for glows little."""
    name, probability = _explained(answer)
    return Sketch(
        style=style,
        heatmap=answer.prediction.heatmap * np.float32(answer.scale),
        preprocessing=answer.model.metadata.preprocessing,
        geometry=answer.geometry,
        has_legend=has_legend,
        note=answer.map_note,
        texts={
            "Model": answer.model.name,
            "Version": answer.model.tag.rpartition(":")[2],
            "Class": name,
            "Probability": f"{probability:.6f}",
            "Method": _METHODS[answer.method],
            **({"Doubt": answer.map_doubt} if answer.map_doubt else {}),
        },
    )


def _box(answer: Answer) -> tuple[float, float, float, float]:
    return answer.model.metadata.preprocessing.box(answer.width, answer.height)


def _geometry(answer: Answer) -> MapPlaces:
    shape = answer.model.metadata.preprocessing
    return MapPlaces(**asdict(answer.geometry.on(_box(answer), shape.width, shape.height)))


def picture_headers(answer: Answer, style: str) -> dict[str, str]:
    """What a drawing shows; names are percent-encoded, for headers are ASCII."""
    name, probability = _explained(answer)
    file_name = picture_name(answer.upload.file_name, name, style)
    doubts = {"X-Warnings": quote(". ".join(answer.warnings), safe="")} if answer.warnings else {}
    return {
        "Content-Disposition": content_disposition(file_name),
        "X-Model": answer.model.tag,
        "X-Label": quote(answer.prediction.label, safe=""),
        "X-Probability": f"{_probability(answer.prediction.probability):.6f}",
        "X-Class": quote(name, safe=""),
        "X-Class-Probability": f"{probability:.6f}",
        **doubts,
    }


def _explained(answer: Answer) -> tuple[str, float]:
    """The class that the heatmap speaks of, and its probability."""
    prediction, index = answer.prediction, answer.class_index
    if index == PREDICTED_CLASS:
        return prediction.label, _probability(prediction.probability)
    return answer.model.session.classes[index], _probability(prediction.probabilities[index])


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
