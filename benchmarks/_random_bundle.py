"""A real network with random weights as a bundle: its speed is that of a trained one.

Its answers are no good, and its accuracy stands there as 0.

    python benchmarks/_random_bundle.py BACKBONE FOLDER

This is a program, so that torch is not in the process that measures.
"""

import sys
from pathlib import Path

import numpy as np
import torch
from _serving import read_pictures

from models.backbones.backbone import Backbone, load_backbone
from models.backbones.weights import Random
from models.bundle import Description, TrainingSummary
from models.calibration import nothing_known
from models.graph.assembly import assemble_bundle
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from models.graph.fewer_bits import quantise
from models.head import LinearHead
from models.preprocessing import read_pixels

CLASSES = ("cats", "dogs")
CALIBRATED_ON = 16


def main() -> None:
    """Writes fp32.onnx and int8.onnx; the head has the same weights in both."""
    name, folder = sys.argv[1:]
    torch.manual_seed(0)
    backbone = load_backbone(name, Random())
    rng = np.random.default_rng(0)
    weight = rng.normal(size=(len(CLASSES), backbone.num_features)).astype(np.float32)
    classifier = Classifier(backbone, LinearHead(0.1 * weight, np.zeros(2, np.float32)))
    drawn = read_pictures(None)[:CALIBRATED_ON]
    pixels = np.stack([read_pixels(data, backbone.preprocessing) for data in drawn])
    graph, description = export_backbone(backbone), _description(backbone)
    for precision, one in {"fp32": graph, "int8": quantise(graph, pixels)}.items():
        data, _ = assemble_bundle(classifier, one, description, pixels[:4])
        Path(folder, f"{precision}.onnx").write_bytes(data)


def _description(backbone: Backbone) -> Description:
    summary = TrainingSummary(
        recipe="none: random weights",
        seed=0,
        accuracy=0,
        accuracy_interval=(0, 1),
        held_out=1,
        trained_on=1,
        created="2026-01-01T00:00:00+00:00",
    )
    calibration = nothing_known(len(CLASSES), backbone.num_features)
    return Description(CLASSES, summary, "0" * 64, backbone.preprocessing, calibration)


if __name__ == "__main__":
    main()
