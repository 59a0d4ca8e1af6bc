"""A bounded sample of the training part, for what must be known before all pictures are read.

With how many bits the network computes, and how pictures are framed, decides what the one pass
over them reads, and must not be learned from what the folder holds out: the sample is drawn from
its train/. Where it holds nothing out all pictures judge, those of the sample too
(docs/decisions/0025 has what that adds to the accuracy).

No seed has a part in it: what is decided here decides what all pictures are read with, and another
seed is no reason to read them again.
"""

import hashlib
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Final

import numpy as np

from models.cores import granted_cores
from models.terminal import progress
from training.data.example import Example, ImageFolder, contents_of_classes
from training.data.pictures import Pictures

#: About as many pictures are drawn, in proportion to their classes (docs/decisions/0007).
SIZE: Final = 120

#: Of more classes, only so many are asked, drawn by chance: each shows a few pictures.
MOST_CLASSES: Final = 24
FEWEST_OF_A_CLASS: Final = 5


@dataclass(frozen=True)
class Sample:
    """Some of the training part.

    Attributes:
        examples: in the folder's order.
        place: the folder, in words.
    """

    examples: tuple[Example, ...]
    place: str


def draw_sample(folder: ImageFolder, pictures: Pictures, size: int = SIZE) -> Sample:
    """Draws the sample: always the same for the same pictures, and in every larger one.

    Of each class at most half of its different contents is drawn where the folder holds nothing
    out: no more of those that judge has decided anything. Files that cannot be opened are not
    drawn; whether they are pictures is not asked.

    Args:
        folder: to draw from.
        pictures: opens its files.
        size: about how many to draw.
    """
    given = folder.holds_out
    candidates = [e for e in folder.examples if not given or e.part == "train"]
    digests = [e.name for e in candidates] if given else _digests(candidates, pictures)
    readable = [(e, d) for e, d in zip(candidates, digests, strict=True) if d]
    contents = contents_of_classes([e for e, _ in readable], [d for _, d in readable])
    classes = sorted(contents, key=lambda c: _lot(folder.classes[c]))[:MOST_CLASSES]
    total = sum(len(contents[c]) for c in classes)
    chosen: dict[str, Example] = {}
    for class_index in classes:
        found = sorted(contents[class_index].items(), key=lambda item: _lot(item[0]))
        most = len(found) if given else len(found) // 2
        share = max(FEWEST_OF_A_CLASS, round(size * len(found) / total))
        chosen.update(found[: min(share, most)])
    examples = sorted(chosen.values(), key=lambda e: (e.name, str(e.path)))
    return Sample(tuple(examples), folder.place)


def spread(examples: Sequence[Example], most: int) -> list[Example]:
    """So many of some examples, at most, in even steps: of each class about its share."""
    places = np.linspace(0, len(examples) - 1, min(most, len(examples))).round().astype(int)
    return [examples[place] for place in places]


def _lot(name: str) -> bytes:
    """What decides by chance, and always alike, whether something of this name is drawn."""
    return hashlib.sha256(name.encode("utf-8", "surrogateescape")).digest()


def _digests(examples: Sequence[Example], pictures: Pictures) -> list[str]:
    """SHA-256 of the bytes of each; empty where they cannot be had."""
    with progress("telling files apart", len(examples)) as advance:
        found: list[str] = []
        pool = ThreadPoolExecutor(granted_cores(), thread_name_prefix="digests")
        try:
            for digest in pool.map(pictures.digest, examples):
                found.append(digest)
                advance(1)
        finally:
            pool.shutdown(cancel_futures=True)
    return found
