"""Folders written down as text: `train/cat/*.jpg 6` is six files."""

from pathlib import Path


def plant(root: Path, tree: str) -> Path:
    """Makes the files: a line or an entry between `;` is a name, and how many there are of it."""
    for entry in tree.replace("\n", ";").split(";"):
        name, _, count = entry.strip().rpartition(" ")
        if not count.isdigit():
            name, count = entry.strip(), "1"
        for number in range(int(count)) if name else ():
            path = root / name.replace("*", f"{number:04}")
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"{name} {number}")
    root.mkdir(parents=True, exist_ok=True)
    return root
