"""A network whose graphs are known, for those who compute with arrays. No torch.

It is asked as `models.graph.network.Network` is, and answers by ONNX Runtime alone. That its graphs
answer as torch does was found when they were made, on real pictures, by this version of ONNX
Runtime and on a processor of this kind; that a bundle answers as its graphs do is asked each time.
"""

import threading
from collections.abc import Callable
from functools import cached_property, partial

import numpy as np
import numpy.typing as npt
import onnx
import onnx.utils
import onnxruntime as ort

from models.bundle import Description
from models.calibration import Calibration
from models.cores import granted_cores
from models.errors import ExportError
from models.graph.differences import Agreement, difference, worst
from models.graph.facts import Facts
from models.graph.fewer_bits import precision_of
from models.graph.joining import (
    classes_to_ask,
    described,
    explained,
    join_graphs,
    some_of,
)
from models.head import Floats, LinearHead
from models.preprocessing import Pixels
from models.providers import open_graph
from models.signature import (
    BIAS,
    CLASS_INDEX,
    FEATURE_MAP,
    FEATURES,
    HEATMAP,
    HEATMAP_PEAK,
    WEIGHT,
    Value,
    answers_of,
    feature_maps_of,
)


class KnownNetwork:
    """A pretrained network without its last layer, as graphs and what there is to know beside."""

    def __init__(
        self, facts: Facts, graphs: tuple[onnx.ModelProto, onnx.ModelProto], agreement: Agreement
    ) -> None:
        """Takes what `Network` made.

        Args:
            facts: of the network.
            graphs: its first part, and what comes after it.
            agreement: of both with torch, when they were made.
        """
        self.facts, self.agreement = facts, agreement
        self._graph, self._head_graph = graphs
        self._opening = threading.Lock()

    def graph(self) -> onnx.ModelProto:
        """Its first part."""
        return self._graph

    def head_graph(self) -> onnx.ModelProto:
        """What comes after it, for any head."""
        return self._head_graph

    def features(self, activations: Floats) -> Floats:
        """Its second part: what the graph gives, (N, …) → (N, C)."""
        with self._opening:
            session = self._pooling
        (found,) = session.run(None, {FEATURE_MAP.name: activations})
        made: Floats = found
        return made

    def heatmaps(
        self, head: LinearHead, activations: Floats, class_index: npt.NDArray[np.int64]
    ) -> Floats:
        """Where it looks for a class: (N, …), int64 (N,) → (N, h, w) in [0, 1]."""
        return self._explained(head, activations, class_index)[0]

    def bundle(
        self,
        head: LinearHead,
        graphs: tuple[onnx.ModelProto, onnx.ModelProto],
        description: Description,
        pictures: Pixels,
    ) -> tuple[bytes, Agreement]:
        """Network and head as one file, once it answers as its graphs do; see `Network.bundle`.

        Returns:
            The file; and the larger difference of two: from torch to the graphs, when they were
            made, and from them to the file.

        Raises:
            ExportError: it does not.
        """
        model = join_graphs(*graphs, head, description.calibration)
        session = open_graph(model.SerializeToString(), "cpu", threads=1)
        found = self._difference(session, graphs[0], head, description.calibration, pictures)
        asked = partial(explained, session), pictures
        geometry = self.facts.map_shape.geometry_of(*asked)
        joined = model, session, precision_of(graphs[0])
        data = described(joined, self.facts, description, geometry)
        return data, worst([self.agreement, found])

    def read_on_gpu(self) -> Callable[[Pixels], Floats] | None:
        """None: on a machine with a GPU torch reads."""
        return None

    @cached_property
    def _pooling(self) -> ort.InferenceSession:
        return self._part((FEATURE_MAP,), (FEATURES,))

    @cached_property
    def _explaining(self) -> ort.InferenceSession:
        return self._part((FEATURE_MAP, CLASS_INDEX, WEIGHT, BIAS), (HEATMAP, HEATMAP_PEAK))

    def _part(self, given: tuple[Value, ...], asked: tuple[Value, ...]) -> ort.InferenceSession:
        """What of the head's graph leads from some of its inputs to some of its outputs."""
        names = [[value.name for value in values] for values in (given, asked)]
        part = onnx.utils.Extractor(self._head_graph).extract_model(*names)
        return open_graph(part.SerializeToString(), "cpu", threads=1)

    def _explained(
        self, head: LinearHead, activations: Floats, class_index: npt.NDArray[np.int64]
    ) -> tuple[Floats, Floats]:
        """Heatmaps (N, h, w) and their peaks (N,)."""
        given = zip(
            (FEATURE_MAP, CLASS_INDEX, WEIGHT, BIAS),
            (activations, class_index, head.weight, head.bias),
            strict=True,
        )
        heatmaps, peaks = self._explaining.run(None, {value.name: a for value, a in given})
        return heatmaps, peaks

    def _difference(
        self,
        session: ort.InferenceSession,
        backbone_graph: onnx.ModelProto,
        head: LinearHead,
        calibration: Calibration,
        pictures: Pixels,
    ) -> Agreement:
        """From what graphs and NumPy say of a head to what a joined graph says, on a few pictures.

        Raises:
            ExportError: larger than is allowed; with the figures.
        """
        pixels, classes = some_of(pictures), len(head.bias)
        asked = classes_to_ask(len(pixels), classes)
        backbone = open_graph(backbone_graph.SerializeToString(), "cpu", granted_cores())
        seen = []
        for count in (1, len(pixels)):
            activations = feature_maps_of(backbone, pixels[:count])
            features = self.features(activations)
            expected = (
                head.probabilities(features),
                *self._explained(head, activations, asked[:count]),
                calibration.familiarity(features),
            )
            answers = answers_of(session, pixels[:count], asked[:count])
            seen.append(difference(answers, expected, calibration))
        found = worst(seen)
        if not found.is_close:
            raise ExportError(
                f"the file of {self.facts.name} does not answer as its graphs: {found}"
            )
        return found
