"""What an inspection found: one kind of finding is one file of this room."""

from dataclasses import asdict, dataclass
from typing import Any, Literal

Kind = Literal[
    "exact_duplicate",
    "near_duplicate",
    "leak",
    "suspect_label",
    "outlier",
    "shortcut",
    "unreadable",
    "wrong_ending",
    "blank",
    "blurred",
    "tiny",
    "imbalance",
]


@dataclass(frozen=True)
class Finding:
    """Something that a person should look at; nothing is moved or deleted for it.

    Attributes:
        kind: of what there is to see.
        files: names of the pictures, as in `predictions.csv`.
        score: how sure it is or how much it matters, in [0, 1]; comparable within a kind.
        sentence: for people.
        suggested: the label that is likelier, of a suspect one; for `labels.csv`.
    """

    kind: Kind
    files: tuple[str, ...]
    score: float
    sentence: str
    suggested: str = ""

    def as_json(self) -> dict[str, Any]:
        """One element of `findings` in `inspection.json`."""
        return {name: value for name, value in asdict(self).items() if name != "suggested"}
