"""From the graphs of backbone and head to a bundle: joined, compared with torch, described.

The frozen backbone is exported once, reads all pictures of the training, and becomes the first part
of the bundle.
"""

from functools import partial

import onnx

from models.bundle import Description
from models.calibration import Calibration, nothing_known
from models.graph.agreement import Agreement, check_agreement
from models.graph.classifier import Classifier
from models.graph.export import export_head
from models.graph.facts import Facts
from models.graph.fewer_bits import precision_of
from models.graph.joining import described, explained, join_graphs, some_of
from models.graph.network_facts import facts_of, measure_geometry
from models.head import LinearHead
from models.preprocessing import Pixels
from models.providers import open_graph


def assemble_bundle(
    classifier: Classifier,
    backbone_graph: onnx.ModelProto,
    description: Description,
    examples: Pixels,
    head_graph: onnx.ModelProto | None = None,
    facts: Facts | None = None,
) -> tuple[bytes, Agreement]:
    """Joins a classifier's graph, compares it with torch, and adds its metadata.

    The classifier is in inference mode; the graphs are as `join_head` takes them; the examples,
    uint8 (N, H, W, 3) with N >= 2, are real pictures of the data set, none that it is judged by:
    where the heatmap's cells look is measured on them. The facts are the backbone's, where known.

    Raises:
        ExportError: the exported file does not answer as torch does; with the figures.
    """
    calibration = description.calibration
    model = join_head(backbone_graph, classifier, head_graph, calibration)
    session = open_graph(model.SerializeToString(), "cpu", threads=1)
    precision = precision_of(backbone_graph)
    in_fewer_bits = None if precision == "fp32" else backbone_graph
    compared = some_of(examples)
    agreement = check_agreement(session, classifier, compared, in_fewer_bits, calibration)
    facts = facts or facts_of(classifier.backbone)
    asked = partial(explained, session), examples, facts.map_shape
    geometry = measure_geometry(classifier.backbone, *asked)
    return described((model, session, precision), facts, description, geometry), agreement


def join_head(
    backbone_graph: onnx.ModelProto,
    classifier: Classifier,
    head_graph: onnx.ModelProto | None = None,
    calibration: Calibration | None = None,
) -> onnx.ModelProto:
    """A bundle's graph without metadata: see `models.bundle` for its inputs and outputs.

    The head's, from `export_head`, may be that of any classifier with the same backbone; else it is
    exported now. Without a calibration nothing is doubted.
    """
    linear = classifier.linear
    head = LinearHead(linear.weight.detach().numpy(), linear.bias.detach().numpy())
    calibration = calibration or nothing_known(*head.weight.shape)
    head_graph = head_graph or export_head(classifier.backbone)
    return join_graphs(backbone_graph, head_graph, head, calibration)
