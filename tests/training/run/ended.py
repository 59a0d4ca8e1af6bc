"""A run that has ended, as tests of several files ask about it."""

from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Ended:
    """A run that has ended."""

    summary: dict[str, Any]
    folder: Path

    @property
    def predictions(self) -> str:
        return (self.folder / "predictions.csv").read_text("utf-8-sig")


def ended(summary: dict[str, Any]) -> Ended:
    return Ended(summary, Path(summary["bundle"]).parent)
