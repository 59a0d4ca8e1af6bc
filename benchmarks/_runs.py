"""What several benchmarks share: a run of `train-transfer` as a user starts it, and its result."""

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file

from models.backbones.backbone import load_backbone
from models.backbones.weights import Random


def add_data(parser: argparse.ArgumentParser) -> None:
    """The option that says which pictures; see `pictures`."""
    parser.add_argument("--data", type=Path, help="a folder; default: drawn screws and nuts")


@contextlib.contextmanager
def pictures(given: Path | None) -> Iterator[Path]:
    """The folder that was named, or one of drawn pictures, which is deleted in the end."""
    if given:
        yield given
        return
    with tempfile.TemporaryDirectory() as place:
        drawn = Path(place, "drawn_screws_nuts")
        tool = Path(sys.executable).parent / "draw-screws-nuts"
        subprocess.run([tool, drawn], check=True, stdout=subprocess.DEVNULL)
        yield drawn


def random_weights(backbone: str, folder: Path) -> Path:
    """A file of random numbers, the same each time: to the command as good as learned ones."""
    torch.manual_seed(0)
    found = folder / f"{backbone}.safetensors"
    save_file(load_backbone(backbone, Random()).model.state_dict(), found)
    return found


def train_transfer(*options: str | Path, cache: Path | None = None) -> dict[str, Any]:
    """Runs the command in a process of its own, with folders that are thrown away.

    Its progress goes to standard error, as for a user.

    Args:
        options: of the command.
        cache: what earlier runs found; default: one of its own, which is empty.

    Returns:
        The content of its `summary.json`.
    """
    with tempfile.TemporaryDirectory() as place:
        command = [sys.executable, "-m", "training.cli", *options, "--out", Path(place, "runs")]
        kept = str(cache or place)
        own = {"BENTOML_HOME": str(Path(place, "bentoml")), "TRAIN_TRANSFER_CACHE": kept}
        environment = {**os.environ, **own}
        subprocess.run(command, check=True, env=environment, stdout=subprocess.DEVNULL)
        (path,) = Path(place).glob("runs/*/*/summary.json")
        found: dict[str, Any] = json.loads(path.read_text("utf-8"))
    return found


def percent(value: float) -> str:
    """0.985 → 98.5 %."""
    return f"{100 * value:.1f} %"


def with_interval(summary: dict[str, Any]) -> str:
    """The accuracy on the held-out part, with its 95 % interval."""
    low, high = summary["accuracy_interval"]
    return f"{percent(summary['accuracy'])} ({100 * low:.1f} to {100 * high:.1f})"
