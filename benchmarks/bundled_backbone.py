"""What does the bundled backbone reach: accuracy, size, speed, and where it looks?

Accuracy: linear probes by `train-transfer` itself on real photographs, where they are beside the
checkout; the mean over seeds where the folder has no parts of its own. Speed: ONNX Runtime on
batches of 8 against resnet18 (random weights: they cost the same), in turn, A B A B, medians.
Pointing: whether the heatmap's maximum lies in the object's box, on held-out drawn pictures.

    python benchmarks/bundled_backbone.py [--weights FILE] [--shared ../shared] [--seeds 3]
"""

import argparse
import csv
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import Random
from models.bundle import read_bundle
from models.graph.export import export_backbone
from models.preprocessing import read_pixels
from models.pretrained import BUNDLED_BACKBONE, BUNDLED_FILE
from models.providers import open_graph
from models.session import Session

ROUNDS, BATCH, BATCHES = 7, 8, 4


def main() -> int:
    """Prints the table.

    Returns:
        0; 1 where there are no weights to judge.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--weights", type=Path, default=BUNDLED_FILE)
    parser.add_argument("--backbone", default=BUNDLED_BACKBONE)
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--seeds", type=int, default=3)
    chosen = parser.parse_args()
    if not chosen.weights.is_file():
        print(f"skipped: there is no file {chosen.weights}")
        return 1
    table = Table("what", "found", "wanted")
    probe = ["--backbone", chosen.backbone, "--weights", str(chosen.weights)]
    with tempfile.TemporaryDirectory() as place:
        for name, seeds, wanted in (
            ("cats_dogs_light", 1, "95.5 %"),
            ("screws_nuts", chosen.seeds, "97 %"),
        ):
            data = chosen.shared / "data" / name
            found = accuracies(data, probe, seeds, Path(place)) if data.is_dir() else "not here"
            table.add_row(name, found, wanted)
        table.add_row("file", f"{chosen.weights.stat().st_size / 1e6:.2f} MB", "8 MB")
        table.add_row("speed against resnet18", speed(chosen.backbone), "1.3 ×")
        for what, found, wanted in demo(probe, Path(place)):
            table.add_row(what, found, wanted)
    Console().print(table)
    return 0


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
    # As scripts/demo.py does it.
    run_folder, summary = train(drawn, [*probe, "--image-size", "288"], place)
    hits = pointing(run_folder, drawn)
    return [
        ("drawn screws and nuts", f"{100 * summary['accuracy']:.1f} %", "97 %"),
        ("heatmap's maximum in the box", f"{100 * np.mean(hits):.1f} % of {len(hits)}", "85 %"),
    ]


def pointing(run_folder: Path, drawn: Path) -> list[bool]:
    """For each held-out picture, whether the middle of the hottest cell lies in the box."""
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
