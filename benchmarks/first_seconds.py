"""How long is a run over a few hundred new pictures, with a network that this machine knows?

Whole processes, in turn, each round with pictures whose bytes nobody has seen; a round that is not
counted comes first, in which each program meets the network:
- bare: decodes and resizes every picture and runs the default backbone on it in fp32, eight at a
  time, with ONNX Runtime as it comes;
- imports: `import numpy, onnxruntime, sklearn, matplotlib`;
- ours: `train-transfer`, its cache knowing the network from another folder, inspection and report;
- before: the same of an earlier commit, with a cache of its own.

    git worktree add /tmp/before 9edd8ca
    python benchmarks/first_seconds.py --before /tmp/before [--data DIR] [--pictures 300]

`putting_right.py` asks the same of a run with labels put right.
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _runs import add_data, pictures
from folder_to_bundle import BARE_PROGRAM, shown
from rich.console import Console
from rich.table import Table

from models.backbones.backbone import load_backbone
from models.backbones.weights import Packaged
from models.graph.export import export_backbone
from models.pretrained import DEFAULT_BACKBONE
from training.data.folder import scan_folder

HERE = Path(__file__).resolve().parents[1]
IMPORTS = "import numpy, onnxruntime, sklearn, matplotlib"


def main() -> None:
    """Runs all in turn and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=2)
    chosen = parser.parse_args()
    programs = {"ours": HERE} | ({"before": chosen.before.resolve()} if chosen.before else {})
    with pictures(chosen.data) as given, tempfile.TemporaryDirectory() as name:
        place, found = Path(name), []
        bare = bare_command(place)
        for number in range(chosen.rounds + 1):
            data = altered(given.resolve(), place / f"data{number}", chosen.pictures, number)
            listed = place / "paths"
            listed.write_text("\n".join(str(e.path) for e in scan_folder(data).examples))
            took = {"bare": timed([*bare, str(listed)], place, HERE)}
            took["imports"] = timed([sys.executable, "-c", IMPORTS], place, HERE)
            for which, program in programs.items():
                command = [sys.executable, "-m", "training.cli", "--data", str(data)]
                own = place / which
                took[which] = timed([*command, "--out", str(own / "runs")], own, program)
            found.append(took)
            print(", ".join(f"{which} {seconds:.1f} s" for which, seconds in took.items()))
    show(found[1:], f"{chosen.pictures} pictures of {given.name}")  # the first ones met a network


def bare_command(place: Path) -> list[str]:
    """The bare pass, but for the list of pictures."""
    backbone = load_backbone(DEFAULT_BACKBONE, Packaged())
    graph, shape = place / "backbone.onnx", backbone.preprocessing
    graph.write_bytes(export_backbone(backbone).SerializeToString())
    told = (graph, shape.height, shape.crop_fraction, shape.interpolation)
    return [sys.executable, "-c", BARE_PROGRAM, *map(str, told)]


def altered(given: Path, data: Path, count: int, number: int) -> Path:
    """A folder per class with so many pictures, each with a number at its end."""
    folder = scan_folder(given)
    lot = random.Random(0).sample(folder.examples, min(count, len(folder.examples)))
    for place, example in enumerate(lot):
        path = data / folder.classes[example.class_index] / f"{place:05}{example.path.suffix}"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(folder.read(example.path) + bytes([number]))
    return data


def timed(command: list[str], place: Path, program: Path) -> float:
    """Wall time of a whole process, which must succeed."""
    own = {"BENTOML_HOME": str(place / "bentoml"), "TRAIN_TRANSFER_CACHE": str(place / "cache")}
    environment = {**os.environ, **own, "PYTHONPATH": str(program)}
    begun = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True, env=environment, cwd=program)
    return time.perf_counter() - begun


def show(rounds: list[dict[str, float]], what: str) -> None:
    """Prints medians, spread and the ratios round by round."""
    table = Table("", "s", "min to max", "against bare + imports", "min to max", title=what)
    for name in rounds[0]:
        ratios = [one[name] / (one["bare"] + one["imports"]) for one in rounds]
        table.add_row(name, *shown([one[name] for one in rounds]), *shown(ratios))
    Console(width=None if Console().is_terminal else 110).print(table)
    print("asked: ours at most 2.5", end="")
    if "before" in rounds[0]:
        ratio, spread = shown([one["ours"] / one["before"] for one in rounds])
        print(f"; against before at most 0.4: {ratio} ({spread})", end="")
    print()


if __name__ == "__main__":
    main()
