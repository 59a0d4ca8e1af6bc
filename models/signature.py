"""What our graphs take and give: names, types and shapes, said once.

The graph of a bundle is that of a backbone, `image` → `feature_map`, joined with that of a head,
which takes `feature_map`, `class_index` and all that was learned, and gives the answers. The
letters are N pictures, H and W of a picture, h and w of the feature map, K classes, C features, M
centres. What a feature map looks like is its backbone's own affair.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal, NamedTuple

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.calibration import Calibration
from models.head import LinearHead
from models.preprocessing import Pixels

#: As `class_index`: the class with the largest probability.
PREDICTED_CLASS: Final = -1

Floats = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Value:
    """An input or output of a graph; its shape has a letter or a number for each axis."""

    name: str
    type: Literal["uint8", "int64", "float", "bool"]
    shape: tuple[str | int, ...]

    def fits(self, found: ort.NodeArg) -> bool:
        """Whether an input or output of a session has this name and this type."""
        return (found.name, found.type) == (self.name, f"tensor({self.type})")

    def row(self, lengths: Mapping[str, int]) -> list[str | int]:
        """The shape for one picture, with numbers for those letters whose length is known."""
        return [lengths.get(str(axis), axis) for axis in self.shape[1:]]

    def is_row(self, found: Sequence[object], lengths: Mapping[str, int]) -> bool:
        """Whether this is the shape for one picture, as far as that is known."""
        row = self.row(lengths)
        return len(found) == len(row) and all(
            isinstance(wanted, str) or wanted == is_there
            for wanted, is_there in zip(row, found, strict=True)
        )


IMAGE: Final = Value("image", "uint8", ("N", "H", "W", 3))
CLASS_INDEX: Final = Value("class_index", "int64", ("N",))
FEATURE_MAP: Final = Value("feature_map", "float", ("N", "…"))
FEATURES: Final = Value("features", "float", ("N", "C"))
WEIGHT: Final = Value("weight", "float", ("K", "C"))
BIAS: Final = Value("bias", "float", ("K",))
CENTRES: Final = Value("centres", "float", ("M", "C"))
SCALING: Final = Value("scaling", "float", (2,))
SET_THRESHOLDS: Final = Value("set_thresholds", "float", ("K",))
PROBABILITIES: Final = Value("probabilities", "float", ("N", "K"))
HEATMAP: Final = Value("heatmap", "float", ("N", "h", "w"))
HEATMAP_PEAK: Final = Value("heatmap_peak", "float", ("N",))
FAMILIARITY: Final = Value("familiarity", "float", ("N",))
PREDICTION_SET: Final = Value("prediction_set", "bool", ("N", "K"))

#: Of a bundle's graph.
INPUTS: Final = (IMAGE, CLASS_INDEX)
OUTPUTS: Final = (PROBABILITIES, HEATMAP, HEATMAP_PEAK, FAMILIARITY, PREDICTION_SET)

#: Inputs of a head's graph until it is joined; `FEATURES` is its output until then.
LEARNED: Final = (WEIGHT, BIAS, CENTRES, SCALING, SET_THRESHOLDS)


class Answers(NamedTuple):
    """What a bundle's graph says of N pictures: its outputs, in their order."""

    probabilities: Floats
    heatmap: Floats
    heatmap_peak: Floats
    familiarity: Floats
    prediction_set: npt.NDArray[np.bool_]


#: What a network says of pictures uint8 (N, H, W, 3): probabilities (N, K), and the heatmaps
#: (N, h, w) of classes int64 (N,).
Ask = Callable[[Pixels, npt.NDArray[np.int64]], tuple[Floats, Floats]]


def answers_of(
    session: ort.InferenceSession,
    pixels: Pixels,
    class_index: npt.NDArray[np.int64],
    run_options: ort.RunOptions | None = None,
) -> Answers:
    """Runs a bundle's graph."""
    inputs = {IMAGE.name: pixels, CLASS_INDEX.name: class_index}
    return Answers(*session.run([value.name for value in OUTPUTS], inputs, run_options))


def feature_maps_of(session: ort.InferenceSession, pixels: Pixels) -> Floats:
    """Runs a backbone's graph: what its trunk makes of pictures, float32 (N, …)."""
    (found,) = session.run([FEATURE_MAP.name], {IMAGE.name: pixels})
    made: Floats = found
    return made


def explained_by(
    session: ort.InferenceSession,
    feature_maps: Floats,
    class_index: npt.NDArray[np.int64],
    head: LinearHead,
    calibration: Calibration,
) -> tuple[Floats, Floats]:
    """Runs a head's graph that is not joined yet: probabilities (N, K) and heatmaps (N, h, w)."""
    learned = (
        head.weight,
        head.bias,
        calibration.centres.astype(np.float32),
        calibration.scaling,
        calibration.set_thresholds,
    )
    inputs = {FEATURE_MAP.name: feature_maps, CLASS_INDEX.name: class_index}
    inputs |= {value.name: array for value, array in zip(LEARNED, learned, strict=True)}
    probabilities, heatmaps = session.run([PROBABILITIES.name, HEATMAP.name], inputs)
    return probabilities, heatmaps
