"""Finds files whose content is of another format than their name says."""

from pathlib import PurePath

from PIL import Image

from training.inspection.evidence import Evidence
from training.inspection.finding import Finding

#: What is rightly called by the name of another: several pictures in one JPEG, and a BMP's content.
_CALLED = {"MPO": "JPEG", "DIB": "BMP"}


def find_wrong_endings(evidence: Evidence) -> list[Finding]:
    """Pictures that other programs may refuse, or take for something else."""
    endings = Image.registered_extensions()
    found = []
    for example, properties in zip(evidence.table.examples, evidence.table.properties, strict=True):
        ending = PurePath(example.name).suffix
        said, is_one = endings.get(ending.lower()), properties.format
        if said and said != is_one and _CALLED.get(said, said) != _CALLED.get(is_one, is_one):
            sentence = f"{example.name} ends in {ending} and is a {is_one}: other programs may fail"
            found.append(Finding("wrong_ending", (example.name,), 1.0, sentence))
    return found
