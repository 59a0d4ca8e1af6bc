"""Are planted wrong labels and planted shortcuts named, and is nothing named where all is well?

Labels: ten are swapped, five draws: how many are among the first 25 of all pictures by suspicion,
and how many among those that are named; and how many are named of the folder as it is.
Shortcuts: copies of a folder, all of them saved again alike, in which 30 % of one class's pictures
bear a red disc in a corner, or one class is brighter by 30 %, or one class is saved as PNG.
Features are those of the default network in fp32.

    python benchmarks/suspects.py --shared ../shared [--data screws_nuts] [--draws 5]
"""

import argparse
import tempfile
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image, ImageDraw, ImageEnhance
from rich.console import Console

from models.backbones.backbone import load_backbone
from models.backbones.weights import decide_weights, parse_weights
from models.graph.network import Network
from training.data.example import ImageFolder
from training.data.folder import scan_folder
from training.data.parts import make_parts
from training.data.pictures import Pictures
from training.evaluation import evaluate
from training.features.extractor import Extractor
from training.features.graphs import graph_of
from training.features.table import FeatureTable
from training.head.fit import Task
from training.head.out_of_fold import cross_fit
from training.inspection.evidence import Evidence
from training.inspection.learning_curve import learning_curve
from training.inspection.outlier import find_outliers
from training.inspection.shortcut import find_shortcuts
from training.inspection.suspect_label import find_suspect_labels, rank_labels

Read = tuple[FeatureTable, tuple[str, ...]]

_SWAPPED, _FIRST, _QUALITY = 10, 25, 92


def with_disc(image: Image.Image) -> Image.Image:
    """A red disc in the bottom right corner, a tenth of the smaller side wide."""
    width, height = image.size
    side = max(6, round(0.1 * min(width, height)))
    box = (width - side - 3, height - side - 3, width - 3, height - 3)
    ImageDraw.Draw(image).ellipse(box, fill=(220, 30, 30))
    return image


#: What becomes of a picture, of how many of the class, and as what it is saved.
_PLANTED: Final[dict[str, tuple[Callable[[Image.Image], Image.Image], float, str]]] = {
    "saved again": (lambda image: image, 0, ".jpg"),
    "disc in the corner of 30 %": (with_disc, 0.3, ".jpg"),
    "brighter by 30 %": (lambda image: ImageEnhance.Brightness(image).enhance(1.3), 1, ".jpg"),
    "saved as PNG": (lambda image: image, 1, ".png"),
}


def main() -> None:
    """Prints what was found of what was planted."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--shared", type=Path, required=True)
    parser.add_argument("--data", nargs="+", default=["screws_nuts", "cats_dogs_light"])
    parser.add_argument("--draws", type=int, default=5)
    chosen = parser.parse_args()
    console, extractor = Console(), default_extractor()
    for name in chosen.data:
        folder = chosen.shared / "data" / name
        read = read_folder(folder, extractor)
        tell_labels(read, chosen.draws, console, name)
        tell_shortcuts(evidence_of(*read), console, f"{name} as it is")
        for what in _PLANTED:
            with tempfile.TemporaryDirectory() as place:
                plant(folder, Path(place), what)
                planted = read_folder(Path(place), extractor)
            tell_shortcuts(evidence_of(*planted), console, f"{name}, {what}")


def default_extractor() -> Extractor:
    """The default network in fp32, shown pictures as it comes."""
    network = Network(load_backbone(*decide_weights(None, parse_weights("auto"))))
    return Extractor(network, graph_of(network), network.facts.preprocessing)


def read_folder(place: Path, extractor: Extractor) -> Read:
    """All pictures of a folder as one training part, and its classes."""
    folder = scan_folder(place)
    examples = tuple(replace(example, part=None) for example in folder.examples)
    return extractor.read(examples, Pictures(folder.read)), folder.classes


def evidence_of(table: FeatureTable, classes: tuple[str, ...]) -> Evidence:
    """What a run would know of them."""
    folder = ImageFolder("", "a folder per class", classes, table.examples)
    parts = make_parts(folder, table.examples, table.digests)
    task = Task(table.features, parts.train, table.labels, parts.folds, len(classes))
    found = cross_fit(task)
    judged = evaluate(found.answers, table.labels, classes, parts.groups)
    strength = found.fitted.strength
    return Evidence(table, classes, parts, found.answers, parts.groups, judged, strength)


def tell_labels(read: Read, draws: int, console: Console, name: str) -> None:
    """Prints how many of the swapped labels are found."""
    table, classes = read
    evidence = evidence_of(table, classes)
    clean = len(find_suspect_labels(evidence))
    console.print(
        f"{name}: accuracy {evidence.evaluation.accuracy:.1%}; as it is {clean} suspects and "
        f"{len(find_outliers(evidence))} outliers of {len(table.examples)} pictures; "
        f"{told.sentence if (told := learning_curve(evidence)) else ''}"
    )
    found = np.array([swapped(table, classes, draw) for draw in range(draws)])
    first, named, all_named = found.mean(axis=0)
    console.print(
        f"  {_SWAPPED} labels swapped, {draws} draws: {first:.1f} among the first {_FIRST}; "
        f"{named:.1f} named, of {all_named:.1f} that are"
    )


def swapped(table: FeatureTable, classes: tuple[str, ...], draw: int) -> tuple[int, int, int]:
    """Of ten swapped labels those among the first 25 and those that are named; and all named."""
    random = np.random.default_rng(draw)
    wrong = random.choice(len(table.examples), _SWAPPED, replace=False)
    examples = list(table.examples)
    for row in wrong:
        other = (examples[row].class_index + random.integers(1, len(classes))) % len(classes)
        examples[row] = replace(examples[row], class_index=int(other))
    evidence = evidence_of(replace(table, examples=tuple(examples)), classes)
    first = rank_labels(evidence.answers, evidence.labels)[:_FIRST]
    names = {finding.files[0] for finding in find_suspect_labels(evidence)}
    hits = names & {examples[row].name for row in wrong}
    return len(set(first.tolist()) & set(wrong.tolist())), len(hits), len(names)


def plant(source: Path, place: Path, what: str) -> None:
    """Copies a folder, all of it saved again, with something done to the last class's pictures."""
    change, share, suffix = _PLANTED[what]
    folder, random = scan_folder(source), np.random.default_rng(0)
    last = len(folder.classes) - 1
    for number, example in enumerate(folder.examples):
        with Image.open(example.path) as opened:
            image = opened.convert("RGB")
        is_changed = example.class_index == last and random.random() < share
        target = place / folder.classes[example.class_index] / str(number)
        target.parent.mkdir(exist_ok=True)
        shown = change(image) if is_changed else image
        shown.save(target.with_suffix(suffix if is_changed else ".jpg"), quality=_QUALITY)


def tell_shortcuts(evidence: Evidence, console: Console, what: str) -> None:
    """Prints what is named, and how much of the network's answers it knows."""
    found = find_shortcuts(evidence)
    console.print(f"  {what}: {len(found)} shortcuts")
    for one in found:
        console.print(f"    {one.sentence}", markup=False)


if __name__ == "__main__":
    main()
