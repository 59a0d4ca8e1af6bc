"""Does a heatmap lie where the network looked? Drawn pictures with boxes, real weights.

For each network one run of `train-transfer` on half of the pictures; then, over the other half,
which it has not learned from, as the service draws them: how far the map's centre of gravity lies
beside the object's box, how far it moves where the picture is mirrored or turned upside down and
the map turned back, which share of its brightest places lies in the box, and which of it all.
Beside each figure the same map stretched over the picture. Of 300 pictures a centre is known to
some 0.35 % of the side.

    python benchmarks/map_geometry.py [--shared ../shared] [--pictures 600] [--networks NAME ...]
"""

import argparse
import csv
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import safetensors.torch
import torch
from default_backbone import train
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import untrained_backbone
from models.bundle import read_bundle
from models.heatmap import MapGeometry, enlarge
from models.preprocessing import read_pixels
from models.session import Session

#: Network → where its weights come from; a file's name is one below `weights` of --shared.
NETWORKS = {
    "tf_efficientnet_lite0": "packaged",
    "tf_efficientnet_lite2": "packaged",
    "mobilenetv2_100": "mobilenetv2_100.safetensors",
    "efficientnet_b0": "efficientnet_b0_blocks.safetensors",
}

#: Pixels of a side that maps are drawn with.
SIDE = 224

Maps = npt.NDArray[np.float64]


@dataclass(frozen=True)
class HeldOut:
    """Maps as they are drawn (N, SIDE, SIDE), and boxes (N, 4) in parts of what was shown."""

    plain: Maps
    mirrored: Maps
    flipped: Maps
    boxes: npt.NDArray[np.float64]


def main() -> int:
    """Prints the table; 0."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--shared", type=Path, default=Path("../shared"))
    parser.add_argument("--pictures", type=int, default=600)
    parser.add_argument("--drawn", type=Path, help="by draw-screws-nuts; default: drawn anew")
    parser.add_argument("--networks", nargs="+", default=list(NETWORKS))
    chosen = parser.parse_args()
    table = Table("network", "drawn", *FIGURES)
    with tempfile.TemporaryDirectory() as place:
        drawn = halves(chosen.drawn or draw(chosen.pictures, Path(place)), Path(place) / "halves")
        for name in chosen.networks:
            weights = weights_of(name, chosen.shared / "weights", Path(place))
            # The whole picture: what a crop cuts off has no place in the map.
            options = ["--backbone", name, "--weights", weights, "--framing", "squash"]
            run_folder, _ = train(drawn, options, Path(place))
            for how, held_out in looked_at(run_folder, drawn).items():
                table.add_row(name, how, *figures(held_out))
    Console(width=160).print(table)
    return 0


def draw(count: int, place: Path) -> Path:
    """So many pictures with boxes."""
    drawn = place / "drawn"
    tool = Path(sys.executable).parent / "draw-screws-nuts"
    subprocess.run([tool, drawn, "--count", str(count)], check=True)
    return drawn


def halves(drawn: Path, place: Path) -> Path:
    """The same pictures, every second one in a part that judges."""
    for number, path in enumerate(sorted(drawn.glob("*/*.*"))):
        there = place / ("train", "test")[number % 2] / path.relative_to(drawn)
        there.parent.mkdir(parents=True, exist_ok=True)
        shutil.copy2(path, there)
    shutil.copy2(drawn / "boxes.csv", place)
    return place


def weights_of(name: str, folder: Path, place: Path) -> str:
    """As `--weights` takes it; what a file lacks is filled up with random numbers."""
    if NETWORKS[name] == "packaged":
        return "packaged"
    torch.manual_seed(0)
    state = untrained_backbone(name).model.state_dict()
    state |= safetensors.torch.load_file(folder / NETWORKS[name])
    safetensors.torch.save_file(state, place / f"{name}.safetensors")
    return str(place / f"{name}.safetensors")


def looked_at(run_folder: Path, drawn: Path) -> dict[str, HeldOut]:
    """The held-out pictures' maps, in their place and stretched over the picture."""
    session = Session(read_bundle(run_folder / "bundle.onnx"), "cpu")
    shape, geometry = session.metadata.preprocessing, session.metadata.map_geometry
    with (run_folder / "predictions.csv").open(encoding="utf-8-sig") as file:
        names = [row["file"] for row in csv.DictReader(file) if row["part"] == "test"]
    pixels = np.stack([read_pixels((drawn / name).read_bytes(), shape) for name in names])
    turned = (pixels, pixels[:, :, ::-1], pixels[:, ::-1])
    maps = [
        np.stack([session.predict(np.ascontiguousarray(one[None]))[0].heatmap for one in each])
        for each in turned
    ]
    rows, columns = maps[0].shape[1:]
    across, down = shape.width / columns, shape.height / rows
    even = MapGeometry(across / 2, down / 2, across, down)
    found = {}
    for how, used in (("in its place", geometry), ("stretched", even)):
        sized = [
            np.stack([enlarge(one, (SIDE, SIDE), shape, used) for one in each]) / 255.0
            for each in maps
        ]
        found[how] = HeldOut(*sized, boxes_of(drawn, names))
    return found


def boxes_of(drawn: Path, names: list[str]) -> npt.NDArray[np.float64]:
    """Left, top, right, bottom in parts of the picture."""
    with (drawn / "boxes.csv").open(encoding="utf-8") as file:
        boxes = {row["path"]: row for row in csv.DictReader(file)}
    found = []
    for name in names:
        with Image.open(drawn / name) as image:
            sides = (image.width, image.height) * 2
        box = boxes[name.removeprefix("test/")]
        edges = (float(box[edge]) for edge in ("left", "top", "right", "bottom"))
        found.append([edge / side for edge, side in zip(edges, sides, strict=True)])
    return np.array(found)


FIGURES = (
    "centre off the box's, right / down, % of the side",
    "moved by mirroring / flipping",
    "maximum in the box",
    "share of the map in it",
)


def figures(seen: HeldOut) -> tuple[str, ...]:
    """With standard errors; pictures with an empty map are left out."""
    has_map = [each.any((1, 2)) for each in (seen.plain, seen.mirrored, seen.flipped)]
    kept = np.logical_and.reduce(has_map)
    plain, boxes = centres(seen.plain[kept]), seen.boxes[kept]
    off = plain - (boxes[:, :2] + boxes[:, 2:]) / 2
    mirrored = 1 - centres(seen.mirrored[kept])[:, 0] - plain[:, 0]
    flipped = 1 - centres(seen.flipped[kept])[:, 1] - plain[:, 1]
    hits, shares = in_boxes(seen.plain[kept], boxes)
    return (
        f"{percent(off[:, 0])} / {percent(off[:, 1])}",
        f"{percent(mirrored)} / {percent(flipped)}",
        f"{hits.mean():.1%} of {len(hits)}",
        f"{shares.mean():.1%}",
    )


def centres(maps: Maps) -> npt.NDArray[np.float64]:
    """Centres of gravity (N, 2), right and down, in parts of the side."""
    places = (np.arange(SIDE) + 0.5) / SIDE
    across, down = maps.sum(1) @ places, maps.sum(2) @ places
    return np.stack([across, down], 1) / maps.sum((1, 2))[:, None]


def in_boxes(
    maps: Maps, boxes: npt.NDArray[np.float64]
) -> tuple[npt.NDArray[np.float64], npt.NDArray[np.float64]]:
    """Which share of the brightest places of each map lies in its box, and which of it all.

    A drawing of 256 greys has hundreds of pixels that are brightest: one in the box, one beside it
    is half a hit, as by drawing lots. The first of them alone would be the upper left one.
    """
    places = (np.arange(SIDE) + 0.5) / SIDE
    hits, shares = [], []
    for one, (left, top, right, bottom) in zip(maps, boxes, strict=True):
        rows, columns = (places >= top) & (places < bottom), (places >= left) & (places < right)
        inside = one[np.ix_(rows, columns)]
        hits.append((inside == one.max()).sum() / (one == one.max()).sum())
        shares.append(inside.sum() / one.sum())
    return np.array(hits), np.array(shares)


def percent(values: npt.NDArray[np.float64]) -> str:
    """Their mean with its standard error, in per cent."""
    return f"{100 * values.mean():+.2f} ± {100 * values.std() / len(values) ** 0.5:.2f}"


if __name__ == "__main__":
    sys.exit(main())
