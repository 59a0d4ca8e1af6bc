"""How long from a folder to a bundle, against one bare ONNX Runtime pass over the same pictures?

A: `train-transfer` as a whole process: start, export, the pass, the fit, the comparison with torch.
B: a process that only decodes and resizes every picture as the training does and runs the exported
backbone on it, eight at a time, with ONNX Runtime as it comes. In turn, A B A B; whole processes.

    python benchmarks/folder_to_bundle.py --data DIR [--backbone resnet18] [--rounds 3]
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from models.graph.backbones import load_backbone
from models.graph.export import export_backbone
from training.image_folder import scan_folder

BARE_PROGRAM = """
import sys
import numpy as np
import onnxruntime as ort
from models.preprocessing import Preprocessing, read_pixels
graph, size, crop, interpolation, *paths = sys.argv[1:]
preprocessing = Preprocessing(int(size), int(size), "crop", float(crop), interpolation)
session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
for start in range(0, len(paths), 8):
    batch = [read_pixels(open(p, "rb").read(), preprocessing) for p in paths[start : start + 8]]
    session.run(None, {"image": np.stack(batch)})
"""


def main() -> None:
    """Runs both in turn and prints a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    paths = [str(example.path) for example in scan_folder(chosen.data).examples]
    with tempfile.TemporaryDirectory() as place:
        backbone = load_backbone(chosen.backbone, "none")
        graph = Path(place, "backbone.onnx")
        graph.write_bytes(export_backbone(backbone).SerializeToString())
        shape = backbone.preprocessing
        ours = [
            sys.executable, "-m", "training.cli", "--data", str(chosen.data.resolve()),
            "--backbone", chosen.backbone, "--weights", "none", "--out", place,
        ]  # fmt: skip
        bare = [
            sys.executable, "-c", BARE_PROGRAM, str(graph), str(shape.height),
            str(shape.crop_fraction), shape.interpolation, *paths,
        ]  # fmt: skip
        environment = {**os.environ, "BENTOML_HOME": place}
        rounds = [
            (seconds(ours, environment), seconds(bare, environment)) for _ in range(chosen.rounds)
        ]
    show(rounds, f"{chosen.backbone}, {len(paths)} pictures of {chosen.data.name}")


def seconds(command: list[str], environment: dict[str, str]) -> float:
    """Wall time of a whole process, which must succeed."""
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment)
    return time.perf_counter() - begun


def show(rounds: list[tuple[float, float]], what: str) -> None:
    """Prints medians, spread and the ratio pair by pair."""
    table = Table("", "median", "min", "max", title=what)
    columns = {
        "A train-transfer, s": [a for a, _ in rounds],
        "B bare pass, s": [b for _, b in rounds],
        "A / B": [a / b for a, b in rounds],
    }
    for name, values in columns.items():
        shown = (statistics.median(values), min(values), max(values))
        table.add_row(name, *(f"{value:.2f}" for value in shown))
    Console().print(table)


if __name__ == "__main__":
    main()
