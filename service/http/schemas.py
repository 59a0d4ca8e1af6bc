"""What goes out over HTTP. These make both the answers and the OpenAPI document."""

from typing import Annotated, Final, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, WithJsonSchema

from models.bundle import JudgedBy
from models.choices import Measure, Precision
from models.decision import Reason
from models.drawing import Drawing
from models.map_quality import MapQuality
from service.inference.served_model import Method

#: How a heatmap can be asked for.
Style = Drawing | Literal["raw"]

STYLES: Final[tuple[Style, ...]] = (*get_args(Drawing), "raw")

METHODS: Final[tuple[Method, ...]] = get_args(Method)

Probability = Annotated[float, Field(ge=0, le=1)]


def _numbers(count: int) -> WithJsonSchema:
    """So many numbers, without `prefixItems`, which many generators of clients do not know."""
    numbers = {"type": "array", "items": {"type": "number"}}
    return WithJsonSchema({**numbers, "minItems": count, "maxItems": count})


Box = Annotated[tuple[float, float, float, float], _numbers(4)]
Interval = Annotated[tuple[float, float], _numbers(2)]


class _Answer(BaseModel):
    model_config = ConfigDict(frozen=True, populate_by_name=True)


class Problem(_Answer):
    """Why a request was not answered."""

    error: str = Field(description="one sentence for a person")


class _OfPicture(_Answer):
    file_name: str = Field(description="as the client sent it")


class _OfModel(_Answer):
    model: str = Field(description="tag of the model that answered")


class Decided(_Answer):
    """What becomes of an answer at the model's operating point."""

    label: str | None = Field(
        description="the class that is decided; null where a person must look at the picture"
    )
    refer: bool = Field(description="whether a person must look at the picture")
    reason: Reason = Field(
        description="what decided it, or leaves it open: the operating point; the classes that it "
        "could be of; or that the picture is unlike those that the model learned from"
    )


class Classified(_OfPicture):
    """The answer to one picture."""

    label: str = Field(description="name of the most probable class")
    probability: Probability = Field(description="its probability")
    probabilities: dict[str, Probability] = Field(
        description="of all classes, by name; of the `top_k` most probable ones, in that order, "
        "where that is asked for"
    )
    familiar: bool = Field(
        description="whether the picture is like those that the model learned from; where it is "
        "not, label and probability mean little, and the first of `warnings` says so"
    )
    familiarity: Probability = Field(
        description="how like them it is; below the model's `familiarity_threshold` it is a "
        "stranger, as one in twenty of its own kind is"
    )
    prediction_set: list[str] = Field(
        description="the classes that it could be of, the label always, the most probable first: "
        "the true class is among them as often as the model's `coverage` says"
    )
    warnings: list[str] = Field(
        description="sentences on why this answer is to be doubted; empty where nothing is known"
    )
    decision: Decided | None = Field(
        default=None, description="of models with an `operating_point`; else it is not there"
    )


class Refused(_OfPicture):
    """A picture among several that could not be answered."""

    error: str = Field(description="one sentence for a person")
    status: int = Field(description="the status that this picture alone would have got")


class Classification(_OfModel):
    """The answers to the pictures of one request, in their order."""

    predictions: list[Classified | Refused]


class NothingClassified(Problem):
    """Several pictures, and none of them could be answered."""

    predictions: list[Refused]


class MapPlaces(_Answer):
    """Where the cells of a heatmap look.

    The centre of what cell (i, j), row and column, saw lies at `offset_x` + j `step_x` and
    `offset_y` + i `step_y`, in pixels of the upright picture; an edge of the box may cut cells off.
    """

    offset_x: float
    offset_y: float
    step_x: float
    step_y: float


class Explanation(Classified, _OfModel):
    """Where the network looked, as numbers."""

    explained_class: str = Field(alias="class", description="the class that the heatmap speaks of")
    class_probability: Probability = Field(description="probability of that class")
    width: int = Field(description="of the upright picture, pixels")
    height: int = Field(description="of the upright picture, pixels")
    box: Box = Field(
        description="what the network saw, and the heatmap covers: left, top, right, bottom in "
        "pixels of the upright picture"
    )
    heatmap: list[list[Probability]] = Field(
        description="rows from top to bottom; 1 where most speaks for the class, all 0 where "
        "nothing does"
    )
    heatmap_peak: float = Field(
        ge=0,
        description="what speaks for the class at its strongest place, before division by it; by "
        "occlusion how much of its probability is lost where that place is hidden",
    )
    scale: Probability = Field(
        description="that, beside what speaks for the predicted class at its own strongest place; "
        "drawings multiply the heatmap by it"
    )
    map_geometry: MapPlaces = Field(description="where the heatmap's cells look in the picture")
    method: Method = Field(
        description="how the heatmap was made: by the gradient (Grad-CAM), or by hiding one part "
        "of the picture after the other (occlusion)"
    )
    map_doubt: str = Field(
        description="a sentence where the model's heatmaps by the gradient were not shown to be "
        "better than chance, or than pointing at the middle; most often empty"
    )


class DecidedFrom(_Answer):
    """From which probability of one class on that class is decided, and how good that is.

    Shares are of pictures that judged the model, with 95 % intervals; null where there were none.
    """

    label: str = Field(description="the class")
    measure: Measure = Field(description="what was asked for")
    at_least: Probability = Field(description="how much of it")
    threshold: Probability | None = Field(
        description="of the class's probability; null: no probability of it is enough"
    )
    recall: Probability | None = Field(description="of the class's pictures: sensitivity")
    recall_interval: Interval | None
    precision: Probability | None = Field(description="of those that are decided to be of it")
    precision_interval: Interval | None
    specificity: Probability | None = Field(description="of others, not decided to be of it")
    specificity_interval: Interval | None


class ModelDescription(_Answer):
    """What a served model says of itself."""

    model: str = Field(description="tag in the model store: `name:version`")
    name: str = Field(description="its name alone, under which its newest version is served")
    is_newest: bool = Field(
        description="whether the store holds no newer version of that name; one with other classes "
        "is not taken up"
    )
    is_default: bool = Field(description="whether it answers where no model is asked for")
    digest: str = Field(description="SHA-256 of the bundle file")
    classes: tuple[str, ...]
    provider: str = Field(description="what it runs on: cpu or cuda")
    backbone: str
    weights: str = Field(description="where the backbone's weights came from")
    licence: str = Field(description="under which those weights are")
    precision: Precision = Field(description="what the backbone computes with")
    input_width: int = Field(description="what the network sees, pixels")
    input_height: int = Field(description="what the network sees, pixels")
    framing: str = Field(description="how a picture is brought to that size")
    familiarity_threshold: Probability = Field(
        description="from this familiarity on a picture is like those that it learned from"
    )
    coverage: Probability = Field(
        description="the share of pictures, of each class, whose `prediction_set` holds it"
    )
    accuracy: Probability = Field(description="of pictures, each answered by what had not seen it")
    accuracy_interval: Interval = Field(description="95 % interval of the accuracy")
    judged_by: JudgedBy = Field(
        description="what the accuracy is of: all pictures, each answered by a head that had not "
        "seen it (cross-validation), or a part that nothing was learned from"
    )
    held_out: int = Field(description="pictures that the accuracy was measured on")
    trained_on: int = Field(description="pictures that it learned from")
    created: str = Field(description="ISO 8601, UTC")
    operating_point: DecidedFrom | None = Field(
        default=None, description="where one was asked for in training; else it is not there"
    )
    map_quality: MapQuality | None = Field(
        description="how much more the heatmaps found, on pictures that had not been seen, than "
        "other orders of the same places, in log-odds of the answer; null: too few pictures"
    )


class Models(_Answer):
    """What is served."""

    models: list[ModelDescription]


class Live(_Answer):
    """That there is somebody, as the Open Inference Protocol says it."""

    live: bool


class Ready(_Answer):
    """Whether all models answer, as the Open Inference Protocol says it."""

    ready: bool


class Tensor(_Answer):
    """What goes into the model's graph, or comes out."""

    name: str
    datatype: str = Field(description="UINT8, INT64, FP32 or BOOL")
    shape: list[int] = Field(description="-1: any")


class ModelMetadata(_Answer):
    """A model as the Open Inference Protocol describes it: the graph in its file."""

    name: str
    versions: list[str] = Field(description="the one that answers")
    platform: str
    inputs: list[Tensor]
    outputs: list[Tensor]
