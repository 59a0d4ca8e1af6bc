"""What does a heatmap cost, against the same graph without it?

A: a bundle's graph cut down to what its probabilities need. B: the whole, probabilities and the
heatmap of the predicted class. Both in one process, in turn, A B A B, in ONNX Runtime on the CPU
with the options of the service. Random weights: a network is as fast with them as with any others.

    python benchmarks/heatmap_cost.py [--networks resnet18 vgg16] [--threads 2] [--rounds 9]
"""

import argparse

from _in_turn import for_predicted, in_turn, milliseconds, opened, ratios, times, without_heatmap
from _measure import machine
from _networks import lively_classifier, noise_pictures
from rich.console import Console
from rich.table import Table

from models.cores import granted_cores
from models.graph.assembly import join_head
from models.graph.export import export_backbone

#: What is asked of each network.
MOST = {"resnet18": 1.03, "resnet50": 1.03, "inception_v3": 1.03, "vgg16": 1.10}
CLASSES = 3


def main() -> None:
    """Measures one network after the other and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=list(MOST))
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--threads", type=int, default=granted_cores())
    parser.add_argument("--rounds", type=int, default=9)
    chosen = parser.parse_args()
    table = Table(
        "network", "batch", "A without, ms", "B with heatmap, ms", "B / A", "asked",
        title=f"What a heatmap costs: fp32, random weights, median (min–max) of {chosen.rounds} "
        f"rounds, {chosen.threads} threads",
        caption=machine("onnxruntime", "onnxruntime-gpu", "torch", "timm"),
    )  # fmt: skip
    for name in chosen.networks:
        for batch, (bare, whole) in measured(name, chosen).items():
            asked = f"≤ {MOST[name]:.2f}" if name in MOST else "–"
            ratio = times(ratios(whole, bare))
            table.add_row(name, str(batch), milliseconds(bare), milliseconds(whole), ratio, asked)
    Console().print(table)


def measured(name: str, chosen: argparse.Namespace) -> dict[int, tuple[list[float], list[float]]]:
    """Seconds without and with the heatmap in each round, by batch size."""
    classifier = lively_classifier(name, CLASSES)
    graph = join_head(export_backbone(classifier.backbone), classifier)
    bare = opened(without_heatmap(graph), chosen.threads)
    whole = opened(graph, chosen.threads)
    del graph
    found = {}
    for batch in chosen.batches:
        inputs = for_predicted(noise_pictures(classifier.backbone.preprocessing, batch))
        image = {"image": inputs["image"]}
        seconds = in_turn(
            {
                "bare": lambda image=image: bare.run(None, image),
                "whole": lambda inputs=inputs: whole.run(None, inputs),
            },
            chosen.rounds,
        )
        found[batch] = seconds["bare"], seconds["whole"]
    return found


if __name__ == "__main__":
    main()
