"""All that a run can be told, in one place: the parser, --help and summary.json follow it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Final, Literal

from models.bundle import Precision
from models.errors import UsageError

Augmentation = Literal["none", "mild", "strong"]
WantedFraming = Literal["auto", "squash", "short-side", "crop"]
WantedPrecision = Literal["auto"] | Precision

_SMALLEST_IMAGE: Final = 16
_LARGEST_IMAGE: Final = 4096


@dataclass(frozen=True)
class TrainingSettings:
    """What a run does.

    Attributes:
        data: the folder of pictures.
        backbone: timm's name of the pretrained network; default: what can be had
            (`models.backbones.bundled_backbone`).
        weights: `auto`, `imagenet`, `bundled`, `none`, or the path of a file.
        framing: which part of a picture is shown (`models.preprocessing`); `auto`: what suits a
            sample of the training part.
        image_size: H and W of the network's input, pixels; default: its own.
        precision: of what the backbone computes with (`selection.precision`); `auto`: int8 where
            there is no GPU and a sample says that it is as good and faster, else fp32.
        name: what the result is called; default: the data folder's name.
        out: where the run folder is made.
        seed: of the split, the folds, and of random weights.
        finetune: whether the whole network learns on, after the head has been fitted.
        epochs: of fine-tuning; default: by the number of pictures (`training.finetuning.plan`).
        learning_rate: of fine-tuning; default likewise.
        batch_size: of fine-tuning; default likewise.
        augmentation: how pictures are varied while fine-tuning (`finetuning.augmentation`).
    """

    data: Path
    backbone: str | None = None
    weights: str = "auto"
    framing: WantedFraming = "auto"
    image_size: int | None = None
    precision: WantedPrecision = "auto"
    name: str | None = None
    out: Path = Path("runs")
    seed: int = 0
    finetune: bool = False
    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    augmentation: Augmentation = "mild"

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a seed lies between 0 and {2**32 - 1}")
        if self.name is not None and (
            self.name.strip() in ("", ".", "..") or "/" in self.name or "\0" in self.name
        ):
            raise UsageError(f"--name {self.name!r}: not empty, not dots alone, and it holds no /")

        for option, value in (
            ("--epochs", self.epochs),
            ("--learning-rate", self.learning_rate),
            ("--batch-size", self.batch_size),
        ):
            if value is not None and not value > 0:
                raise UsageError(f"{option} {value}: must be above 0")

        if self.image_size is not None and not _SMALLEST_IMAGE <= self.image_size <= _LARGEST_IMAGE:
            raise UsageError(
                f"--image-size {self.image_size}: pictures have {_SMALLEST_IMAGE} to "
                f"{_LARGEST_IMAGE} pixels a side"
            )

    @property
    def run_name(self) -> str:
        """The given name, or the data folder's."""
        return self.name or self.data.resolve().name or "pictures"

    def as_json(self) -> dict[str, str | int | None]:
        """The settings with paths as text."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
