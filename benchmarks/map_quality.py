"""Are heatmaps right? Deletion and insertion in eleven steps, on pictures that heads have not seen.

RISE's measures for both photographed sets and some Caltech classes, the default network in fp32:
five heads, each fitted without a fold, are asked about pictures of that fold. The map as it is
drawn, against the middle first, cells in random order and the map of a head with shuffled weights,
in probabilities and in log-odds of the answered class, with 95 % intervals of the difference,
picture by picture. Beside the softmax head one of one-versus-rest (How to Probe, ICLR 2025), with
its accuracy. With two classes both are the same; Grad-CAM's element-wise form (HiResCAM) is the
same as itself for every head that is linear after the mean over places.

    python benchmarks/map_quality.py [--shared ../shared] [--pictures 100] [--classes 20]

A picture takes 74 passes: a table is printed as soon as its set is done.
"""

import argparse
import tempfile
import zipfile
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
from rich.console import Console
from rich.table import Table
from sklearn.linear_model import LogisticRegression
from sklearn.multiclass import OneVsRestClassifier
from sklearn.preprocessing import StandardScaler

from models.backbones.backbone import load_backbone
from models.backbones.weights import Packaged
from models.graph.network import Network
from models.head import LinearHead
from models.heatmap import MapGeometry, enlarge
from models.pretrained import DEFAULT_BACKBONE
from models.signature import Ask
from training.data.folder import scan_folder
from training.data.folds import deal_folds
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import spread
from training.features.extractor import Extractor
from training.features.graphs import head_graph_of, open_heads
from training.features.table import FeatureTable
from training.head.fit import Task, fit_head, fit_head_at
from training.inspection.map_quality import (
    TIE,
    any_order,
    blur,
    interval_of,
    log_odds,
    middle_first,
    ranks_of,
)
from training.run.grading import shuffled

SETS = ("cats_dogs_light", "screws_nuts")
STEPS: Final = np.linspace(0, 1, 11)
#: Pictures of a folder that are read.
MOST = 600
ORDERS = ("Grad-CAM", "centre", "random", "shuffled head")
COLUMNS = ("head", "accuracy", "in", "order", "deletion", "insertion", "map's gain")

Curves = npt.NDArray[np.float64]
Fit = Callable[[FeatureTable, npt.NDArray[np.int64], int, float], LinearHead]


@dataclass(frozen=True)
class Bench:
    """A folder that was read: its features, the fold of each picture, and what asks heads."""

    extractor: Extractor
    table: FeatureTable
    classes: int
    folds: npt.NDArray[np.int64]
    strength: float
    pictures: Pictures


def main() -> None:
    """Prints the table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pictures", type=int, default=100)
    parser.add_argument("--classes", type=int, default=20)
    chosen = parser.parse_args()
    extractor = Extractor.of(Network(load_backbone(DEFAULT_BACKBONE, Packaged())))
    with tempfile.TemporaryDirectory() as place:
        caltech = caltech_classes(
            chosen.shared / "data" / "natural.zip", Path(place), chosen.classes
        )
        for folder in (*(chosen.shared / "data" / name for name in SETS), caltech):
            bench = read(extractor, folder)
            table = Table(*COLUMNS, title=folder.name)
            for head, fit in {"softmax": softmax, "one versus rest": one_versus_rest}.items():
                if bench.classes > 2 or head == "softmax":
                    add(table, head, *graded(bench, fit, chosen.pictures))
            Console(width=160).print(table)


def caltech_classes(archive: Path, place: Path, count: int) -> Path:
    """Some of Caltech's classes that are in an archive, as a folder."""
    with zipfile.ZipFile(archive) as opened:
        of_class = {
            name: Path(name).stem.rpartition("_")[0]
            for name in opened.namelist()
            if name.startswith("caltech101/") and "BACKGROUND" not in name
        }
        classes = sorted(set(of_class.values()))
        kept = set(np.random.default_rng(0).permutation(classes)[:count].tolist())
        for name, label in of_class.items():
            if label in kept:
                path = place / "caltech" / label / Path(name).name
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(opened.read(name))
    return place / "caltech"


def read(extractor: Extractor, folder: Path) -> Bench:
    """Reads pictures, none of a part that the folder holds out, and deals them into folds."""
    found = scan_folder(folder)
    pictures = Pictures(found.read)
    given = [e for e in found.examples if e.part in (None, "train")]
    table = extractor.read(spread(given, MOST), pictures)
    rows = np.arange(len(table.labels))
    folds = deal_folds(table.labels, rows, table.digests, {})
    task = Task(table.features, rows, table.labels, folds, len(found.classes))
    return Bench(extractor, table, len(found.classes), folds, fit_head(task).strength, pictures)


def softmax(
    table: FeatureTable, rows: npt.NDArray[np.int64], classes: int, strength: float
) -> LinearHead:
    """As a run fits it."""
    return fit_head_at(strength, table.features, table.labels[rows], classes, rows)


def one_versus_rest(
    table: FeatureTable, rows: npt.NDArray[np.int64], _: int, strength: float
) -> LinearHead:
    """A problem of its own for each class; the logits side by side."""
    scaler = StandardScaler().fit(table.features[rows])
    one = LogisticRegression(C=strength, max_iter=1000, class_weight="balanced")
    model = OneVsRestClassifier(one).fit(scaler.transform(table.features[rows]), table.labels[rows])
    weight = np.concatenate([each.coef_ for each in model.estimators_]) / scaler.scale_
    bias = np.concatenate([each.intercept_ for each in model.estimators_]) - weight @ scaler.mean_
    return LinearHead(weight.astype(np.float32), bias.astype(np.float32))


def graded(bench: Bench, fit: Fit, count: int) -> tuple[float, dict[str, Curves]]:
    """The accuracy, and areas: by scale (4 orders, N, 2 measures)."""
    network, table = bench.extractor.network, bench.table
    opened = open_heads(bench.extractor.graph, head_graph_of(network))
    right, found, geometry = [], [], None
    for fold in np.unique(bench.folds):
        rows, held = np.flatnonzero(bench.folds != fold), np.flatnonzero(bench.folds == fold)
        head = fit(table, rows, bench.classes, bench.strength)
        right.append(head.probabilities(table.features[held]).argmax(1) == table.labels[held])
        ask = opened(head)
        geometry = geometry or place_of_cells(bench, ask, rows)
        asked = spread([table.examples[row] for row in held], count // 5)
        _, pixels = readable_pixels(bench.pictures, asked, bench.extractor.preprocessing)
        asks = ask, opened(shuffled(head))
        found += [areas(bench, asks, picture, geometry) for picture in pixels]
    told = {scale: np.stack([one[scale] for one in found], axis=1) for scale in found[0]}
    return float(np.concatenate(right).mean()), told


def place_of_cells(bench: Bench, ask: Ask, rows: npt.NDArray[np.int64]) -> MapGeometry:
    """As a run measures it."""
    examples = spread([bench.table.examples[row] for row in rows], 96)
    _, pixels = readable_pixels(bench.pictures, examples, bench.extractor.preprocessing)
    return bench.extractor.network.facts.map_shape.geometry_of(ask, pixels)


def areas(
    bench: Bench, asks: tuple[Ask, Ask], picture: npt.NDArray[np.uint8], geometry: MapGeometry
) -> dict[str, Curves]:
    """Under deletion and insertion of each order, (4, 2), by scale.

    Args:
        bench: the folder.
        asks: a head that has not seen the picture, and the same with shuffled weights.
        picture: uint8 (H, W, 3).
        geometry: where the maps' cells look.
    """
    ask, shown = asks[0], bench.extractor.preprocessing
    index = np.full(1, ask(picture[None], np.array([-1]))[0].argmax())
    blurred, ties = blur(picture), any_order(picture, np.random.default_rng(picture.tobytes()[0]))
    maps = [
        np.asarray(enlarge(each(picture[None], index)[1][0], picture.shape[1::-1], shown, geometry))
        for each in asks
    ]
    orders = (maps[0] + TIE * ties, middle_first(picture), ties, maps[1] + TIE * ties)
    masks = [(ranks < share)[..., None] for ranks in map(ranks_of, orders) for share in STEPS[1:-1]]
    deleted = [np.where(mask, blurred, picture) for mask in masks]
    inserted = [np.where(mask, picture, blurred) for mask in masks]
    asked = np.stack([picture, blurred, *deleted, *inserted])
    told = ask(asked, np.repeat(index, len(asked)))[0]
    answers: dict[str, Curves] = {
        "probability": told[:, index[0]].astype(np.float64),
        "log-odds": log_odds(told, int(index[0])),
    }
    return {scale: under(values) for scale, values in answers.items()}


def under(values: Curves) -> Curves:
    """Areas (4, 2) under curves: the whole picture, the blurred one, and what lies between."""
    whole, blurred = values[:2]
    between = values[2:].reshape(2, len(ORDERS), -1)
    ends = np.broadcast_to([[whole, blurred], [blurred, whole]], (len(ORDERS), 2, 2))
    first, last = ends[..., :1], ends[..., 1:]
    curves = np.concatenate([first, between.swapaxes(0, 1), last], axis=2)
    found: Curves = np.trapezoid(curves, STEPS, axis=2)
    return found


def add(table: Table, head: str, accuracy: float, told: dict[str, Curves]) -> None:
    """A line for each scale and order; the gain of the map over it, deletion / insertion."""
    for scale, found in told.items():
        for name, one in zip(ORDERS, found, strict=True):
            gains = (one[:, 0] - found[0, :, 0], found[0, :, 1] - one[:, 1])
            gain = "" if name == ORDERS[0] else " / ".join(map(with_interval, gains))
            means = [f"{value:.3f}" for value in one.mean(0)]
            table.add_row(head, f"{accuracy:.1%}", scale, name, *means, gain)


def with_interval(values: npt.NDArray[np.float64]) -> str:
    """Their mean, and its 95 % interval."""
    low, high = interval_of(values)
    return f"{values.mean():+.3f} ({low:+.3f} to {high:+.3f})"


if __name__ == "__main__":
    main()
