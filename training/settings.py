"""All that a run can be told, in one place: the parser, --help and summary.json follow it."""

from dataclasses import asdict, dataclass
from pathlib import Path

from models.errors import UsageError


@dataclass(frozen=True)
class TrainingSettings:
    """What a run does.

    Attributes:
        data: the folder of pictures.
        backbone: timm's name of the pretrained network.
        weights: `auto`, `imagenet`, `none`, or the path of a file.
        name: what the result is called; default: the data folder's name.
        out: where the run folder is made.
        seed: of the split, the folds, and of random weights.
    """

    data: Path
    backbone: str = "resnet18"
    weights: str = "auto"
    name: str | None = None
    out: Path = Path("runs")
    seed: int = 0

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**32:
            raise UsageError(f"--seed {self.seed}: a seed lies between 0 and {2**32 - 1}")
        if self.name is not None and (
            not self.name.strip() or "/" in self.name or "\0" in self.name
        ):
            raise UsageError(f"--name {self.name!r}: a name is not empty and holds no /")

    @property
    def run_name(self) -> str:
        """The given name, or the data folder's."""
        return self.name or self.data.resolve().name or "pictures"

    def as_json(self) -> dict[str, str | int | None]:
        """The settings with paths as text."""
        return {k: str(v) if isinstance(v, Path) else v for k, v in asdict(self).items()}
