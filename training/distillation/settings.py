"""All that a distillation can be told; the parser, --help and the model card follow it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Final

from models.errors import UsageError
from models.options import Option

#: Networks halve a picture about five times.
_STRIDE: Final = 32


@dataclass(frozen=True)
class DistillationSettings:
    """What a student learns, from whom, on what; labels are not needed."""

    data: Annotated[
        Path,
        Option("the pictures: a folder, with all folders in it, or a zip or tar archive", "PLACE"),
    ]
    teacher: Annotated[
        str, Option("the large network's name (train-transfer --list-backbones)", "NAME")
    ]
    teacher_weights: Annotated[
        str, Option("its weights, as train-transfer takes them", "WHICH")
    ] = "auto"
    accept_licence: Annotated[
        str | None,
        Option(
            "of the teacher's weights, where they are not free for any use",
            "LICENCE",
            also=("--accept-license",),
        ),
    ] = None
    student: Annotated[
        str, Option("timm's name of the small network, which starts from chance", "NAME")
    ] = "mobilenetv2_100"
    pictures: Annotated[int, Option("how many to show in all, most of them many times", "N")] = (
        200_000
    )
    batch_size: Annotated[int, Option("pictures a step", "N")] = 32
    crop: Annotated[int, Option("pixels a side of what is shown", "N")] = 128
    last_crop: Annotated[int, Option("the same at the end, to which it grows", "N")] = 192
    name: Annotated[
        str | None, Option("what the result is called; default: the student's name")
    ] = None
    out: Annotated[Path, Option("where run folders are made", "DIR")] = Path("runs")
    seed: Annotated[int, Option("of the start, the order and the crops")] = 0

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
