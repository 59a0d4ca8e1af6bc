"""How fast is a whole answer, probabilities and map, against the libraries that make such maps?

Ours in fp32 and in int8, in ONNX Runtime with the options of the service, against pytorch-grad-cam,
torchcam and Captum in torch, and Recipro-CAM in OpenVINO; all on as many threads, in one process
and in turn. `_explaining_rivals.py` says how each is used; one that is not installed is left out.
Every way's probabilities must be those of ours in fp32 (not those of int8), and its maps are
compared: the median correlation over pictures. Recipro-CAM approximates, so its maps may differ.
Random weights: a network is as fast with them as with any others, but int8's maps are worse.

    python benchmarks/explainers.py [--networks resnet18] [--threads 2] [--pictures DIR]
"""

import argparse
import statistics
from pathlib import Path

import numpy as np
import onnxruntime as ort
import torch
from _explaining_rivals import RECIPRO_CAM, TORCH_RIVALS, Answer, Explain, Explained, there
from _in_turn import for_predicted, in_turn, milliseconds, opened, ratios, times, without_heatmap
from _measure import machine
from _networks import lively_classifier, noise_pictures
from _serving import read_pictures
from rich.console import Console
from rich.table import Table
from torch.nn import functional as F

from models.cores import granted_cores
from models.graph.assembly import join_head
from models.graph.export import export_backbone
from models.graph.fewer_bits import quantise
from models.preprocessing import Pixels, Preprocessing, read_pixels

FP32, INT8 = "ours, fp32", "ours, int8"
CLASSES = 3
CALIBRATED_ON = 16

#: How many times as fast as the fastest in torch, at least, by batch size: what is asked.
ASKED = {FP32: {1: 1.5, 8: 1.1}, INT8: {1: 4.0, 8: 3.5}}
#: The same for Recipro-CAM against ours in fp32.
ASKED_OF_RECIPRO_CAM = {8: 1.2}

PROBABILITY_TOLERANCE = 1e-3


def main() -> None:
    """Measures one network after the other and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--networks", nargs="+", default=["resnet18", "resnet50", "vgg16"])
    parser.add_argument("--batches", nargs="+", type=int, default=[1, 8])
    parser.add_argument("--pictures", type=Path, help="a folder; default: noise")
    parser.add_argument("--threads", type=int, default=granted_cores())
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    torch.set_num_threads(chosen.threads)
    table = Table(
        "network", "batch", "way", "ms", "to ours fp32", "to ours int8", "map",
        title=f"A whole answer: random weights, {chosen.pictures or 'noise'}, {chosen.threads} "
        f"threads, median (min–max) of {chosen.rounds} rounds",
        caption=machine(
            "onnxruntime", "onnxruntime-gpu", "torch", "timm", "grad-cam", "torchcam", "captum",
            "openvino", "openvino-xai", "numpy",
        ),
    )  # fmt: skip
    for name in chosen.networks:
        measure(name, chosen, table)
    Console().print(table)


def measure(name: str, chosen: argparse.Namespace, table: Table) -> None:
    """Adds one network's rows to the table."""
    classifier = lively_classifier(name, CLASSES)
    largest = max(chosen.batches)
    pixels = pictures(chosen.pictures, classifier.backbone.preprocessing, CALIBRATED_ON + largest)
    backbone = export_backbone(classifier.backbone)
    graph = join_head(backbone, classifier)
    explained = Explained(classifier, without_heatmap(graph), chosen.threads)
    ways = {FP32: ours(opened(graph, chosen.threads))}
    del graph
    eight_bits = join_head(quantise(backbone, pixels[:CALIBRATED_ON]), classifier)
    ways[INT8] = ours(opened(eight_bits, chosen.threads))
    del backbone, eight_bits
    ways |= {rival: way(explained) for rival, way in there().items()}
    for batch in chosen.batches:
        shown = pixels[-batch:]
        maps = agreements(ways, shown)
        calls = {way: lambda explain=explain, p=shown: explain(p) for way, explain in ways.items()}
        seconds = in_turn(calls, chosen.rounds)
        fill(table, (name, batch), seconds, maps)


def pictures(folder: Path | None, preprocessing: Preprocessing, count: int) -> Pixels:
    """So many pictures, uint8 (N, H, W, 3): a folder's, or noise."""
    if folder is None:
        return noise_pictures(preprocessing, count)
    found = read_pictures(folder)
    found = (found * -(-count // len(found)))[:count]
    return np.stack([read_pixels(data, preprocessing) for data in found])


def ours(session: ort.InferenceSession) -> Explain:
    """One pass through a bundle's graph."""

    def explain(pixels: Pixels) -> Answer:
        probabilities, maps = session.run(["probabilities", "heatmap"], for_predicted(pixels))
        return probabilities, maps

    return explain


def agreements(ways: dict[str, Explain], pixels: Pixels) -> dict[str, float]:
    """How well each way's maps correlate with ours in fp32; it must be the same network."""
    expected, maps = ways[FP32](pixels)
    found = {}
    for name, explain in ways.items():
        probabilities, others = explain(pixels)
        if name != INT8:
            difference = float(np.abs(probabilities - expected).max())
            assert difference <= PROBABILITY_TOLERANCE, f"{name}: off by {difference}"
        found[name] = correlation(maps, others)
    return found


def correlation(maps: np.ndarray, others: np.ndarray) -> float:
    """The median over pictures; the smaller maps are stretched, as the libraries do it."""
    stretched = F.interpolate(
        torch.from_numpy(maps)[:, None], others.shape[1:], mode="bilinear", align_corners=False
    )[:, 0].numpy()
    pairs = zip(stretched, others, strict=True)
    return statistics.median(float(np.corrcoef(a.ravel(), b.ravel())[0, 1]) for a, b in pairs)


def fill(
    table: Table,
    case: tuple[str, int],
    seconds: dict[str, list[float]],
    maps: dict[str, float],
) -> None:
    """One row for each way; what is asked stands beside the ratios that must meet it."""
    name, batch = case
    in_torch = [way for way in seconds if way in TORCH_RIVALS]
    fastest = min(in_torch, key=lambda way: statistics.median(seconds[way]), default=None)
    for way, spent in seconds.items():
        asked = {of: bounds.get(batch) for of, bounds in ASKED.items()} if way == fastest else {}
        if way == RECIPRO_CAM:
            asked = {FP32: ASKED_OF_RECIPRO_CAM.get(batch)}
        against = (
            times(ratios(spent, seconds[of])) + (f" ≥ {asked[of]}" if asked.get(of) else "")
            for of in (FP32, INT8)
        )
        shown = f"{way} (fastest in torch)" if way == fastest else way
        table.add_row(name, str(batch), shown, milliseconds(spent), *against, f"{maps[way]:.2f}")
    table.add_section()


if __name__ == "__main__":
    main()
