"""How long from a folder to a bundle, against one bare ONNX Runtime pass over the same pictures?

Whole processes, in turn:
- bare: a process that only decodes and resizes every picture as the training does and runs the
  exported backbone on it in fp32, eight at a time, with ONNX Runtime as it comes;
- fp32: `train-transfer --precision fp32`: start, export, the pass, the fit, the comparison;
- auto: the same with the question of int8, and in int8 where that is answered so;
- again: the last one once more, with another seed, when features are known;
- int8: `train-transfer --precision int8`: without the question. Of random features the answer is
  chance.
All but `again` find an empty cache. With `--copies` the folder is repeated under altered bytes.
Without `--weights` the network holds random numbers, always the same, from a file: to the command
they are as good as learned ones, so nothing is spared that a pretrained network would be asked.

    python benchmarks/folder_to_bundle.py --data DIR [--backbone resnet18] [--copies 1] [--rounds 3]
"""

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _runs import add_data, pictures, random_weights
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import File
from models.graph.export import export_backbone
from training.data.folder import scan_folder

BARE_PROGRAM = """
import sys
import numpy as np
import onnxruntime as ort
from models.preprocessing import Preprocessing, read_pixels
graph, size, crop, interpolation, listed = sys.argv[1:]
paths = open(listed).read().splitlines()
preprocessing = Preprocessing(int(size), int(size), "crop", float(crop), interpolation)
session = ort.InferenceSession(graph, providers=["CPUExecutionProvider"])
for start in range(0, len(paths), 8):
    batch = [read_pixels(open(p, "rb").read(), preprocessing) for p in paths[start : start + 8]]
    session.run(None, {"image": np.stack(batch)})
"""

#: What each is asked for, against the bare pass; of `again`, against `auto`.
ASKED = {"fp32": "1.25", "auto": "0.9", "again": "0.2"}


def main() -> None:
    """Runs all in turn and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", help="a file; default: random numbers")
    parser.add_argument("--copies", type=int, default=1)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    with pictures(chosen.data) as given, tempfile.TemporaryDirectory() as place:
        data = repeated(given.resolve(), chosen.copies, Path(place))
        commands = prepare(chosen, data, Path(place))
        rounds = [measured(commands, Path(place)) for _ in range(chosen.rounds)]
        count = len(scan_folder(data).examples)
    show(
        rounds,
        f"{chosen.backbone}, weights {chosen.weights or 'random'}, {count} pictures of {data.name}",
    )


def repeated(data: Path, copies: int, place: Path) -> Path:
    """The folder, or one with so many copies of its files, each with other bytes at its end."""
    if copies == 1:
        return data
    for path in sorted(path for path in data.rglob("*") if path.is_file()):
        for copy in range(copies):
            name = f"{path.stem}_{copy}{path.suffix}"
            target = place / data.name / path.relative_to(data).with_name(name)
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_bytes(path.read_bytes() + bytes([copy % 256, copy // 256]))
    return place / data.name


def prepare(chosen: argparse.Namespace, data: Path, place: Path) -> dict[str, list[str]]:
    """The commands, by name."""
    weights = str(chosen.weights or random_weights(chosen.backbone, place))
    backbone = load_backbone(chosen.backbone, File(Path(weights)))
    graph, listed, shape = place / "backbone.onnx", place / "paths", backbone.preprocessing
    graph.write_bytes(export_backbone(backbone).SerializeToString())
    listed.write_text("\n".join(str(example.path) for example in scan_folder(data).examples))
    ours = [
        sys.executable, "-m", "training.cli", "--data", str(data), "--out", str(place / "runs"),
        "--backbone", chosen.backbone, "--weights", weights,
    ]  # fmt: skip
    bare = [
        sys.executable, "-c", BARE_PROGRAM, str(graph), str(shape.height),
        str(shape.crop_fraction), shape.interpolation, str(listed),
    ]  # fmt: skip
    return {
        "bare": bare,
        "fp32": [*ours, "--precision", "fp32"],
        "auto": ours,
        "again": [*ours, "--seed", "1"],
        "int8": [*ours, "--precision", "int8"],
    }


def measured(commands: dict[str, list[str]], place: Path) -> dict[str, float]:
    """Wall time of each whole process, which must succeed."""
    cache = place / "caches"
    environment = {**os.environ, "BENTOML_HOME": str(place), "TRAIN_TRANSFER_CACHE": str(cache)}
    found = {}
    for name, command in commands.items():
        if name != "again":
            shutil.rmtree(cache, ignore_errors=True)
        begun = time.perf_counter()
        subprocess.run(command, check=True, capture_output=True, env=environment)
        found[name] = time.perf_counter() - begun
    return found


def show(rounds: list[dict[str, float]], what: str) -> None:
    """Prints medians, spread and the ratios round by round."""
    table = Table("", "s", "min to max", "ratio", "min to max", "asked", title=what)
    for name in rounds[0]:
        seconds = [one[name] for one in rounds]
        against = "auto" if name == "again" else "bare"
        ratios = [one[name] / one[against] for one in rounds]
        asked = f"<= {ASKED[name]} x {against}" if name in ASKED else ""
        table.add_row(name, *shown(seconds), *shown(ratios), asked)
    Console(width=None if Console().is_terminal else 110).print(table)


def shown(values: list[float]) -> tuple[str, str]:
    """The median, and the spread."""
    return f"{statistics.median(values):.2f}", f"{min(values):.2f} to {max(values):.2f}"


if __name__ == "__main__":
    main()
