"""How do time and memory of a run grow with its pictures, and with its classes?

Whole runs on drawn noise whose colours tell the classes, 64 x 64 pixels: first more and more
pictures of ten classes, then as many pictures of more and more classes. Wall time of the process,
and the largest memory that it had.

    python benchmarks/growth.py [--pictures 500 5000 50000] [--classes 2 20 200]
        [--backbone mobilenetv3_small_050] [--weights none]

`--pictures` without a number runs the second part alone. Numbers by chance give features that vary
in few directions, on which a fit takes far more steps than on those of a network that has learned.
"""

import argparse
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from _measure import machine
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import Random

#: Classes while pictures grow, and pictures while classes do.
CLASSES = 10
PICTURES = 5000

#: Bytes that a picture may take beside its features.
ALLOWED = 1024


@dataclass(frozen=True)
class Cost:
    """What one run took: seconds, and the largest number of bytes at one time."""

    seconds: float
    memory: float


def main() -> None:
    """Runs all and prints two tables."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--pictures", type=int, nargs="*", default=[500, 5000, 50000])
    parser.add_argument("--classes", type=int, nargs="+", default=[2, 20, 200])
    parser.add_argument("--backbone", default="mobilenetv3_small_050")
    parser.add_argument("--weights", default="none", help="as train-transfer takes them")
    chosen = parser.parse_args()
    network = "--backbone", chosen.backbone, "--weights", chosen.weights
    features = 4 * load_backbone(chosen.backbone, Random()).num_features
    title = f"{chosen.backbone}, weights: {chosen.weights}, {features / 1000:.1f} kB a picture"
    table = Table("pictures", "classes", "s", "MiB", "ms a picture more", "kB a picture more")
    table.title = title
    for points in (
        [(count, CLASSES) for count in chosen.pictures],
        [(PICTURES, classes) for classes in chosen.classes],
    ):
        before = None
        for pictures, classes in points:
            cost = measured(network, pictures, classes)
            table.add_row(
                f"{pictures:,}", str(classes), f"{cost.seconds:.1f}", f"{cost.memory / 2**20:.0f}",
                *more(before, (pictures, cost)),
            )  # fmt: skip
            before = pictures, cost
        table.add_section()
    Console(width=None if Console().is_terminal else 110).print(table)
    print(f"asked: time linear; a picture takes {(features + ALLOWED) / 1000:.1f} kB or less")
    print("asked: 200 classes take twice the time of 20, or less")
    print(machine("torch", "onnxruntime", "onnxruntime-gpu", "scikit-learn"))


def more(before: tuple[int, Cost] | None, now: tuple[int, Cost]) -> tuple[str, str]:
    """What each picture added, since the run before this one."""
    if before is None or before[0] == now[0]:
        return "", ""
    pictures = now[0] - before[0]
    seconds = (now[1].seconds - before[1].seconds) / pictures
    memory = (now[1].memory - before[1].memory) / pictures
    return f"{1000 * seconds:.2f}", f"{memory / 1000:.1f}"


def measured(network: tuple[str, ...], pictures: int, classes: int) -> Cost:
    """One run on a folder that is drawn for it."""
    with tempfile.TemporaryDirectory() as place:
        data = Path(place, "pictures")
        draw(data, pictures, classes)
        command = [
            sys.executable, "-m", "training.cli", "--data", str(data), *network,
            "--out", str(Path(place, "runs")),
        ]  # fmt: skip
        caches = {"BENTOML_HOME": place, "TRAIN_TRANSFER_CACHE": str(Path(place, "cache"))}
        begun = time.perf_counter()
        quiet = os.open(os.devnull, os.O_WRONLY)
        process = os.posix_spawn(
            sys.executable, command, os.environ | caches,
            file_actions=[(os.POSIX_SPAWN_DUP2, quiet, 1), (os.POSIX_SPAWN_DUP2, quiet, 2)],
        )  # fmt: skip
        _, status, usage = os.wait4(process, 0)
        seconds = time.perf_counter() - begun
        os.close(quiet)
    if status != 0:
        raise SystemExit(f"{' '.join(command)} failed")
    return Cost(seconds, usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024))


def draw(folder: Path, pictures: int, classes: int) -> None:
    """Noise around a colour for each class."""
    colours = np.random.default_rng(0).integers(40, 216, (classes, 3))
    for number in range(pictures):
        label = number % classes
        rng = np.random.default_rng(number)
        noise = rng.integers(-40, 40, (8, 8, 3)) + colours[label]
        image = Image.fromarray(noise.clip(0, 255).astype(np.uint8)).resize((64, 64))
        place = folder / f"class_{label:03}"
        place.mkdir(parents=True, exist_ok=True)
        image.save(place / f"{number:06}.jpg")


if __name__ == "__main__":
    main()
