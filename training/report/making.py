"""How a run was made, and how it is made again."""

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any, Final

from models.bundle import BundleMetadata
from training.place_name import place_name
from training.report.record import Record
from training.run_folder import package_versions
from training.settings import TrainingSettings

#: What stands for a path that is not to be told.
_HIDDEN: Final = "…"


@dataclass(frozen=True)
class Making:
    """What was run, on what, with what.

    Attributes:
        name: of the result.
        created: day and time, UTC.
        command: what makes it again.
        facts: what else there is to say, in a word and its value.
        versions: of the packages.
    """

    name: str
    created: str
    command: str
    facts: Mapping[str, str]
    versions: Mapping[str, str]


def making_of(record: Record, metadata: BundleMetadata, *, is_private: bool = False) -> Making:
    """All that there is to say of how a run was made.

    Args:
        record: of the run.
        metadata: what its bundle says of itself.
        is_private: whether paths are left out, which may name people.
    """
    return Making(
        name=_name(record.settings),
        created=metadata.training.created.replace("T", " ").partition("+")[0],
        command=_command(record.settings, is_private=is_private),
        facts=_facts(record, metadata),
        versions=package_versions(),
    )


def _name(settings: Mapping[str, Any]) -> str:
    return str(settings["name"] or place_name(Path(settings["data"][0])) or "pictures")


def _command(settings: Mapping[str, Any], *, is_private: bool) -> str:
    """The line that makes the same again: all that is not as it is by default."""
    words = ["train-transfer"]
    for one in fields(TrainingSettings):
        value = settings.get(one.name)
        if value in (None, False) or str(value) == str(one.default):
            continue
        is_hidden = is_private and one.name != "at_least" and _may_be_a_place(value)
        for each in value if isinstance(value, list) else [value]:
            words.append(f"--{one.name.replace('_', '-')}")
            if each is not True:
                words.append(_HIDDEN if is_hidden else shlex.quote(f"{each}"))
    return " ".join(words)


def _may_be_a_place(value: Any) -> bool:
    """Whether a setting may name a file or a folder, whose names may be those of people."""
    return isinstance(value, list) or (isinstance(value, str) and bool(set("./\\") & set(value)))


def _facts(record: Record, metadata: BundleMetadata) -> dict[str, str]:
    learned, shown = record.learned, metadata.preprocessing
    return {
        "Network": f"{metadata.backbone}, weights: {Path(metadata.weights).name}",
        "Licence of its weights": metadata.licence,
        "Recipe": f"{learned.recipe}, {learned.trained_parameters:,} numbers learned from "
        f"{learned.trained_on:,} pictures",
        "Pictures are shown": f"{shown.width} × {shown.height} pixels, {shown.framing}",
        "Computes in": metadata.precision,
        "The folder": record.layout,
        "Digest of the pictures": record.data_digest,
        "Time": f"{record.seconds:,.0f} seconds",
    }
