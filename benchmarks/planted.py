"""Is what was planted in a folder found: copies across a given split, broken and misnamed files?

In each draw a fifth of a set's pictures is to judge, and copies of ten pictures that are learned
from are put among those, for each way of copying: the same bytes; recompressed, half of them at
half the size; nine tenths of width and height at some place; mirrored. Five files are cut off, and
three have the ending of another format. The command runs on that; its `inspection.json` is read.

Pairs of pictures that nobody planted may be true twins: `--pairs FOLDER` saves them for a look.

    python benchmarks/planted.py --shared ../shared [--draws 5] [--pairs FOLDER]
"""

import argparse
import io
import json
import os
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image, ImageOps
from rich.console import Console
from rich.table import Table

COPIES, BROKEN, MISNAMED = 10, 5, 3

Pair = frozenset[str]
Picture = tuple[str, str, bytes]
Random = np.random.Generator


@dataclass(frozen=True)
class Planted:
    """What is wrong with a folder, by the names of its files: kind → pairs, or files."""

    pairs: Mapping[str, Sequence[Pair]]
    files: Mapping[str, frozenset[str]]


def main() -> None:
    """Runs all draws and prints what was found of each kind."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--draws", type=int, default=5)
    parser.add_argument("--sets", nargs="+", default=["screws_nuts", "cats_dogs_light"])
    parser.add_argument("--pairs", type=Path, help="where to save pairs that nobody planted")
    chosen = parser.parse_args()
    found = {}
    for name in chosen.sets:
        pictures = list(read_set(chosen.shared / "data" / name))
        found[name] = [one_draw(pictures, seed, name, chosen.pairs) for seed in range(chosen.draws)]
    table = Table("", *found, title=f"planted and found, mean of {chosen.draws} draws (least)")
    for kind in found[chosen.sets[0]][0]:
        table.add_row(kind, *(shown([draw[kind] for draw in draws]) for draws in found.values()))
    Console(width=None if Console().is_terminal else 160).print(table)


def read_set(folder: Path) -> Iterator[Picture]:
    """Class, name and bytes of every picture of a set; its own split is not kept."""
    for path in sorted(path for path in folder.rglob("*.*") if path.is_file()):
        label = path.name.partition(".")[0] if folder.name.startswith("cats") else path.parent.name
        yield label, path.name, path.read_bytes()


def one_draw(
    pictures: Sequence[Picture], seed: int, name: str, pairs: Path | None
) -> dict[str, float]:
    """How many of each kind were found, and how many pairs nobody planted."""
    with tempfile.TemporaryDirectory() as place:
        planted = plant(pictures, Path(place, "data"), np.random.default_rng(seed))
        findings = inspected(Path(place))
        found = {pair for one in findings for pair in pairs_of(one)}
        counts: dict[str, float] = {
            kind: sum(pair in found for pair in of_kind) for kind, of_kind in planted.pairs.items()
        }
        for kind, files in planted.files.items():
            named = {one["files"][0] for one in findings if one["kind"] == kind}
            counts[kind] = len(files & named)
            counts[f"{kind} else"] = len(named - files)
        others = [
            pair for pair in found if pair not in {p for of in planted.pairs.values() for p in of}
        ]
        counts["all pairs"], counts["not planted"] = len(found), len(others)
        for kind in ("blank", "blurred", "tiny"):
            counts[kind] = sum(one["kind"] == kind for one in findings)
        print(
            name, seed, counts, [f["sentence"][-90:] for f in findings if f["kind"] == "leak"][:1]
        )
        if pairs:
            save(sorted(map(sorted, others)), Path(place, "data"), pairs / f"{name}_{seed}.png")
    return counts


def pairs_of(finding: Mapping[str, Any]) -> list[Pair]:
    """The pairs that a finding names."""
    if finding["kind"] not in {"exact_duplicate", "near_duplicate"}:
        return []
    return [frozenset(pair) for pair in combinations(finding["files"], 2)]


def plant(pictures: Sequence[Picture], folder: Path, random: Random) -> Planted:
    """Writes a folder with a given split, in which something is wrong."""
    order = random.permutation(len(pictures))
    held, learned = order[: len(order) // 5], order[len(order) // 5 :]
    for part, rows in (("test", held), ("train", learned)):
        for row in rows:
            label, name, data = pictures[row]
            write(folder / part / label / name, data)
    pairs: dict[str, list[Pair]] = {}
    for number, (kind, change) in enumerate(CHANGES.items()):
        for row in learned[COPIES * number : COPIES * (number + 1)]:
            label, name, data = pictures[row]
            copy = f"test/{label}/{kind}_{Path(name).stem}{change_ending(kind, name)}"
            write(folder / copy, change(data, random))
            pairs.setdefault(kind, []).append(frozenset((copy, f"train/{label}/{name}")))
    rest = learned[COPIES * len(CHANGES) :]
    broken = [f"train/{pictures[row][0]}/{pictures[row][1]}" for row in rest[:BROKEN]]
    for file in broken:
        data = (folder / file).read_bytes()
        (folder / file).write_bytes(data[: len(data) // 2])
    misnamed = []
    for row in rest[BROKEN : BROKEN + MISNAMED]:
        path = folder / "train" / pictures[row][0] / pictures[row][1]
        ending = ".png" if path.suffix == ".jpg" else ".jpg"
        named = path.rename(path.with_name(f"{path.stem}_misnamed{ending}"))
        misnamed.append(str(named.relative_to(folder)))
    files = {"unreadable": frozenset(broken), "wrong_ending": frozenset(misnamed)}
    return Planted(pairs, files)


def change_ending(kind: str, name: str) -> str:
    """The ending of a copy: its own, or that of what it is saved as."""
    return Path(name).suffix if kind == "exact" else ".jpg"


def write(path: Path, data: bytes) -> None:
    """Writes a file, and the folders that it needs."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)


def changed(change: Callable[[Image.Image, Random], Image.Image], low: int, high: int) -> Any:
    """The bytes of a changed picture, as a JPEG of some quality."""

    def save_changed(data: bytes, random: Random) -> bytes:
        image = ImageOps.exif_transpose(Image.open(io.BytesIO(data))).convert("RGB")
        file = io.BytesIO()
        change(image, random).save(file, "JPEG", quality=int(random.integers(low, high)))
        return file.getvalue()

    return save_changed


def recompressed(image: Image.Image, random: Random) -> Image.Image:
    """As it is, or at half the size."""
    return image.reduce(2) if random.random() < 0.5 else image


def cropped(image: Image.Image, random: Random) -> Image.Image:
    """Nine tenths of it."""
    width, height = round(0.9 * image.width), round(0.9 * image.height)
    left = int(random.integers(0, image.width - width + 1))
    top = int(random.integers(0, image.height - height + 1))
    return image.crop((left, top, left + width, top + height))


CHANGES: dict[str, Callable[[bytes, Random], bytes]] = {
    "exact": lambda data, _: data,
    "recompressed": changed(recompressed, 30, 90),
    "cropped": changed(cropped, 75, 95),
    "mirrored": changed(lambda image, _: ImageOps.mirror(image), 75, 95),
}


def inspected(place: Path) -> list[dict[str, Any]]:
    """What the command finds in the folder `data` of a place."""
    command = [
        sys.executable,
        "-m",
        "training.cli",
        "--data",
        place / "data",
        "--out",
        place / "runs",
    ]
    caches = {"BENTOML_HOME": f"{place}/bentoml", "TRAIN_TRANSFER_CACHE": f"{place}/cache"}
    subprocess.run(
        command, check=True, env={**os.environ, **caches},
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    (path,) = place.glob("runs/*/*/inspection.json")
    found: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["findings"]
    return found


def save(pairs: Sequence[Sequence[str]], folder: Path, path: Path) -> None:
    """Pairs side by side, eight in a row."""
    sheet = Image.new("RGB", (8 * 210, 110 * -(-len(pairs) // 8) or 1), "white")
    for number, pair in enumerate(pairs):
        for place, name in enumerate(pair):
            image = Image.open(folder / name).convert("RGB").resize((100, 100))
            sheet.paste(image, (number % 8 * 210 + 102 * place, number // 8 * 110))
    path.parent.mkdir(parents=True, exist_ok=True)
    sheet.save(path)


def shown(values: Sequence[float]) -> str:
    """Mean and least."""
    return f"{statistics.mean(values):.1f} ({min(values):.0f})"


if __name__ == "__main__":
    main()
