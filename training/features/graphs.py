"""Graphs of networks, from the cache where an earlier run made the same ones.

An export takes seconds of every run, and comes out the same for the same parameters and size.
"""

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import cached_property, partial
from typing import TYPE_CHECKING, Final

import numpy as np
import numpy.typing as npt
import onnx
import onnxruntime as ort

from models.calibration import nothing_known
from models.choices import Precision
from models.cores import granted_cores
from models.graph.fewer_bits import in_half_precision, precision_of, quantise, saturates
from models.graph.int8_form import make_form
from models.graph.known_network import KnownNetwork
from models.head import Floats, LinearHead
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import Ask, explained_by, feature_maps_of
from models.terminal import working
from training.features.cache import cache_folder, digest_of, read_entry, remembered

if TYPE_CHECKING:
    from models.graph.network import Network

    AnyNetwork = Network | KnownNetwork

#: What is kept, and how it comes about.
_MAKING: Final = {
    "backbone": "building the network's graph",
    "head": "building the last layer's graph",
    "int8": "quantising",
}


#: Pictures that a head is asked about at once.
_BATCH: Final = 8


class Graph:
    """The first part of a network as ONNX, and what is costly to know of it, once.

    Attributes:
        model: the graph.
        key: under which it is kept, empty where it is not.
    """

    def __init__(self, model: onnx.ModelProto, key: str = "") -> None:
        self.model, self.key = model, key

    @cached_property
    def data(self) -> bytes:
        """The graph as the bytes of a file."""
        return bytes(self.model.SerializeToString())

    @cached_property
    def digest(self) -> bytes:
        """SHA-256 over them."""
        return hashlib.sha256(self.data).digest()

    @cached_property
    def precision(self) -> Precision:
        """What it computes with."""
        return precision_of(self.model)

    @cached_property
    def session(self) -> ort.InferenceSession:
        """Ready to run, one thread a call: those who read pictures share it. fp16 is for a GPU."""
        return open_graph(self.data, "auto" if self.precision == "fp16" else "cpu", threads=1)

    def in_int8(self, pictures: Pixels) -> "Graph":
        """The same in eight bits, its ranges from some pictures, uint8 (N, H, W, 3)."""
        seven_bits = saturates()
        key = digest_of(self.data, f"{pictures.shape} {seven_bits}", pictures.tobytes())

        def make() -> onnx.ModelProto:
            of_form = digest_of(self.data, f"{seven_bits}")
            form = remembered("form", of_form, partial(_form, self.model, seven_bits=seven_bits))
            return quantise(self.model, pictures, onnx.load_model_from_string(form))

        return _remembered("int8", key, make)

    def in_fp16(self) -> "Graph":
        """The same in half precision."""
        return Graph(in_half_precision(self.model))


def graph_of(network: "AnyNetwork") -> Graph:
    """The first part of a network, as `Network.graph` makes it."""
    return _remembered("backbone", graph_key(network.facts.key), network.graph)


def head_graph_of(network: "AnyNetwork") -> onnx.ModelProto:
    """What comes after it, as `Network.head_graph` makes it; for whatever a head has learned."""
    return _remembered("head", head_graph_key(network.facts.key), network.head_graph).model


def open_heads(graph: Graph, head_graph: onnx.ModelProto) -> Callable[[LinearHead], Ask]:
    """What asks a network with any head, whose graph is as `head_graph_of` gives it."""
    session = open_graph(head_graph.SerializeToString(), "cpu", threads=1)

    def with_head(head: LinearHead) -> Ask:
        calibration = nothing_known(*head.weight.shape)

        def ask(pixels: Pixels, class_index: npt.NDArray[np.int64]) -> tuple[Floats, Floats]:
            def answer(start: int) -> tuple[Floats, Floats]:
                batch = slice(start, start + _BATCH)
                maps = feature_maps_of(graph.session, pixels[batch])
                return explained_by(session, maps, class_index[batch], head, calibration)

            with ThreadPoolExecutor(granted_cores(), thread_name_prefix="heads") as pool:
                found = list(pool.map(answer, range(0, len(pixels), _BATCH)))
            probabilities, heatmaps = (np.concatenate(each) for each in zip(*found, strict=True))
            return probabilities, heatmaps

        return ask

    return with_head


def graph_key(of_network: str) -> str:
    """Under which a network's first part is kept, by `Facts.key`."""
    return digest_of(of_network)


def head_graph_key(of_network: str) -> str:
    """Under which what comes after it is kept."""
    return digest_of(of_network, "head")


def kept_graph(kind: str, key: str) -> Graph | None:
    """A `backbone`, `head` or `int8` that an earlier run made; None where it is kept no more."""
    found = read_entry(cache_folder(), kind, key, lambda file: file.read())
    return None if found is None else Graph(onnx.load_model_from_string(found), key)


def _form(model: onnx.ModelProto, *, seven_bits: bool) -> bytes:
    return bytes(make_form(model, seven_bits=seven_bits).SerializeToString())


def _remembered(kind: str, key: str, make: Callable[[], onnx.ModelProto]) -> Graph:
    """What is kept under a key; else what `make` makes, which is kept."""

    def made() -> bytes:
        with working(_MAKING[kind]):
            return bytes(make().SerializeToString())

    return Graph(onnx.load_model_from_string(remembered(kind, key, made)), key)
