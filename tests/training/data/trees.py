"""Folders written down as text: `cat/*.jpg 6` is six files, `a.csv <- 1` one with a 1 in it."""

from pathlib import Path


def plant(root: Path, tree: str) -> Path:
    """Makes the files: a line or an entry between `;` is a name, and how many there are of it."""
    for line in tree.replace("\n", ";").split(";"):
        entry, _, content = line.strip().partition(" <- ")
        name, _, count = entry.rpartition(" ")
        if not count.isdigit():
            name, count = entry, "1"
        for number in range(int(count)) if name else ():
            path = root / name.replace("*", f"{number:04}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(content or f"{name} {number}")
    root.mkdir(parents=True, exist_ok=True)
    return root
