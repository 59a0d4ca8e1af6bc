"""All that a distillation can be told; the parser, --help and the model card follow it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final

from models.errors import UsageError

#: Networks halve a picture about five times.
_STRIDE: Final = 32


@dataclass(frozen=True)
class DistillationSettings:
    """What a student learns, from whom, on what.

    Attributes:
        data: a folder or a zip archive of pictures; no labels are needed.
        teacher: the name of a backbone that has learned.
        teacher_weights: as `train-transfer --weights` takes them.
        student: timm's name of the network that learns, from a random start.
        pictures: how many the student is shown in all; most of them many times over.
        batch_size: pictures a step.
        crop: pixels a side of what is shown.
        last_crop: the same at the end, to which it grows.
        name: what the result is called; default: the student's name.
        out: where the run folder is made.
        seed: of the start, the order and the crops.
    """

    data: Path
    teacher: str
    teacher_weights: str = "auto"
    student: str = "mobilenetv2_100"
    pictures: int = 200_000
    batch_size: int = 32
    crop: int = 128
    last_crop: int = 192
    name: str | None = None
    out: Path = Path("runs")
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a seed lies between 0 and {2**32 - 1}")
        if self.batch_size < 2:
            raise UsageError(f"--batch-size {self.batch_size}: BatchNorm needs 2 or more pictures")
        if self.pictures < self.batch_size:
            raise UsageError(
                f"--pictures {self.pictures}: fewer than one step's ({self.batch_size})"
            )
        for option, size in (("--crop", self.crop), ("--last-crop", self.last_crop)):
            if size % _STRIDE or not 0 < size <= 1024:
                raise UsageError(f"{option} {size}: a multiple of {_STRIDE} up to 1024 is needed")
        if self.last_crop < self.crop:
            raise UsageError(f"--last-crop {self.last_crop} is smaller than --crop {self.crop}")

    @property
    def run_name(self) -> str:
        """The given name, or the student's."""
        return self.name or self.student

    def as_json(self) -> dict[str, str | int | None]:
        """The settings with paths as text."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
