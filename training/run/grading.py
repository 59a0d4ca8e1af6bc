"""The heatmaps graded, on pictures that the head which makes them has not learned from."""

import logging
from typing import TYPE_CHECKING

import numpy as np
import onnx

from models.head import LinearHead
from models.heatmap import MapGeometry
from models.map_quality import MapQuality
from training.features.graphs import open_heads
from training.features.hidden_parts import FeaturesOfParts
from training.head.fit import fit_head_at
from training.inspection.map_quality import Questions, grade_maps
from training.recipes.material import Material
from training.recipes.outcome import Outcome
from training.run.ahead import graded_pixels

if TYPE_CHECKING:
    from training.run.learning import Trained

log = logging.getLogger(__name__)


def grade(
    trained: "Trained", head_graph: onnx.ModelProto, geometry: MapGeometry
) -> MapQuality | None:
    """Asks the exported network about a few held-out pictures, and says what its maps are worth.

    Where all pictures judge, and the head has learned from all, a head like it is asked that has
    not seen a fold, about that.

    Args:
        trained: the run.
        head_graph: what follows its backbone's graph, for any head.
        geometry: where the maps' cells look.

    Returns:
        None where too few pictures could be read, or a class is in one fold alone.
    """
    head = head_for_held_out(trained.outcome, trained.material, trained.probe.fitted.strength)
    if head is None:
        return None
    extractor, material = trained.outcome.extractor, trained.material
    if trained.ahead:
        pixels, features = trained.ahead.graded()
    else:
        pixels = graded_pixels(material, extractor.preprocessing)
        features = FeaturesOfParts(extractor, material.table.data_digest)
    ask = open_heads(extractor.graph, head_graph)
    network = Questions(
        ask(head), ask(shuffled(head)), lambda parts: head.probabilities(features(parts))
    )
    found = grade_maps(network, pixels, extractor.preprocessing, geometry)
    features.keep()
    if found and found.doubt:
        log.warning("heatmaps: %s", found.doubt)
    return found


def head_for_held_out(outcome: Outcome, material: Material, strength: float) -> LinearHead | None:
    """A head that has not learned from what is set aside; None where a class is there alone."""
    if outcome.recipe != "frozen" or not material.parts.is_cross_validated:
        return outcome.head
    rows = np.setdiff1d(material.parts.train, material.parts.set_aside)
    labels, classes = material.table.labels[rows], len(material.classes)
    if len(np.unique(labels)) < classes:
        return None
    return fit_head_at(strength, material.table.features, labels, classes, rows)


def shuffled(head: LinearHead) -> LinearHead:
    """A head that has learned nothing: the same numbers in any order."""
    random = np.random.default_rng(0)
    weight = random.permutation(head.weight.ravel()).reshape(head.weight.shape)
    return LinearHead(weight, head.bias)
