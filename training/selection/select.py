"""How the network looks at pictures: size, precision, framing; decided once, kept with the run.

A run that goes on after it was cut off takes what was decided before, on whatever machine it is.
"""

import hashlib
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Final

import onnx
from pydantic import TypeAdapter, ValidationError

from models.backbones.backbone import Backbone, load_backbone
from models.errors import UsageError
from models.graph.resized import graph_at_its_size
from models.preprocessing import Preprocessing
from training.data.sample import Sample
from training.features.extractor import FeatureReader, FeatureTable
from training.features.graphs import exported
from training.group import first_says, from_first, is_first
from training.run_folder import write_json
from training.selection.framing import FramingChoice, choose_framing
from training.selection.image_size import LargerSize, Sized, choose_image_size
from training.selection.precision import PrecisionChoice, at_precision, choose_precision
from training.settings import TrainingSettings

VIEW_FILE: Final = "view.json"


@dataclass(frozen=True)
class View:
    """What was decided, and why.

    Attributes:
        image_size: of the network's input, pixels a side.
        framing: which part of a picture is shown.
        precision: what the network computes with.
        larger_size: what was found of a larger size, where it was asked about.
        graph_digest: SHA-256 of the graph that reads the pictures.
    """

    image_size: int
    framing: FramingChoice
    precision: PrecisionChoice
    larger_size: LargerSize | None
    graph_digest: str

    def as_json(self) -> dict[str, Any]:
        """The decision, for `summary.json`."""
        return asdict(self)


@dataclass(frozen=True)
class Viewer:
    """A backbone that knows what it is shown, and its graph in the precision that was chosen.

    Attributes:
        backbone: at its final size.
        graph: the same, exported, in that precision.
        view: how that was decided.
        known: what it has read already, of the sample.
        is_as_before: of a run that goes on: whether this is the very graph that read before. One in
            int8 is another where a processor saturates (`models.graph.fewer_bits`).
    """

    backbone: Backbone
    graph: onnx.ModelProto
    view: View
    known: FeatureTable | None
    is_as_before: bool = True

    @property
    def preprocessing(self) -> Preprocessing:
        """How pictures are framed and resized, as it was decided."""
        return replace(self.backbone.preprocessing, framing=self.view.framing.framing)


def decide_view(
    settings: TrainingSettings,
    backbone: Backbone,
    sample: Sample,
    pictures: int,
    run_folder: Path,
) -> Viewer:
    """Decides size and framing, exports the backbone, and writes down what was decided.

    Args:
        settings: of the run.
        backbone: at the size that was asked for, or its own.
        sample: of the training part, to be asked.
        pictures: how many the pass will read.
        run_folder: where the decision is kept, or stands already.
    """
    stored = first_says(lambda: _stored(run_folder))
    if stored is not None:
        return _as_stored(settings, backbone, sample, stored)
    viewer = _decided(settings, backbone, sample, pictures) if is_first() else None
    if viewer is not None:
        write_json(run_folder / VIEW_FILE, viewer.view.as_json())
    view = from_first(viewer and viewer.view)
    return viewer or _as_stored(settings, backbone, sample, view)


def _decided(
    settings: TrainingSettings, backbone: Backbone, sample: Sample, pictures: int
) -> Viewer:
    own = Sized(backbone, exported(backbone), None, {})
    sized = choose_image_size(settings, own, sample, pictures)
    precision, sized = choose_precision(settings, sized, sample)
    backbone, graph = sized.backbone, sized.graph
    choice, known = choose_framing(settings, backbone, graph, sample, sized.read)
    size = backbone.preprocessing.height
    view = View(size, choice, precision, sized.larger_size, _digest(graph))
    return Viewer(backbone, graph, view, known)


def _as_stored(
    settings: TrainingSettings, backbone: Backbone, sample: Sample, view: View
) -> Viewer:
    """What was decided before the run was cut off."""
    graph = exported(backbone)
    if view.image_size != backbone.preprocessing.height:
        backbone = load_backbone(backbone.name, backbone.weights, view.image_size)
        graph = graph_at_its_size(graph, backbone)
    sized = Sized(backbone, graph, view.larger_size, {})
    graph = at_precision(view.precision.precision, settings, sized, sample).graph
    known = None
    if view.framing.asked or view.larger_size or view.precision.has_read:
        # Read again in the same batches as before: the same to the last bit.
        preprocessing = replace(backbone.preprocessing, framing=view.framing.framing)
        known = FeatureReader(backbone, graph).read(sample.examples, preprocessing)
    found = _digest(graph)
    is_as_before = found == view.graph_digest
    return Viewer(backbone, graph, replace(view, graph_digest=found), known, is_as_before)


def _digest(graph: onnx.ModelProto) -> str:
    return hashlib.sha256(graph.SerializeToString()).hexdigest()


def _stored(run_folder: Path) -> View | None:
    path = run_folder / VIEW_FILE
    if not path.exists():
        return None
    try:
        return TypeAdapter(View).validate_json(path.read_bytes())
    except ValidationError as error:
        raise UsageError(f"--resume: {path} is not as it was written: {error}") from error
