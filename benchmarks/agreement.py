"""How far the heatmaps inside our ONNX files lie from pytorch-grad-cam's.

    python benchmarks/agreement.py [--networks resnet18 vgg16]

Each network gets random weights with BatchNorm statistics that do something and logits of order
one, is exported as training exports it, and answers eight pictures for classes that were asked for.
The library's maps are taken before it stretches them by their minimum and maximum.
"""

import argparse
import sys

import numpy as np
import onnxruntime as ort
from _networks import LAST_LAYER, by_pytorch_grad_cam, lively_classifier, noise_pictures

from models.graph.agreement import Agreement
from models.graph.assembly import join_head
from models.graph.export import export_backbone
from models.signature import answers_of

PICTURES = 8
CLASSES = 3
TOLERANCE = 1e-3


def main() -> int:
    """Prints a line for each network; the exit code is 1 where a heatmap is further than 1e-3."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--networks", nargs="+", default=list(LAST_LAYER), choices=LAST_LAYER)
    print(f"{'network':<14} {'heatmap, max |diff|':>20} {'probabilities, max |diff|':>26}")
    worst = 0.0
    for name in parser.parse_args().networks:
        found = compare(name)
        worst = max(worst, found.heatmap)
        print(f"{name:<14} {found.heatmap:>20.1e} {found.probabilities:>26.1e}", flush=True)
    return 0 if worst <= TOLERANCE else 1


def compare(name: str) -> Agreement:
    """Exports one network and compares its answers with the library's."""
    classifier = lively_classifier(name, CLASSES)
    model = join_head(export_backbone(classifier.backbone), classifier)
    session = ort.InferenceSession(model.SerializeToString(), providers=["CPUExecutionProvider"])
    del model
    pixels = noise_pictures(classifier.backbone.preprocessing, PICTURES, seed=1)
    asked = np.arange(PICTURES) % CLASSES
    ours = answers_of(session, pixels, asked)[:2]
    theirs = by_pytorch_grad_cam(classifier, pixels, asked)
    differences = (float(np.abs(a - b).max()) for a, b in zip(ours, theirs, strict=True))
    return Agreement(*differences, heatmap_peak=0, familiarity=0)


if __name__ == "__main__":
    sys.exit(main())
