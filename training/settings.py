"""All that a run can be told, in one place: the parser, --help and summary.json follow it."""

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Any, Final, Literal, cast, get_args

from models.choices import AtLeast, Levels, Measure, Precision, check_grey_range
from models.errors import UsageError
from models.options import Option, what_was_meant
from training.place_name import place_name

Augmentation = Literal["none", "mild", "strong"]
WantedFraming = Literal["auto", "squash", "short-side", "crop"]
WantedPrecision = Literal["auto"] | Precision

_SMALLEST_IMAGE: Final = 16
_LARGEST_IMAGE: Final = 4096

#: A set that misses more often than it holds says nothing.
_LEAST_COVERAGE: Final = 0.5

_FINE_TUNING: Final = "fine-tuning"


@dataclass(frozen=True)
class TrainingSettings:
    """What a run does."""

    data: Annotated[
        tuple[Path, ...],
        Option(
            "the pictures, in a folder, a zip or a tar: a folder per class; train/ with val/ and/"
            "or test/, a folder per class inside; or train/ and test/ with the class in the file "
            "name (cat.12.jpg). Given again, more of them, of the same classes or others",
            "DIR",
        ),
    ]
    labels: Annotated[
        tuple[Path, ...],
        Option(
            "a table (CSV) with the columns file and label: what it says counts for more than "
            "folders, an empty label leaves a picture out; as the labels.csv of a run, put right "
            "in a spreadsheet, or for pictures that lie in no folders. May be given again",
            "FILE",
        ),
    ] = ()
    groups: Annotated[
        str | None,
        Option(
            "what belongs together, as pictures of a patient, an object or a video, and so is "
            "never learned from and judged by at once: a table (CSV) with the columns file and "
            "group, or a regular expression whose one group in brackets is a part of the file's "
            "path: '(patient[0-9]+)_'",
            "FILE|PATTERN",
        ),
    ] = None
    backbone: Annotated[
        str | None,
        Option(
            "any timm network that --list-backbones shows, alexnet, googlenet, cbam_resnet18 or "
            "-50, or baseline (the course's small one, trained from scratch); auto: what suits a "
            "sample of the training part, of the installed weights, those of --weights and a short "
            "list of the hub's; default: tf_efficientnet_lite0, whose weights are installed with "
            "this program",
            "NAME",
        ),
    ] = None
    weights: Annotated[
        str,
        Option(
            "packaged (installed with this program), imagenet (from the hub, cached), a file "
            "(.safetensors or .pth), or none (random); auto: packaged where the network has such, "
            "else imagenet. With --backbone auto: a file called like its network "
            "(resnet18.safetensors), or a folder of such",
            "WHICH",
        ),
    ] = "auto"
    accept_licence: Annotated[
        str | None,
        Option(
            "use weights that are not free for any use, under this licence, as --list-backbones "
            "prints it",
            "LICENCE",
            also=("--accept-license",),
        ),
    ] = None
    framing: Annotated[
        WantedFraming,
        Option(
            "what the network is shown of a picture: all of it, its aspect ratio given up; the "
            "middle square; a part of that; or what suits a sample of the training part"
        ),
    ] = "auto"
    image_size: Annotated[
        int | None,
        Option("pixels a side of what the network is shown; by default the network's own", "N"),
    ] = None
    grey_range: Annotated[
        str | None,
        Option(
            "of pictures with greys of more than 8 bits: which are black and white (0,4095); by "
            "default the fewest bits that hold the greys of a sample of the training part",
            "LOW,HIGH",
        ),
    ] = None
    precision: Annotated[
        WantedPrecision,
        Option(
            "what the network computes with: int8 is up to four times as fast on a CPU, fp16 is "
            "for a GPU; auto: int8 where there is no GPU and a sample of the training part says "
            "that it is as good and faster, else fp32"
        ),
    ] = "auto"
    coverage: Annotated[
        float,
        Option(
            "the share of each class's pictures that are to have it in their prediction set, the "
            "classes that a picture could be of; 0.95 takes 19 pictures of a class at least",
            "SHARE",
        ),
    ] = 0.9
    at_least: Annotated[
        str | None,
        Option(
            "from which probability on a class is decided, so that it keeps what you need: "
            "recall=defect:0.98 misses 2 % of defects at most, with precision=defect:0.98 at most "
            "2 % of what is taken for defects is none. What is left open is referred to a person",
            "MEASURE=CLASS:SHARE",
        ),
    ] = None
    name: Annotated[
        str | None, Option("what the result is called; default: the data folder's name")
    ] = None
    out: Annotated[Path, Option("where run folders are made", "DIR")] = Path("runs")
    seed: Annotated[
        int, Option("of all chance in fine-tuning and random weights; folds have none")
    ] = 0
    report_without_pictures: Annotated[
        bool,
        Option(
            "nothing of the pictures, and no name of a file, goes into report.html, for those who "
            "must not pass them on"
        ),
    ] = False
    inspect: Annotated[
        bool,
        Option(
            "only look through the pictures: which labels are suspect, what is there twice, what "
            "else there is to see; nothing is exported"
        ),
    ] = False
    finetune: Annotated[
        bool,
        Option(
            "after the last layer has been fitted, let the whole network learn on; the better of "
            "the two on validation pictures is exported",
            group=_FINE_TUNING,
        ),
    ] = False
    epochs: Annotated[
        int | None, Option("at most; by default by the number of pictures", "N", _FINE_TUNING)
    ] = None
    learning_rate: Annotated[float | None, Option("of the last layer", "RATE", _FINE_TUNING)] = None
    batch_size: Annotated[
        int | None, Option("pictures a step, of all processes together", "N", _FINE_TUNING)
    ] = None
    augmentation: Annotated[
        Augmentation,
        Option(
            "how pictures are varied: mild keeps what is up, strong turns them any way",
            group=_FINE_TUNING,
        ),
    ] = "mild"

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
        if not _LEAST_COVERAGE <= self.coverage < 1:
            raise UsageError(
                f"--coverage {self.coverage}: a share from {_LEAST_COVERAGE} to below 1; 0.9: nine "
                "pictures in ten"
            )
        other = "--finetune" if self.finetune else "--at-least" if self.at_least else ""
        if self.inspect and other:
            raise UsageError(f"--inspect and {other}: to inspect is to export nothing; leave one")
        _ = self.greys, self.operating_point
        if self.image_size is not None and not _SMALLEST_IMAGE <= self.image_size <= _LARGEST_IMAGE:
            raise UsageError(
                f"--image-size {self.image_size}: pictures have {_SMALLEST_IMAGE} to "
                f"{_LARGEST_IMAGE} pixels a side"
            )

    @property
    def run_name(self) -> str:
        """The given name, or the first data folder's."""
        return self.name or place_name(self.data[0]) or "pictures"

    @property
    def greys(self) -> Levels | None:
        """What `grey_range` says, as numbers.

        Raises:
            UsageError: it says no range.
        """
        if self.grey_range is None:
            return None
        try:
            low, high = map(float, self.grey_range.split(","))
            check_grey_range((low, high))
        except ValueError as error:
            raise UsageError(
                f"--grey-range {self.grey_range}: two numbers with a comma between them, black and "
                "then white, as in 0,4095"
            ) from error
        return low, high

    @property
    def operating_point(self) -> AtLeast | None:
        """What `at_least` says; a class may have any name.

        Raises:
            UsageError: it says nothing, or what no number of pictures can show.
        """
        if self.at_least is None:
            return None
        measure, _, rest = self.at_least.partition("=")
        label, _, share = rest.rpartition(":")
        if measure not in get_args(Measure) or not label:
            meant = what_was_meant(measure, get_args(Measure))
            raise UsageError(
                f"--at-least {self.at_least}: recall or precision of a class, as in "
                f"recall=defect:0.98 (recall is what medicine calls sensitivity){meant}"
            )
        try:
            wanted = AtLeast(cast("Measure", measure), label, float(share))
        except ValueError:
            wanted = AtLeast("recall", label, 0)
        if not 0 < wanted.share < 1:
            raise UsageError(
                f"--at-least {self.at_least}: behind the colon a share above 0 and below 1, as in "
                "recall=defect:0.98; no number of pictures can show that nothing is missed"
            )
        return wanted

    def as_json(self) -> dict[str, str | int | float | list[str] | None]:
        """The settings with paths as text."""
        return {name: _as_json(value) for name, value in asdict(self).items()}


def _as_json(value: Any) -> Any:
    if isinstance(value, tuple):
        return [str(each) for each in value]
    return str(value) if isinstance(value, Path) else value
