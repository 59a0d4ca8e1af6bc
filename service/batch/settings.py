"""All that `classify-images` can be told; the parser and --help follow it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from models.errors import UsageError
from models.options import Option
from models.providers import Provider

#: Endings of what `--out` takes.
FORMATS = (".csv", ".jsonl", ".parquet")


@dataclass(frozen=True)
class BatchSettings:
    """What one call of the command was told."""

    places: tuple[str, ...]
    model: Annotated[
        str | None,
        Option("NAME or NAME:VERSION of the model store, or a bundle file; default: the newest"),
    ] = None
    out: Annotated[
        Path | None,
        Option(
            "where the answers go, a row for each file: .csv, .jsonl or .parquet; stopped at any "
            "moment, the same command goes on where it was",
            "FILE",
        ),
    ] = None
    overwrite: Annotated[bool, Option("make a finished --out anew")] = False
    maps: Annotated[
        bool,
        Option("a column map(HxW) in --out: the heatmap's cells as bytes (base64 in text)"),
    ] = False
    heatmaps: Annotated[
        Path | None, Option("a folder for drawings of where the network looked", "DIR")
    ] = None
    sort_into: Annotated[
        Path | None,
        Option("copy pictures into DIR/CLASS/, those unlike all known into DIR/unfamiliar/", "DIR"),
    ] = None
    sort_by: Annotated[
        Literal["copy", "link"], Option("what --sort-into makes: copies, or symbolic links")
    ] = "copy"
    provider: Annotated[
        Provider, Option("where the network runs; auto: on a GPU where one comes up")
    ] = "auto"
    engine: Annotated[
        Literal["here", "ray"],
        Option("who works: this machine, or all machines of a Ray cluster, which share its disks"),
    ] = "here"

    def __post_init__(self) -> None:
        if self.out and self.out.suffix.lower() not in FORMATS:
            raise UsageError(f"--out {self.out}: its ending is none of {', '.join(FORMATS)}")
        if self.maps and not self.out:
            raise UsageError("--maps is a column of --out, which is not given")
        if self.engine == "ray" and (self.heatmaps or self.sort_into or not self.out):
            raise UsageError("--engine ray writes --out, without --heatmaps and --sort-into")
        for folder in (self.heatmaps, self.sort_into):
            if folder and any(_holds(folder, Path(place)) for place in self.places):
                raise UsageError(
                    f"{folder} holds the pictures themselves: give a folder of its own for what is "
                    "made of them"
                )

    @property
    def parts(self) -> Path:
        """The folder of what is answered so far."""
        return Path(f"{self.out}.parts")

    @property
    def results(self) -> tuple[Path, ...]:
        """Where results go: no pictures to look at, should they lie among those."""
        found = (self.out, self.out and self.parts, self.heatmaps, self.sort_into)
        return tuple(filter(None, found))


def _holds(folder: Path, place: Path) -> bool:
    return folder.resolve() in (place.resolve(), *place.resolve().parents)
