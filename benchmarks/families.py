"""Does every family of the catalogue answer from its ONNX file as torch with autograd does?

Whole networks with random weights, lively BatchNorm statistics and logits of order one; eight
pictures of blurred noise at the network's own size, at batch sizes 1 and 8. Prints the largest
differences, and the time that an export takes; fails where one is too large.

    python benchmarks/families.py [NAME ...]
"""

import gc
import sys
import time
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).parents[1]))  # for the tests' networks

from models.cores import granted_cores
from models.errors import ExportError
from models.graph.agreement import Agreement, check_agreement
from models.graph.assembly import join_head
from models.graph.export import export_backbone
from models.providers import open_graph
from models.signature import answers_of
from tests.conftest import lively_classifier, noise_pictures
from tests.models.graph.families import FAMILIES

_COLUMNS = "{:<32} {:>8} {:>10} {:>16} {:>16} {:>11}"


def main() -> int:
    """Measures one network after the other.

    Returns:
        0 where all agree.
    """
    names = sys.argv[1:] or [name for members in FAMILIES.values() for name in members]
    print(
        _COLUMNS.format(
            "backbone", "params M", "export s", "max |d probab.|", "max |d heatmap|", "maps alive"
        )
    )
    failed = 0
    for name in names:
        try:
            print(measured(name), flush=True)
        except ExportError as error:
            failed += 1
            print(f"{name}: {error}", flush=True)
        gc.collect()
    return 1 if failed else 0


def measured(name: str) -> str:
    """One line of the table."""
    classifier = lively_classifier(name, 3)
    parameters = sum(p.numel() for p in classifier.parameters()) / 1e6
    begun = time.perf_counter()
    model = join_head(export_backbone(classifier.backbone), classifier)
    seconds = time.perf_counter() - begun
    session = open_graph(model.SerializeToString(), "cpu", granted_cores())
    del model
    pixels = noise_pictures(classifier.backbone.preprocessing, 8)
    found: Agreement = check_agreement(session, classifier, pixels)
    asked = np.arange(len(pixels)) % classifier.linear.out_features
    _, heatmap = answers_of(session, pixels, asked)
    return _COLUMNS.format(
        name,
        f"{parameters:.1f}",
        f"{seconds:.1f}",
        f"{found.probabilities:.1e}",
        f"{found.heatmap:.1e}",
        f"{int((heatmap.max((1, 2)) > 0).sum())} of {len(pixels)}",
    )


if __name__ == "__main__":
    sys.exit(main())
