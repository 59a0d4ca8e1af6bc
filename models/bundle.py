"""The bundle: one ONNX file that holds everything an answer needs.

The graph takes `image`, uint8 (N, H, W, 3), and `class_index`, int64 (N,), -1 for the predicted
class; it gives `probabilities` (N, K), `heatmap` (N, h, w) in [0, 1], `heatmap_peak` (N,),
`familiarity` (N,) in [0, 1] and `prediction_set`, bool (N, K). The rest stands in the file's own
metadata, as one JSON document that `BundleMetadata` describes.

A bundle is written whole or not at all, and read only if it is whole: the file ends with the
SHA-256 of all bytes before it. Protobuf takes concatenated messages for one, so that last entry is
ordinary ONNX metadata to everybody else.
"""

import hashlib
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, BinaryIO, Final, Literal

import onnx
from google.protobuf.message import DecodeError, Message
from onnx.external_data_helper import uses_external_data
from pydantic import (
    AfterValidator,
    Base64Bytes,
    BaseModel,
    ConfigDict,
    Field,
    ValidationError,
    model_validator,
)

from models.calibration import Calibration
from models.choices import Measure, Precision
from models.errors import BundleError, OutputError
from models.files import whole_file
from models.heatmap import MapGeometry
from models.map_quality import MapQuality
from models.preprocessing import Preprocessing

FORMAT_VERSION: Final = 2

_METADATA_KEY: Final = "train_transfer"
_DIGEST_KEY: Final = "sha256"

#: Of a network's input, and so of what lies in it.
_MOST_PIXELS: Final = 4096

_MAKE_ANEW: Final = "Make it anew from its pictures: train-transfer --data FOLDER"


class _Record(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


def _check_classes(classes: tuple[str, ...]) -> tuple[str, ...]:
    if len(set(classes)) != len(classes):
        raise ValueError("a class name stands there twice")
    if not all(name.strip() for name in classes):
        raise ValueError("a class name is empty")
    return classes


def _check_heatmap(heatmap: tuple[tuple[float, ...], ...]) -> tuple[tuple[float, ...], ...]:
    if len({len(row) for row in heatmap}) > 1:
        raise ValueError("its rows are not equally long")
    return heatmap


def _check_geometry(geometry: MapGeometry) -> MapGeometry:
    """A map is drawn with as many cells as fit into the picture: not with millions."""
    if not (1 <= geometry.step_x <= _MOST_PIXELS and 1 <= geometry.step_y <= _MOST_PIXELS):
        raise ValueError("its cells lie too close together, or too far apart")
    if not (abs(geometry.offset_x) <= _MOST_PIXELS and abs(geometry.offset_y) <= _MOST_PIXELS):
        raise ValueError("its first cell lies far outside of the picture")
    return geometry


class SelfCheck(_Record):
    """A drawn picture's file, and what whoever loads the bundle must find the network answers."""

    picture: Base64Bytes
    probabilities: tuple[float, ...]
    heatmap: Annotated[tuple[tuple[float, ...], ...], AfterValidator(_check_heatmap)]
    familiarity: float
    prediction_set: tuple[bool, ...]


#: What an accuracy was measured on: all pictures, each answered by a head that had not seen it
#: (the network learned from all of them in the end), or a part that nothing was learned from.
JudgedBy = Literal["cross-validation", "validation part", "test part"]


class TrainingSummary(_Record):
    """How the network was made, and how good heads like it were on pictures they had not seen."""

    recipe: str
    seed: int
    accuracy: float = Field(ge=0, le=1)
    accuracy_interval: tuple[float, float]
    judged_by: JudgedBy = Field(default="test part", description="what the accuracy is of")
    held_out: int = Field(ge=1, description="pictures that the accuracy was measured on")
    trained_on: int = Field(ge=1, description="pictures that it learned from")
    created: str = Field(description="ISO 8601, UTC")


Share = Annotated[float, Field(ge=0, le=1)]


class OperatingPoint(_Record):
    """From which probability of one class on that class is decided, and how good that is.

    The shares are of pictures that had not been seen, each with its interval at 95 %; None where
    there were none to take it of.
    """

    label: str = Field(description="the class")
    measure: Measure = Field(description="what was asked for")
    at_least: float = Field(gt=0, lt=1, description="how much of it")
    threshold: Share | None = Field(
        description="of the class's probability; None: no probability of it is enough"
    )
    recall: Share | None = Field(description="of the class's pictures: sensitivity")
    recall_interval: tuple[Share, Share] | None
    precision: Share | None = Field(description="of the pictures that are decided to be of it")
    precision_interval: tuple[Share, Share] | None
    specificity: Share | None = Field(description="of others that are not decided to be of it")
    specificity_interval: tuple[Share, Share] | None


class BundleMetadata(_Record):
    """What a bundle says of itself."""

    format_version: Literal[2] = FORMAT_VERSION
    classes: Annotated[tuple[str, ...], Field(min_length=2), AfterValidator(_check_classes)]
    preprocessing: Preprocessing
    backbone: str
    weights: str = Field(description="where the backbone's weights came from")
    licence: str = Field(description="under which the backbone's weights are, as timm has it")
    precision: Precision = Field(default="fp32", description="what the backbone computes with")
    map_geometry: Annotated[
        MapGeometry,
        AfterValidator(_check_geometry),
        Field(description="where the heatmap's cells look, in pixels of the network's input"),
    ]
    map_quality: MapQuality | None = Field(
        default=None, description="how good heatmaps were on pictures that had not been seen"
    )
    training: TrainingSummary
    familiarity_threshold: float = Field(
        ge=0, le=1, description="of `familiarity`; below it a picture is unlike those learned from"
    )
    coverage: float = Field(
        gt=0, le=1, description="the share of pictures whose `prediction_set` holds what is true"
    )
    temperature: float = Field(
        gt=0, description="that the logits were divided by; the graph has done it"
    )
    operating_point: OperatingPoint | None = Field(
        default=None, description="where one was asked for; else the file does not speak of it"
    )
    data_digest: str
    self_check: Annotated[tuple[SelfCheck, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _check_operating_point(self) -> "BundleMetadata":
        if self.operating_point and self.operating_point.label not in self.classes:
            raise ValueError("its operating point is for a class that it does not have")
        return self


@dataclass(frozen=True)
class Description:
    """What a bundle is to say of itself, beyond what its network says.

    The K classes are in the order of the head's rows; the digest is that of all pictures; `grade`
    is asked how good heatmaps are, once it is known where their cells look.
    """

    classes: tuple[str, ...]
    training: TrainingSummary
    data_digest: str
    preprocessing: Preprocessing
    calibration: Calibration
    operating_point: OperatingPoint | None = None
    grade: Callable[[MapGeometry], MapQuality | None] = lambda _: None


@dataclass(frozen=True)
class Bundle:
    """A bundle that was read whole.

    Attributes:
        data: all bytes of the ONNX file.
        digest: SHA-256 over them, hexadecimal.
        source: where it was read from, for messages.
    """

    metadata: BundleMetadata
    data: bytes
    digest: str
    source: str


def bundle_bytes(model: onnx.ModelProto, metadata: BundleMetadata) -> bytes:
    """A finished graph and its metadata as the bytes of a bundle file."""
    labelled = onnx.ModelProto()
    labelled.CopyFrom(model)
    del labelled.metadata_props[:]
    unasked = None if metadata.operating_point else {"operating_point"}
    document = metadata.model_dump_json(exclude=unasked)
    labelled.metadata_props.add(key=_METADATA_KEY, value=document)
    body: bytes = labelled.SerializeToString()
    return body + _seal(hashlib.sha256(body).hexdigest())


def names_a_file(model: str) -> bool:
    """Whether what a person calls a model is a path of a file: no name or tag ends so."""
    return model.lower().endswith(".onnx")


def write_bundle(data: bytes, path: Path) -> None:
    """Writes a bundle file whole or not at all, which is an `OutputError`."""
    try:
        with whole_file(path) as file:
            file.write(data)
    except OSError as error:
        raise OutputError(f"the bundle cannot be written to {path}: {error.strerror}") from error


def read_bundle(path: Path) -> Bundle:
    """Reads a bundle file and checks that it is whole, of this format, and complete in itself.

    Raises:
        BundleError: it is not; the sentence says why.
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise BundleError(f"{path} cannot be read: {error.strerror}") from error
    return parse_bundle(data, str(path))


def parse_bundle(data: bytes, source: str) -> Bundle:
    """Does what `read_bundle` does, and raises what it raises, with bytes that are there."""
    model = _parse_model(data, source)
    props = {prop.key: prop.value for prop in model.metadata_props}
    if _METADATA_KEY not in props:
        raise BundleError(
            f"{source} is an ONNX file without class names and preprocessing, not a bundle: "
            "train-transfer writes those"
        )
    # One pass over hundreds of megabytes: the digest of all goes on where that of the body ends.
    digest = hashlib.sha256(memoryview(data)[:-_SEAL_BYTES])
    seal = _seal(digest.hexdigest())
    if data[-_SEAL_BYTES:] != seal:
        raise BundleError(
            f"{source} is not as it was written: its SHA-256 does not fit. "
            "It is damaged, half copied, or another program has changed it"
        )
    if any(uses_external_data(tensor) for tensor in _tensors(model)):
        raise BundleError(f"{source} points to data outside the file, which a bundle may not")
    metadata = _parse_metadata(props[_METADATA_KEY], source)
    digest.update(seal)
    return Bundle(metadata, data, digest.hexdigest(), source)


def read_metadata(path: Path) -> BundleMetadata:
    """What a bundle says of itself, without the network; that the file is whole is not checked.

    Raises:
        BundleError: it says nothing, or cannot be read.
    """
    try:
        with path.open("rb") as file:
            for entry in _metadata_entries(file):
                if entry.key == _METADATA_KEY:
                    return _parse_metadata(entry.value, str(path))
    except (OSError, EOFError, DecodeError) as error:
        raise BundleError(f"{path} cannot be read as a bundle: {error}") from error
    raise BundleError(f"{path} is no bundle: it says nothing of itself")


def _metadata_entries(file: BinaryIO) -> Iterator[onnx.StringStringEntryProto]:
    """The metadata of an ONNX file; all else, hundreds of megabytes of weights, is skipped.

    As protobuf is encoded: https://protobuf.dev/programming-guides/encoding.
    """
    while start := file.read(1):
        field, kind = divmod(_varint(file, start), 8)
        if kind == 0:
            _varint(file)
        elif kind == 2 and field == onnx.ModelProto.METADATA_PROPS_FIELD_NUMBER:
            yield onnx.StringStringEntryProto.FromString(file.read(_varint(file)))
        elif kind in (1, 2, 5):
            file.seek({1: 8, 5: 4}.get(kind) or _varint(file), os.SEEK_CUR)
        else:
            raise EOFError("it is not an ONNX file")


def _varint(file: BinaryIO, first: bytes = b"") -> int:
    """A number in groups of seven bits, the lowest first; at most ten of them."""
    found = 0
    for place in range(10):
        if not (byte := first if first and not place else file.read(1)):
            raise EOFError("it ends too early")
        found |= (byte[0] & 127) << 7 * place
        if byte[0] < 128:
            return found
    raise EOFError("it is not an ONNX file")


def _parse_model(data: bytes, source: str) -> onnx.ModelProto:
    model = onnx.ModelProto()
    try:
        model.ParseFromString(data)
    except DecodeError as error:
        raise BundleError(f"{source} is not an ONNX file, or only a part of one") from error
    if not model.HasField("graph"):
        raise BundleError(f"{source} is not an ONNX file: it holds no graph")
    return model


def _parse_metadata(document: str, source: str) -> BundleMetadata:
    try:
        return BundleMetadata.model_validate_json(document)
    except ValidationError as error:
        first = error.errors()[0]
        key = ".".join(str(part) for part in first["loc"]) or "the document"
        if key == "format_version":
            raise BundleError(
                f"{source} is of format {first['input']!r}; this program reads "
                f"{FORMAT_VERSION}. {_MAKE_ANEW}"
            ) from error
        if first["type"] == "missing":
            raise BundleError(f"{source}: its metadata has no {key}. {_MAKE_ANEW}") from error
        raise BundleError(f"{source}: metadata {key}: {first['msg']}") from error


def _seal(digest: str) -> bytes:
    """The last entry of the file: the digest of all bytes before it, as ONNX metadata."""
    entry = onnx.StringStringEntryProto(key=_DIGEST_KEY, value=digest)
    seal: bytes = onnx.ModelProto(metadata_props=[entry]).SerializeToString()
    return seal


_SEAL_BYTES: Final = len(_seal(hashlib.sha256().hexdigest()))


def _tensors(part: Message) -> Iterator[onnx.TensorProto]:
    """All stored tensors of a file, wherever they stand: in nested graphs, in functions, sparse."""
    if isinstance(part, onnx.TensorProto):
        yield part
        return
    for field, value in part.ListFields():
        if field.message_type is not None:
            for inner in (value,) if isinstance(value, Message) else value:
                yield from _tensors(inner)
