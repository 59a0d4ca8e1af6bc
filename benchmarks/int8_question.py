"""How long is int8 asked about, where the network is known and the pictures are new?

Whole processes in turn, each round with pictures whose bytes nobody has seen; a round that is not
counted comes first, in which each program meets the network. Measured inside of them: quantising,
and comparing with fp32 on the sample, which is decoded in that time for every framing.

    git worktree add /tmp/before d7a3643
    python benchmarks/int8_question.py --before /tmp/before [--data DIR] [--pictures 300]
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from _runs import add_data, pictures
from first_seconds import altered
from rich.console import Console

HERE = Path(__file__).resolve().parents[1]

PROGRAM = """
import json, sys, time
from pathlib import Path

from models.backbones.backbone import load_backbone
from models.backbones.weights import Packaged
from models.graph.network import Network
from models.pretrained import DEFAULT_BACKBONE
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.data.sample import draw_sample
from training.features.extractor import Extractor
from training.selection.framing import FRAMINGS
from training.selection.precision import choose_precision

folder = scan_folder(Path(sys.argv[1]))
pictures = Pictures(folder.read)
sample = draw_sample(folder, pictures)
whole = Extractor.of(Network(load_backbone(DEFAULT_BACKBONE, Packaged())))
ways = [whole.framed(framing).preprocessing for framing in FRAMINGS]
with pictures.shown_in(sample.examples, ways):
    wall, cpu = time.perf_counter(), time.process_time()
    choice, _ = choose_precision("auto", whole.framed(FRAMINGS[0]), sample, pictures)
    took = time.perf_counter() - wall, time.process_time() - cpu
print(json.dumps([*took, choice.precision]))
"""


def main() -> None:
    """Runs both programs in turn and prints medians and ratios."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    add_data(parser)
    parser.add_argument("--before", type=Path, help="a checkout of an earlier commit")
    parser.add_argument("--pictures", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=5)
    chosen = parser.parse_args()
    programs = {"ours": HERE} | ({"before": chosen.before.resolve()} if chosen.before else {})
    found: dict[str, list[tuple[float, float]]] = {name: [] for name in programs}
    with pictures(chosen.data) as given, tempfile.TemporaryDirectory() as name:
        for number in range(chosen.rounds + 1):
            data = altered(given.resolve(), Path(name, f"data{number}"), chosen.pictures, number)
            for which, program in programs.items():
                wall, cpu, precision = asked(program, data, Path(name, which))
                print(f"{which}: {wall:.2f} s, {cpu:.2f} s of CPU time, {precision}", flush=True)
                if number:
                    found[which].append((wall, cpu))
    show(found)


def asked(program: Path, data: Path, cache: Path) -> tuple[float, float, str]:
    """Wall and CPU time of the question, in a program's own process, and what was chosen."""
    own = {"TRAIN_TRANSFER_CACHE": str(cache), "PYTHONPATH": str(program), "HF_HUB_OFFLINE": "1"}
    command = [sys.executable, "-c", PROGRAM, str(data)]
    environment = os.environ | own
    ended = subprocess.run(
        command, check=True, stdout=subprocess.PIPE, env=environment, cwd=program
    )
    wall, cpu, precision = json.loads(ended.stdout.splitlines()[-1])
    return wall, cpu, precision


def show(found: dict[str, list[tuple[float, float]]]) -> None:
    """Prints medians, spread, and the ratios round by round."""
    for name, rounds in found.items():
        for what, seconds in zip(("wall", "CPU"), zip(*rounds, strict=True), strict=True):
            spread = f"{min(seconds):.2f} to {max(seconds):.2f}"
            Console().print(f"{name}, {what}: {statistics.median(seconds):.2f} s ({spread})")
    if "before" in found:
        pairs = zip(found["ours"], found["before"], strict=True)
        ratios = [ours[0] / before[0] for ours, before in pairs]
        spread = f"{min(ratios):.2f} to {max(ratios):.2f}"
        Console().print(f"ours / before: {statistics.median(ratios):.2f} ({spread})")


if __name__ == "__main__":
    main()
