"""What is kept of an answer: a row of the table, the same whoever writes it and however."""

import base64
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any, Final

import numpy as np

from models.bulk import Row
from models.session import Prediction

#: Digits of a probability behind the point: an answer over HTTP is the same to 1e-6.
_DIGITS: Final = 7


@dataclass(frozen=True)
class Record:
    """A row.

    Attributes:
        file: name of the file.
        stamp: of its content, which the table does not show.
        label: the predicted class; None, as all but `error` then, where there is no answer.
        decision: the class that is decided, by the bundle's operating point (`models.decision`), or
            where it has none because the picture is familiar and could be of one class only; empty
            where a person must look at the picture.
        error: why there is no answer; empty where there is one.
        probabilities: of all classes, in their order.
        cells: the heatmap's, a byte each, as base64; empty where nobody wants them.
    """

    file: str
    stamp: str
    label: str | None = None
    probability: float | None = None
    familiar: bool | None = None
    prediction_set: tuple[str, ...] = ()
    decision: str = ""
    error: str = ""
    probabilities: tuple[float, ...] = ()
    cells: str = ""

    def line(self) -> str:
        """One line of JSON."""
        return json.dumps(asdict(self)) + "\n"


def record_of(row: Row, *, with_map: bool) -> Record:
    """What is kept of a row."""
    prediction = row.prediction
    if prediction is None:
        return Record(row.file, row.source.stamp, error=row.error)
    return Record(
        file=row.file,
        stamp=row.source.stamp,
        label=prediction.label,
        probability=_rounded(prediction.probability),
        familiar=prediction.is_familiar,
        prediction_set=prediction.prediction_set,
        decision=_decision(prediction),
        probabilities=tuple(map(_rounded, prediction.probabilities)),
        cells=_cells(prediction.heatmap) if with_map else "",
    )


def record_from(line: str | bytes) -> Record:
    """The record that `Record.line` wrote."""
    found: dict[str, Any] = json.loads(line)
    for several in ("prediction_set", "probabilities"):
        found[several] = tuple(found[several])
    return Record(**found)


@dataclass(frozen=True)
class Columns:
    """The columns of a table: those of every one, one for each class, and perhaps the map's."""

    classes: tuple[str, ...]
    map_shape: tuple[int, int] | None = None

    @property
    def names(self) -> tuple[str, ...]:
        """Their headings, in order."""
        return (*self.plain, *self.of_classes, *self.of_map)

    @property
    def plain(self) -> tuple[str, ...]:
        """Those that every table has."""
        return ("file", "label", "probability", "familiar", "prediction_set", "decision", "error")

    @property
    def of_classes(self) -> tuple[str, ...]:
        """A class's probability: no class can be called like another column."""
        return tuple(f"p({name})" for name in self.classes)

    @property
    def of_map(self) -> tuple[str, ...]:
        """The map's, which says its rows and columns."""
        return (f"map({self.map_shape[0]}x{self.map_shape[1]})",) if self.map_shape else ()

    def values(self, record: Record) -> Mapping[str, Any]:
        """A record by column; None stands where there is no answer."""
        probabilities: Sequence[float | None] = record.probabilities or (None,) * len(self.classes)
        found = {name: getattr(record, name) for name in self.plain}
        found.update(zip(self.of_classes, probabilities, strict=True))
        found.update(dict.fromkeys(self.of_map, record.cells or None))
        return found


def _decision(prediction: Prediction) -> str:
    """The class that is decided, or nothing."""
    if prediction.decision is not None:
        return prediction.decision.label or ""
    settled = prediction.is_familiar and len(prediction.prediction_set) == 1
    return prediction.label if settled else ""


def _rounded(probability: float) -> float:
    """A softmax in float32 may end 1e-7 above 1."""
    return min(round(float(probability), _DIGITS), 1.0)


def _cells(heatmap: np.ndarray) -> str:
    """A map in [0, 1] as bytes, row by row."""
    cells = np.clip(np.rint(heatmap * 255), 0, 255).astype(np.uint8)
    return base64.b64encode(cells.tobytes()).decode("ascii")
