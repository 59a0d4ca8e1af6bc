"""What does the network reach that is used where none is asked for: accuracy, speed, pointing?

ImageNet: the whole network, with its classifier, on 1,000 samples, one a class. Accuracy: linear
probes by `train-transfer` itself on real photographs, mean over seeds. Both where the data are
beside the checkout. Speed: ONNX Runtime, fp32, on batches of 8 against resnet18 (random weights:
they cost the same), in turn, A B A B, medians. Pointing: whether the heatmap's maximum lies in the
object's box, on drawn pictures.

    python benchmarks/default_backbone.py [--backbone NAME] [--shared ../shared] [--seeds 3]
"""

import argparse
import csv
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zipfile
from pathlib import Path
from typing import Any

import models.backbones  # noqa: F401  makes timm importable

# isort: split
import numpy as np
import timm
import timm.data
import torch
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone, preprocessing_of
from models.backbones.packaged import packaged_file, read_packaged
from models.backbones.weights import Random
from models.bundle import read_bundle
from models.graph.export import export_backbone
from models.preprocessing import read_pixels
from models.pretrained import DEFAULT_BACKBONE
from models.providers import open_graph
from models.session import Session

ROUNDS, BATCH, BATCHES = 7, 8, 4


def main() -> int:
    """Prints the table.

    Returns:
        0.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--backbone", default=DEFAULT_BACKBONE)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    table = Table("what", "found", "wanted")
    probe = ["--backbone", chosen.backbone, "--weights", "packaged"]
    natural = chosen.shared / "data" / "natural.zip"
    table.add_row(
        "ImageNet samples",
        top1(chosen.backbone, natural) if natural.is_file() else "not here",
        "74 %",
    )
    with tempfile.TemporaryDirectory() as place:
        for name in ("cats_dogs_light", "screws_nuts"):
            data = chosen.shared / "data" / name
            is_here = data.is_dir()
            found = accuracies(data, probe, chosen.seeds, Path(place)) if is_here else "not here"
            table.add_row(name, found, "98 %")
        table.add_row("speed against resnet18", speed(chosen.backbone), "")
        for what, found, wanted in demo(probe, Path(place)):
            table.add_row(what, found, wanted)
    Console().print(table)
    return 0


@torch.inference_mode()
def top1(name: str, natural: Path) -> str:
    """How many of the samples in the archive the network names rightly, of a thousand classes."""
    model = timm.create_model(name).eval()
    model.load_state_dict(dict(read_packaged(packaged_file(name), model)), strict=False)
    preprocessing, config = preprocessing_of(model), timm.data.resolve_data_config(model=model)
    mean, std = (torch.tensor(config[what])[:, None, None] for what in ("mean", "std"))
    with zipfile.ZipFile(natural) as archive:
        index = csv.DictReader(io.TextIOWrapper(archive.open("index.tsv")), delimiter="\t")
        samples = [row for row in index if row["source"] == "imagenet-sample"]
        classes = sorted({row["class"] for row in samples})
        right = 0
        for start in range(0, len(samples), BATCH):
            rows = samples[start : start + BATCH]
            pixels = np.stack([read_pixels(archive.read(r["name"]), preprocessing) for r in rows])
            images = (torch.from_numpy(pixels).permute(0, 3, 1, 2) / 255 - mean) / std
            answers = model(images).argmax(1).tolist()
            right += sum(classes[a] == r["class"] for a, r in zip(answers, rows, strict=True))
    return f"{right / len(samples):.1%} of {len(samples)}"


def accuracies(data: Path, probe: list[str], seeds: int, place: Path) -> str:
    """The mean accuracy, and each."""
    found = [
        100 * train(data, [*probe, "--seed", str(seed)], place)[1]["accuracy"]
        for seed in range(seeds)
    ]
    return f"{statistics.mean(found):.2f} % ({', '.join(f'{a:.1f}' for a in found)})"


def train(data: Path, options: list[str], place: Path) -> tuple[Path, dict[str, Any]]:
    """One run of the project's own command: its folder and its summary."""
    out = Path(tempfile.mkdtemp(dir=place))
    environment = {**os.environ, "BENTOML_HOME": str(place / "bentoml")}
    command = [sys.executable, "-m", "training.cli", "--data", str(data), "--out", str(out)]
    done = subprocess.run(
        [*command, *options], env=environment, check=False, capture_output=True, text=True
    )
    if done.returncode:
        raise SystemExit(f"{done.stderr}\nthe training of {data} ended with {done.returncode}")
    (summary,) = out.glob("*/*/summary.json")
    return summary.parent, json.loads(summary.read_text("utf-8"))


def speed(name: str) -> str:
    """Pictures a second against resnet18's."""
    images = np.random.default_rng(0).random((BATCH, 224, 224, 3)) * 255
    sessions = {}
    for backbone in (name, "resnet18"):
        graph = export_backbone(load_backbone(backbone, Random())).SerializeToString()
        sessions[backbone] = open_graph(graph, "cpu", os.cpu_count() or 1)
    seconds: dict[str, list[float]] = {backbone: [] for backbone in sessions}
    for number in range(ROUNDS + 1):
        for backbone, session in sessions.items():
            begun = time.perf_counter()
            for _ in range(BATCHES):
                session.run(None, {session.get_inputs()[0].name: images.astype(np.uint8)})
            if number:  # the first round warms up
                seconds[backbone].append(time.perf_counter() - begun)
    rates = {b: BATCH * BATCHES / statistics.median(s) for b, s in seconds.items()}
    return (
        f"{rates[name] / rates['resnet18']:.2f} × "
        f"({rates[name]:.1f} and {rates['resnet18']:.1f} pictures a second)"
    )


def demo(probe: list[str], place: Path) -> list[tuple[str, str, str]]:
    """Accuracy and pointing on the demo's drawn pictures."""
    drawn = place / "drawn"
    subprocess.run([Path(sys.executable).parent / "draw-screws-nuts", drawn], check=True)
    run_folder, summary = train(drawn, probe, place)
    hits = pointing(run_folder, drawn)
    return [
        ("drawn screws and nuts", f"{100 * summary['accuracy']:.1f} %", "99 %"),
        ("heatmap's maximum in the box", f"{100 * np.mean(hits):.1f} % of {len(hits)}", "93 %"),
    ]


def pointing(run_folder: Path, drawn: Path) -> list[bool]:
    """For each picture, whether the middle of the hottest cell lies in the box."""
    with (drawn / "boxes.csv").open(encoding="utf-8") as file:
        boxes = {row["path"]: row for row in csv.DictReader(file)}
    with (run_folder / "predictions.csv").open(encoding="utf-8-sig") as file:
        names = [row["file"] for row in csv.DictReader(file)]
    session = Session(read_bundle(run_folder / "bundle.onnx"))
    preprocessing = session.metadata.preprocessing
    hits = []
    for name in names:
        data = (drawn / name).read_bytes()
        (answer,) = session.predict(read_pixels(data, preprocessing)[None])
        with Image.open(drawn / name) as image:
            left, top, right, bottom = preprocessing.box(*image.size)
        heatmap = answer.heatmap
        row, column = np.unravel_index(heatmap.argmax(), heatmap.shape)
        x = left + (column + 0.5) / heatmap.shape[1] * (right - left)
        y = top + (row + 0.5) / heatmap.shape[0] * (bottom - top)
        box = {side: float(boxes[name][side]) for side in ("left", "top", "right", "bottom")}
        hits.append(bool(box["left"] <= x < box["right"] and box["top"] <= y < box["bottom"]))
    return hits


if __name__ == "__main__":
    sys.exit(main())
