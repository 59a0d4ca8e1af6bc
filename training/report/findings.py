"""What an inspection found, in groups, with words for people who never saw one."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from training.inspection.finding import Finding, Kind
from training.report.gallery import Gallery, Tile

#: Findings of a kind that are told one by one; the rest are counted.
_TOLD: Final = 24

#: Whose sentences say nothing of single files.
_WITHOUT_NAMES: Final = frozenset({"shortcut", "imbalance"})

#: Kind → what it is called, and what it means.
_WORDS: Final[Mapping[Kind, tuple[str, str]]] = {
    "suspect_label": (
        "Labels that look wrong",
        "Heads that had not seen the picture answered otherwise. Which of the two is right?",
    ),
    "leak": (
        "On both sides of the split",
        "The network learned from one of these and was judged by the other.",
    ),
    "exact_duplicate": ("The same file more than once", "Byte for byte."),
    "near_duplicate": (
        "The same picture more than once",
        "Saved again, made smaller, cropped, brightened or mirrored.",
    ),
    "shortcut": (
        "Rules that imitate the network",
        "A simple rule that tells many answers: it may have learned that, and not what you meant.",
    ),
    "outlier": ("Unlike all others", "Far from every other picture: are they meant to be here?"),
    "blank": ("Nothing to see", "Of one colour, or nearly."),
    "blurred": ("Blurred", "Much less sharp than the rest of the folder."),
    "tiny": ("Tiny", "Much smaller than the rest, and than what the network is shown."),
    "unreadable": ("Not readable", "Left out."),
    "wrong_ending": (
        "Called otherwise than they are",
        "They were read by their content; other programs may go by their name.",
    ),
    "imbalance": ("Classes of unequal size", "A class with few pictures is learned less well."),
}

#: Where in the page each kind is told: anchor → its kinds.
PLACES: Final[Mapping[str, Sequence[Kind]]] = {
    "labels": ("suspect_label",),
    "twins": ("leak", "exact_duplicate", "near_duplicate"),
    "shortcuts": ("shortcut",),
    "files": (
        "imbalance", "outlier", "blank", "blurred", "tiny", "unreadable", "wrong_ending",
    ),
}  # fmt: skip


@dataclass(frozen=True)
class Told:
    """One finding as the page has it: pictures side by side, and a sentence."""

    sentence: str
    tiles: tuple[Tile, ...]


@dataclass(frozen=True)
class Group:
    """All findings of a kind.

    Attributes:
        kind: of them.
        title: what they are called.
        meaning: what that means.
        count: how many there are.
        told: the first of them.
    """

    kind: Kind
    title: str
    meaning: str
    count: int
    told: tuple[Told, ...]


def groups_of(
    place: str, findings: Sequence[Finding], gallery: Gallery | None
) -> tuple[Group, ...]:
    """The kinds of findings that are told in a place, where there are any.

    Without a gallery no file is named: what a sentence would say of one is left out.
    """
    groups = []
    for kind in PLACES[place]:
        found = [finding for finding in findings if finding.kind == kind]
        if found:
            told = tuple(_told(one, gallery) for one in found[:_TOLD])
            shown = told if gallery or kind in _WITHOUT_NAMES else ()
            groups.append(Group(kind, *_WORDS[kind], len(found), shown))
    return tuple(groups)


def _told(finding: Finding, gallery: Gallery | None) -> Told:
    tiles = gallery.findings.get(finding, ()) if gallery else ()
    # Below its picture stands the same.
    is_said = finding.kind == "suspect_label" and len(tiles) == len(finding.files)
    return Told("" if is_said else finding.sentence, tiles)
