"""Which values the activations of a network take on some pictures, but for the outermost few.

Percentiles, because an activation without a bound (SiLU) has outliers that would take all 256 steps
for themselves. ONNX Runtime's own calibration takes some 20 seconds for histograms of everything.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Final

import numpy as np
import numpy.typing as npt
import onnx

from models.cores import granted_cores
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import IMAGE

#: The smallest and the largest value that steps are to cover; zero is between them.
Range = tuple[np.float32, np.float32]

_Floats = npt.NDArray[np.float32]

#: The part of a tensor's values that its range covers, cut at both ends.
_PERCENTILE: Final = 0.9999

#: Values of a tensor that are looked at for each batch of pictures.
_LOOKED_AT: Final = 200_000

_BATCH: Final = 8

#: Batches at a time: all activations of each are in memory.
_AT_ONCE: Final = 2

#: Values of which the largest is found first.
_ROW: Final = 256


def measure_ranges(
    graph: onnx.ModelProto, names: Sequence[str], pictures: Pixels
) -> dict[str, Range]:
    """The range of each activation, by its name.

    Args:
        graph: of a backbone.
        names: of float activations.
        pictures: uint8 (N, H, W, 3).
    """
    shown = onnx.ModelProto()
    shown.CopyFrom(graph)
    there = {output.name for output in graph.graph.output}
    shown.graph.output.extend(onnx.ValueInfoProto(name=n) for n in names if n not in there)
    session = open_graph(shown.SerializeToString(), "cpu", threads=1)

    def look(start: int) -> list[tuple[float, float]]:
        found = session.run(names, {IMAGE.name: pictures[start : start + _BATCH]})
        return [edges_of(_some_of(values)) for values in found]

    with ThreadPoolExecutor(min(_AT_ONCE, granted_cores()), thread_name_prefix="ranges") as pool:
        edges = np.array(list(pool.map(look, range(0, len(pictures), _BATCH))))
    # Zero must be one of the steps: padding and ReLU give it exactly.
    low = np.minimum(edges[..., 0].mean(axis=0), 0)
    high = np.maximum(edges[..., 1].mean(axis=0), 0)
    return {
        name: (np.float32(a), np.float32(b)) for name, a, b in zip(names, low, high, strict=True)
    }


def _some_of(values: _Floats) -> _Floats:
    """As many as are looked at, in even steps: float32 (N,)."""
    flat = values.ravel()
    return np.ascontiguousarray(flat[:: max(1, flat.size // _LOOKED_AT)])


def edges_of(values: _Floats) -> tuple[float, float]:
    """Both ends of some values, but for the outermost: as `np.quantile`, in a tenth of its time.

    Args:
        values: float32 (N,).
    """
    parts = np.array([1 - _PERCENTILE, _PERCENTILE])
    places = parts * (len(values) - 1)
    count = int(places[0]) + 3  # one for the next value, one for rounding
    if len(values) < count * _ROW or not np.isfinite([values.min(), values.max()]).all():
        low, high = np.quantile(values, parts)
        return float(low), float(high)
    first, last = _smallest(values, count), -_smallest(-values, count)[::-1]
    return _at(first, places[0]), _at(last, places[1] - (len(values) - count))


def _smallest(values: _Floats, count: int) -> _Floats:
    """The smallest ones, in their order: (N,) → (count,)."""
    whole = len(values) // _ROW * _ROW
    rows = values[:whole].reshape(-1, _ROW)
    least = rows.min(axis=1)
    bound = np.partition(least, count - 1)[count - 1]
    # As many are not above the bound; what is below it is in these rows or after the last one.
    below = rows[least < bound].ravel()
    return np.sort(np.concatenate([below, values[whole:], np.full(count, bound)]))[:count]


def _at(ordered: _Floats, place: np.float64) -> float:
    """The value at a place between two of them, by the steps of `np.quantile`."""
    before = int(place)
    low, high = ordered[before : before + 2]
    part = place - before
    return float(low + (high - low) * part if part < 0.5 else high - (high - low) * (1 - part))
