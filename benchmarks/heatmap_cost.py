"""What do a heatmap and doubts cost, against the same graph without them?

A: a plain export without a map. Of a network with a spatial map that is a bundle's graph cut down
to what its probabilities need, of a vision transformer the untouched network, whose last block is
computed for all tokens. B: the whole: probabilities, the heatmap of the predicted class, how
familiar the picture is (with as many centres as there may be), and what it could be. Both in one
process, in turn, A B A B, in ONNX Runtime on the CPU with the options of the service. Random
weights: a network is as fast with them as with any others.

    python benchmarks/heatmap_cost.py [--networks resnet18 vgg16] [--threads 2] [--rounds 9]
"""

import argparse
from dataclasses import replace
from typing import Any

import onnx
import torch
from _in_turn import for_predicted, in_turn, milliseconds, opened, ratios, times, without_heatmap
from _measure import machine
from _networks import lively_classifier, noise_pictures
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

from models.backbones.activations import FeatureMap
from models.calibration import nothing_known
from models.cores import granted_cores
from models.graph.assembly import join_head
from models.graph.classifier import Classifier
from models.graph.export import export_backbone
from training.head.familiarity import CENTRES

#: What is asked of each network.
MOST = {
    "resnet18": 1.03, "resnet50": 1.03, "inception_v3": 1.03, "vgg16": 1.10,
    # A class token, mean pooling, attention pooling, a map.
    "vit_small_patch16_224": 1.00, "vit_small_patch16_dinov3": 1.03,
    "vit_pe_core_small_patch16_384": 1.03, "swin_tiny_patch4_window7_224": 1.03,
}  # fmt: skip
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
    doubts = nothing_known(CLASSES, classifier.backbone.num_features)
    doubts = replace(doubts, centres=doubts.centres.repeat(CENTRES, axis=0))
    graph = join_head(export_backbone(classifier.backbone), classifier, calibration=doubts)
    bare = opened(plain(classifier, graph), chosen.threads)
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


def plain(classifier: Classifier, graph: onnx.ModelProto) -> onnx.ModelProto:
    """The same network without a map."""
    if isinstance(classifier.backbone.activations, FeatureMap):
        return without_heatmap(graph)
    program: Any = torch.onnx.export(
        _Untouched(classifier).eval(),
        (torch.from_numpy(noise_pictures(classifier.backbone.preprocessing, 2)),),
        input_names=["image"],
        output_names=["probabilities"],
        dynamic_shapes=({0: torch.export.Dim("N")},),
        dynamo=True,
        external_data=False,
        verbose=False,
    )
    found: onnx.ModelProto = program.model_proto
    return found


class _Untouched(nn.Module):
    def __init__(self, classifier: Classifier) -> None:
        super().__init__()
        self.normalise, self.linear = classifier.normalise, classifier.linear
        self.model: Any = classifier.backbone.model

    def forward(self, image: Tensor) -> Tensor:
        tokens = self.model.forward_features(self.normalise(image))
        found: Tensor = self.linear(self.model.forward_head(tokens, pre_logits=True)).softmax(1)
        return found


if __name__ == "__main__":
    main()
