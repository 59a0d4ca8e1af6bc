"""What pictures are called after: their folder, or the archive without its ending."""

import re
from pathlib import Path


def place_name(place: Path) -> str:
    """`pets` of `pets/`, `pets.zip` and `pets.tar.gz`; empty at the root of a disk."""
    name = place.resolve().name
    return re.sub(r"(\.tar)?\.\w+$", "", name) if place.is_file() else name
