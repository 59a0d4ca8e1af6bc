"""Are strangers recognised, are sets right, and does a probability mean what it says?

Features of the default network, read once through the project's own functions; everything after
that is what a run does with them. Strangers: the models of both photographed sets are shown the
other set, natural pictures without cats and dogs, noise, and black, grey and white. Near strangers:
models of two or three Caltech classes are shown one that they never had, in many draws. Sets and
calibration: on the test part of cats_dogs_light, and by cross-validation on all Caltech classes.
Copies and twins are never parted, as in a run.

    python benchmarks/unknown_pictures.py [--shared ../shared] [--only near]

The rivals are those of docs/decisions/0030, each fitted on the same pictures.
"""

import argparse
import csv
import io
import tempfile
import zipfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
from PIL import Image
from rich.console import Console
from rich.table import Table
from sklearn.covariance import ledoit_wolf
from sklearn.metrics import roc_auc_score

from models.backbones.backbone import load_backbone
from models.backbones.weights import Packaged
from models.calibration import similarity
from models.graph.network import Network
from models.pretrained import DEFAULT_BACKBONE
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.folds import deal_folds
from training.data.groups import join_groups
from training.data.pictures import Pictures, readable_pixels
from training.data.sample import draw_sample
from training.evaluation import independent, wilson
from training.features.extractor import Extractor
from training.features.graphs import graph_of
from training.features.table import FeatureTable
from training.head.calibration import Unseen, at_temperature, calibrate
from training.head.familiarity import fit_centres, scaling_of, similarities_out_of_fold
from training.head.fit import Task
from training.head.out_of_fold import answers_like, cross_fit
from training.inspection.twins import find_twins

Features = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Score = Callable[[Features], Features]

SETS = ("cats_dogs_light", "screws_nuts")
COVERAGES = (0.9, 0.95)
DRAWS = 40
TOLD = 10
QUESTIONS = ("strangers", "near", "sets")
NATURAL = 600

#: Cats, dogs and their kin among ImageNet's classes.
KIN = (range(2085620, 2113979), range(2123045, 2129605))


@dataclass(frozen=True)
class Known:
    """Pictures with a class: features float32 (N, C); labels, folds and groups int64 (N,)."""

    features: Features
    labels: Rows
    folds: Rows
    groups: Rows

    @property
    def rows(self) -> Rows:
        """All of them."""
        return np.arange(len(self.labels))

    def some(self, chosen: Rows) -> "Known":
        """Some of them, their classes numbered anew."""
        labels = np.unique(self.labels[chosen], return_inverse=True)[1]
        return Known(self.features[chosen], labels, self.folds[chosen], self.groups[chosen])


def main() -> None:
    """Prints a table for each question."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--only", choices=QUESTIONS, nargs="+", default=QUESTIONS)
    given = parser.parse_args()
    data, whole = given.shared / "data", extractor()
    with tempfile.TemporaryDirectory() as place:
        strangers = unpacked(data / "natural.zip", Path(place))
        caltech = strangers.pop("caltech")
        if "strangers" in given.only:
            for name in SETS:
                ask_strangers(name, data, whole, strangers)
        if {"near", "sets"} & {*given.only}:
            natural = known(read(whole, caltech))
    if "near" in given.only:
        tell_near(natural, class_names(caltech))
    if "sets" in given.only:
        home = at_home(whole, data / SETS[0])
        tell_sets("cats_dogs_light, test part", home.given, home.own)
        tell_sets("Caltech, a fold of five", *(natural.some(r) for r in fold(natural)))


def ask_strangers(
    name: str, data: Path, whole: Extractor, strangers: Mapping[str, tuple[Example, ...]]
) -> None:
    """Reads a set and what is strange to it, and tells of both."""
    home = at_home(whole, data / name)
    others = {other: examples(data / other) for other in SETS if other != name}
    shown = {**others, **strangers}
    features = {what: read(home.reader, given).features for what, given in shown.items()}
    tell_strangers(name, home, features)


def class_names(given: tuple[Example, ...]) -> dict[int, str]:
    """What Caltech's pictures of each label are called after."""
    return {each.class_index: each.path.name.rpartition("_")[0] for each in given}


def extractor() -> Extractor:
    """The default network as a run begins with it."""
    network = Network(load_backbone(DEFAULT_BACKBONE, Packaged(), None))
    return Extractor(network, graph_of(network), network.facts.preprocessing)


@dataclass(frozen=True)
class Home:
    """A set as a network in int8 sees it.

    Attributes:
        reader: the network, by a sample of the set, as by default.
        given: what is learned from here.
        own: pictures that are held out: the test part, or a fold.
        learned: what a run would learn from: all but a test part.
    """

    reader: Extractor
    given: Known
    own: Known
    learned: Known


def at_home(whole: Extractor, data: Path) -> Home:
    """Reads a set."""
    folder, pictures = scan_folder(data, []), Pictures()
    sample = draw_sample(folder, pictures)
    pixels = readable_pixels(pictures, sample.examples, whole.preprocessing)[1]
    reader = whole.in_int8(pixels)
    table = read(reader, folder.examples)
    found, is_test = known(table), np.array([e.part == "test" for e in table.examples])
    held = is_test if is_test.any() else found.folds == 0
    parts = (found.some(np.flatnonzero(chosen)) for chosen in (~held, held, ~is_test))
    return Home(reader, *parts)


def read(reader: Extractor, given: tuple[Example, ...]) -> FeatureTable:
    """What a network sees of pictures."""
    return reader.read(given, Pictures())


def known(table: FeatureTable) -> Known:
    """With the groups and folds that a run would deal."""
    pairs = [(twin.first, twin.second) for twin in find_twins(table)]
    groups = join_groups(table.digests, pairs, [each.group for each in table.examples])
    folds = deal_folds(table.labels, groups, table.digests, {})
    return Known(table.features, table.labels, folds, groups)


def examples(data: Path) -> tuple[Example, ...]:
    """All pictures of a folder."""
    return scan_folder(data, []).examples


def fold(given: Known) -> tuple[Rows, Rows]:
    """Four folds, and the fifth."""
    return np.flatnonzero(given.folds != 0), np.flatnonzero(given.folds == 0)


def unpacked(archive: Path, place: Path) -> dict[str, tuple[Example, ...]]:
    """Natural pictures without cats and dogs, Caltech's by class, noise and single colours."""
    with zipfile.ZipFile(archive) as file:
        rows = list(csv.DictReader(io.TextIOWrapper(file.open("index.tsv")), delimiter="\t"))
        wild = [r for r in rows if r["source"].startswith("imagen") and not is_kin(r["class"])]
        chosen = np.random.default_rng(0).permutation(len(wild))[:NATURAL]
        caltech = [r for r in rows if r["source"] == "caltech101" and "Google" not in r["class"]]
        classes = sorted({row["class"] for row in caltech})
        natural = [wild[i] for i in chosen]
        file.extractall(place, [row["name"] for row in (*natural, *caltech)])
    return {
        "natural": tuple(example(place / row["name"]) for row in natural),
        "noise": drawn(place, "noise"),
        "one colour": drawn(place, "colour"),
        "caltech": tuple(example(place / r["name"], classes.index(r["class"])) for r in caltech),
    }


def is_kin(synset: str) -> bool:
    """Whether a class of ImageNet is a dog, a cat or near to them."""
    return any(int(synset[1:]) in kin for kin in KIN)


def drawn(place: Path, kind: str) -> tuple[Example, ...]:
    """Noise in colours and in greys; or black, grey and white."""
    rng = np.random.default_rng(0)
    shape = (256, 256, 3)
    pixels = [np.full(shape, grey, np.uint8) for grey in (0, 128, 255)]
    if kind == "noise":
        pixels = [rng.integers(0, 256, shape, np.uint8) for _ in range(20)]
        pixels += [np.repeat(one[..., :1], 3, axis=2) for one in pixels]
    paths = [place / f"{kind}{number}.png" for number in range(len(pixels))]
    for path, one in zip(paths, pixels, strict=True):
        Image.fromarray(one).save(path)
    return tuple(example(path) for path in paths)


def example(path: Path, label: int = 0) -> Example:
    """A picture of a class."""
    return Example(path, path.name, label, None)


def by_centres(given: Known) -> Score:
    """What is in the bundle."""
    centres = fit_centres(given.features, given.rows, given.groups)
    return lambda features: similarity(features, centres)


def by_nearest(given: Known) -> Score:
    """The nearest picture that was learned from, all of them kept."""
    bank = directions(given.features).T
    return lambda features: (directions(features) @ bank).max(1)


def by_residual(given: Known) -> Score:
    """What is left outside the 64 principal directions."""
    seen = directions(given.features)
    middle = seen.mean(0)
    basis = np.linalg.svd(seen - middle, full_matrices=False)[2][:64].T

    def score(features: Features) -> Features:
        apart = directions(features) - middle
        return -np.linalg.norm(apart - apart @ basis @ basis.T, axis=1)

    return score


def by_mahalanobis(given: Known) -> Score:
    """The distance to the nearest class in a covariance that all share, features normalised."""
    seen = directions(given.features)
    means = np.stack([seen[given.labels == label].mean(0) for label in np.unique(given.labels)])
    whitening = np.linalg.cholesky(np.linalg.inv(ledoit_wolf(seen - means[given.labels])[0]))
    centres = means @ whitening

    def score(features: Features) -> Features:
        found = directions(features) @ whitening
        return -((found[:, None] - centres) ** 2).sum(2).min(1)

    return score


def by_probability(given: Known) -> Score:
    """The largest probability: what there is without any of this."""
    head = cross_fit(task(given)).fitted.head
    return lambda features: head.probabilities(features).max(1)


RIVALS: Mapping[str, Callable[[Known], Score]] = {
    "centres": by_centres,
    "largest probability": by_probability,
    "nearest picture": by_nearest,
    "residual, 64": by_residual,
    "Mahalanobis": by_mahalanobis,
}


def directions(features: Features) -> Features:
    """Of length 1."""
    found: Features = features / np.linalg.norm(features, axis=1, keepdims=True)
    return found


def task(given: Known) -> Task:
    """What a head is learned from."""
    classes = int(given.labels.max()) + 1
    return Task(given.features, given.rows, given.labels, given.folds, classes)


def tell_strangers(name: str, home: Home, strangers: dict[str, Features]) -> None:
    """AUROC and share flagged, where one in twenty of the set's own is to be flagged."""
    given, own = home.given, home.own
    table = Table("by", "own, held out", *strangers, title=f"Strangers to {name}, int8")
    for method, fit in RIVALS.items():
        line, score = line_of(fit, given), fit(given)
        mine = score(own.features)
        theirs = map(score, strangers.values())
        cells = [f"{auroc(mine, each):.4f}, {flagged(each, line)}" for each in theirs]
        table.add_row(method, flagged(mine, line), *cells)
    table.caption = (
        f"centres, folds in turn as what is new: {flagged_in_turn(home.learned)} flagged"
    )
    Console(width=140).print(table)


def flagged_in_turn(given: Known) -> str:
    """The share of own pictures that centres and line found without their fold flag."""
    found = np.empty(len(given.labels), bool)
    for each in np.unique(given.folds):
        held = np.flatnonzero(given.folds == each)
        kept = given.some(np.flatnonzero(given.folds != each))
        found[held] = by_centres(kept)(given.features[held]) < line_of(by_centres, kept)
    low, high = wilson(found.mean(), independent(given.groups))
    return f"{found.mean():.1%} ({low:.1%} to {high:.1%}) of {len(found)}"


def line_of(fit: Callable[[Known], Score], given: Known) -> float:
    """The score below which one in twenty lies, of pictures that the score was not fitted on."""
    found = np.empty(len(given.labels), np.float32)
    for each in np.unique(given.folds):
        held = np.flatnonzero(given.folds == each)
        kept = np.flatnonzero(given.folds != each)
        found[held] = fit(given.some(kept))(given.features[held])
    slope, offset = scaling_of(found)
    return float(-offset / slope)


def flagged(scores: Features, line: float) -> str:
    """The share below a line."""
    return f"{(scores < line).mean():.1%}"


def auroc(own: Features, strangers: Features) -> float:
    """Of pairs, one of each, the share in which the stranger has the lower score."""
    truth = np.repeat([1, 0], [len(own), len(strangers)])
    return float(roc_auc_score(truth, np.concatenate([own, strangers])))


def tell_near(caltech: Known, names: Mapping[int, str]) -> None:
    """Models of two or three classes, and a class that they never had."""
    found: dict[str, list[float]] = {method: [] for method in RIVALS}
    drawn_classes: list[list[str]] = []
    rng = np.random.default_rng(0)
    for _ in range(DRAWS):
        chosen = rng.permutation(np.unique(caltech.labels))[: rng.integers(3, 5)]
        drawn_classes.append([names[label] for label in chosen])
        mine = np.flatnonzero(np.isin(caltech.labels, chosen[1:]))
        stranger = caltech.features[caltech.labels == chosen[0]]
        given = caltech.some(mine[caltech.folds[mine] > 1])
        own = caltech.features[mine[caltech.folds[mine] <= 1]]
        for method, fit in RIVALS.items():
            score = fit(given)
            found[method].append(auroc(score(own), score(stranger)))
    tell_draws(found)
    tell_first(found, drawn_classes)


def tell_draws(found: Mapping[str, list[float]]) -> None:
    """All draws by each method."""
    plain = np.array(found["largest probability"])
    table = Table("by", "AUROC, mean", "least", f"better, first {TOLD}", f"better, all {DRAWS}",
                  title="Near strangers (Caltech): better than by probability")  # fmt: skip
    for method, values in found.items():
        better = np.array(values) > plain
        counts = (f"{better[:TOLD].sum()}", f"{better.sum()}")
        table.add_row(method, f"{np.mean(values):.3f}", f"{min(values):.3f}", *counts)
    Console(width=120).print(table)


def tell_first(found: Mapping[str, list[float]], drawn_classes: list[list[str]]) -> None:
    """The first draws, one by one."""
    table = Table("learned", "never seen", "centres", "largest probability", title="One by one")
    rows = zip(drawn_classes, found["centres"], found["largest probability"], strict=True)
    for (stranger, *learned), near, sure in list(rows)[:TOLD]:
        table.add_row(", ".join(learned), stranger, f"{near:.4f}", f"{sure:.4f}")
    Console(width=120).print(table)


def tell_sets(name: str, given: Known, own: Known) -> None:
    """Coverage and size of sets, and calibration, on pictures that had no part in them."""
    fitted = cross_fit(task(given))
    alike = answers_like(task(given), fitted)
    near = similarities_out_of_fold(given.features, given.rows, given.groups, given.folds)
    centres = fit_centres(given.features, given.rows, given.groups)
    unseen = Unseen(alike, given.labels, near)
    table = Table("coverage", "held", "interval", "mean size", "label alone", "temperature",
                  "calibration error before → after", title=f"Sets: {name}")  # fmt: skip
    for coverage in COVERAGES:
        found = calibrate(fitted.fitted.head, centres, unseen, coverage)
        before = fitted.fitted.head.probabilities(own.features)
        answers = at_temperature(before, found.calibration.temperature)
        sets = found.calibration.prediction_sets(answers)
        held = sets[own.rows, own.labels]
        error = 1.96 * (held.mean() * (1 - held.mean()) / len(held)) ** 0.5
        errors = (calibration_error(a, own.labels) for a in (before, answers))
        table.add_row(
            f"{coverage:.0%}", f"{held.mean():.1%}", f"± {error:.1%}", f"{sets.sum(1).mean():.2f}",
            f"{(answers.argmax(1) == own.labels).mean():.1%}",
            f"{found.calibration.temperature:.2f}", " → ".join(f"{e:.3f}" for e in errors),
        )  # fmt: skip
    Console(width=120).print(table)


def calibration_error(answers: Features, labels: Rows) -> float:
    """The mean distance of probability and share right, over fifteen bins of probabilities."""
    sure, right = answers.max(1), answers.argmax(1) == labels
    bins = np.minimum((sure * 15).astype(int), 14)
    apart = [abs((right[bins == b] - sure[bins == b]).sum()) for b in range(15)]
    return float(np.sum(apart) / len(labels))


if __name__ == "__main__":
    main()
