"""How much sooner is a run than the course's loop over the same pictures, with the same backbone?

- course: PyTorch Lightning as the course's hands-on 4 has it: a frozen backbone, a linear layer
  trained by Adam, batches of 32, every picture decoded and shown again in each of 30 epochs, the
  held-out part after each. A few epochs are timed; the others take as long.
- fp32, auto: `train-transfer`, whole processes that find an empty cache.

    python benchmarks/course_loop.py --data DIR [--backbone resnet18] [--weights FILE] [--epochs 2]

Without `--weights` the network holds random numbers: the times are the same, accuracy says nothing.
"""

from models.backbones.backbone import Backbone, load_backbone  # it makes torchvision importable
from models.backbones.weights import File

# isort: split

import argparse
import logging
import tempfile
import time
import warnings
from collections.abc import Sequence
from pathlib import Path

import torch
from _measure import machine
from _runs import add_data, percent, pictures, random_weights, train_transfer
from lightning.pytorch import LightningModule, Trainer
from PIL import Image
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.nn.functional import cross_entropy
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import v2

from models.cores import granted_cores
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.parts import make_parts

EPOCHS = 30
BATCH = 32

#: How many times as fast we are asked to be.
ASKED = {"fp32": 25, "auto": 35}


class Shown(Dataset[tuple[Tensor, int]]):
    """Pictures as the course reads them: resized, the middle cut out, normalised."""

    def __init__(self, examples: Sequence[Example], size: int) -> None:
        self._examples = examples
        self._transform = v2.Compose(
            [
                v2.Resize(round(size / 0.875)),
                v2.CenterCrop(size),
                v2.ToImage(),
                v2.ToDtype(torch.float32, scale=True),
                v2.Normalize([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]),
            ]
        )

    def __len__(self) -> int:
        return len(self._examples)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        example = self._examples[index]
        with Image.open(example.path) as image:
            return self._transform(image.convert("RGB")), example.class_index


class CourseLoop(LightningModule):
    """A frozen backbone and a linear layer."""

    def __init__(self, backbone: Backbone, classes: int) -> None:
        super().__init__()
        self.backbone = backbone.requires_grad_(requires_grad=False)
        self.head = nn.Linear(backbone.num_features, classes)
        self.right: list[Tensor] = []
        self.seconds: list[float] = []

    def forward(self, image: Tensor) -> Tensor:
        """Logits."""
        self.backbone.eval()
        with torch.no_grad():
            features = self.backbone(image)
        found: Tensor = self.head(features)
        return found

    def training_step(self, batch: tuple[Tensor, Tensor], _: int) -> Tensor:
        """One step."""
        return cross_entropy(self(batch[0]), batch[1])

    def validation_step(self, batch: tuple[Tensor, Tensor], _: int) -> None:
        """One batch of the held-out part."""
        self.right.append((self(batch[0]).argmax(1) == batch[1]).float())

    def on_train_epoch_start(self) -> None:
        """Begins to count."""
        self.right.clear()
        self.seconds.append(time.perf_counter())

    def on_validation_epoch_end(self) -> None:
        """An epoch ends with its validation."""
        if self.seconds:
            self.seconds[-1] = time.perf_counter() - self.seconds[-1]

    def configure_optimizers(self) -> torch.optim.Optimizer:
        """The course's."""
        return torch.optim.Adam(self.head.parameters(), lr=1e-3)


def main() -> None:
    """Measures all and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--backbone", default="resnet18")
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--epochs", type=int, default=2)
    chosen = parser.parse_args()
    with pictures(chosen.data) as data, tempfile.TemporaryDirectory() as place:
        weights = chosen.weights or random_weights(chosen.backbone, Path(place))
        seconds, accuracy = course(chosen, weights, data)
        network = ["--data", data, "--backbone", chosen.backbone, "--weights", weights]
        found = {name: timed(*network, "--precision", name) for name in ASKED}
    what = f"{chosen.backbone}, weights {chosen.weights or 'random'}, {data.name}"
    table = Table("", "s", "course / it", "asked", "accuracy", title=what)
    table.add_row(f"course, {EPOCHS} epochs", f"{seconds:.0f}", "1", "", percent(accuracy))
    for name, (ours, reached) in found.items():
        ratio, asked = f"{seconds / ours:.1f}", f"{ASKED[name]}"
        table.add_row(name, f"{ours:.1f}", ratio, asked, percent(reached))
    console = Console(width=None if Console().is_terminal else 110)
    console.print(table)
    print(f"the course's: {chosen.epochs} epochs timed, the accuracy is that after them")
    console.print(machine("torch", "lightning", "onnxruntime", "onnxruntime-gpu", "pillow"))


def course(chosen: argparse.Namespace, weights: Path, data: Path) -> tuple[float, float]:
    """Seconds of all epochs, from those that were timed, and the accuracy after these."""
    folder = scan_folder(data)
    examples = folder.examples
    parts = make_parts(folder, examples, [str(e.path) for e in examples])
    learned_from = sorted(set(parts.train) - set(parts.set_aside))
    backbone = load_backbone(chosen.backbone, File(Path(weights)))
    size = backbone.preprocessing.height
    loaders = [
        DataLoader(
            Shown([examples[row] for row in rows], size),
            BATCH,
            shuffle=rows is learned_from,
            num_workers=granted_cores(),
            persistent_workers=True,
        )
        for rows in (learned_from, parts.set_aside)
    ]
    loop = CourseLoop(backbone, len(folder.classes))
    logging.getLogger("lightning.pytorch").setLevel(logging.ERROR)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        trainer = Trainer(
            max_epochs=chosen.epochs,
            num_sanity_val_steps=0,
            logger=False,
            enable_checkpointing=False,
            enable_progress_bar=False,
            enable_model_summary=False,
        )
        trainer.fit(loop, *loaders)
    return EPOCHS * sum(loop.seconds) / chosen.epochs, float(torch.cat(loop.right).mean())


def timed(*options: str | Path) -> tuple[float, float]:
    """Seconds of a whole process, and the accuracy that it reports."""
    begun = time.perf_counter()
    summary = train_transfer(*options)
    return time.perf_counter() - begun, summary["accuracy"]


if __name__ == "__main__":
    main()
