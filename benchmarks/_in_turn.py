"""What the comparisons of networks share: what runs a graph, and times taken in turn."""

import statistics
import time
from collections.abc import Callable, Mapping, Sequence

import numpy as np
import onnx
import onnx.utils
import onnxruntime as ort

from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import CLASS_INDEX, IMAGE, PREDICTED_CLASS, PROBABILITIES

#: How long one contender is timed in a round, seconds; at least one call.
TURN = 0.4

#: The thread pools of torch and OpenVINO spin on after their work: they are let fall asleep.
PAUSE = 0.05

Call = Callable[[], object]


def in_turn(contenders: Mapping[str, Call], rounds: int) -> dict[str, list[float]]:
    """Times all contenders one after the other, and again: A B A B.

    A contender's time in a round is the median of its calls, so that the first, which finds caches
    full of its rival's weights, does not count where there are more.

    Returns:
        Wall time of one call in each round, seconds.
    """
    for call in contenders.values():
        call()
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            time.sleep(PAUSE)
            found[name].append(_median_time(call))
    return found


def _median_time(call: Call) -> float:
    times: list[float] = []
    while sum(times) < TURN:
        begun = time.perf_counter()
        call()
        times.append(time.perf_counter() - begun)
    return statistics.median(times)


def ratios(of: Sequence[float], to: Sequence[float]) -> list[float]:
    """Round by round."""
    return [a / b for a, b in zip(of, to, strict=True)]


def milliseconds(seconds: Sequence[float]) -> str:
    """Median, and the spread."""
    return _with_spread([1000 * value for value in seconds], ".1f")


def times(values: Sequence[float]) -> str:
    """Median of ratios, and the spread."""
    return _with_spread(values, ".2f")


def _with_spread(values: Sequence[float], style: str) -> str:
    shown = (statistics.median(values), min(values), max(values))
    middle, low, high = (format(value, style) for value in shown)
    return f"{middle} ({low}–{high})"


def opened(graph: onnx.ModelProto, threads: int) -> ort.InferenceSession:
    """A session as the service opens it: its threads do not spin, so two can be timed in turn."""
    return open_graph(graph.SerializeToString(), "cpu", threads)


def without_heatmap(graph: onnx.ModelProto) -> onnx.ModelProto:
    """What of a bundle's graph leads from `image` to `probabilities`."""
    found: onnx.ModelProto = onnx.utils.Extractor(graph).extract_model(
        [IMAGE.name], [PROBABILITIES.name]
    )
    assert len(found.graph.node) < len(graph.graph.node)
    return found


def for_predicted(pixels: Pixels) -> dict[str, np.ndarray]:
    """What a bundle's graph is asked for the heatmaps of the predicted classes."""
    return {IMAGE.name: pixels, CLASS_INDEX.name: np.full(len(pixels), PREDICTED_CLASS)}
