"""Does a run that is killed at any moment end with the weights of an unbroken one?

One unbroken fine-tuning run first; then the same run again and again, each killed (`kill -9`) at a
random moment and resumed until it ends. The final weights must be the same, bit for bit.

    python benchmarks/kill_and_resume.py --data DIR [--kills 20] [--backbone test_resnet]
"""

import argparse
import os
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import torch
from _runs import add_data, pictures


def main() -> int:
    """Runs the rounds and prints one line for each.

    Returns:
        0 where every run ended with the same weights.
    """
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    add_data(parser)
    parser.add_argument("--kills", type=int, default=20)
    parser.add_argument("--backbone", default="test_resnet")
    parser.add_argument("--epochs", type=int, default=4)
    parser.add_argument("--seed", type=int, default=0, help="of the moments")
    chosen = parser.parse_args()
    options = ["--backbone", chosen.backbone, "--epochs", str(chosen.epochs)]
    with pictures(chosen.data) as data, tempfile.TemporaryDirectory() as place:
        begun = time.monotonic()
        begin(data, Path(place, "unbroken"), options, None)
        lasts = time.monotonic() - begun
        expected = final_weights(only_run(Path(place, "unbroken")))
        moments = random.Random(chosen.seed)
        done = wrong = tries = 0
        while done < chosen.kills:
            tries += 1
            moment, out = moments.uniform(0, lasts), Path(place, str(tries))
            begun = time.monotonic()
            if begin(data, out, options, moment):
                lasts = time.monotonic() - begun  # faster than before: it ended first, no kill
                continue
            done += 1
            same = is_same(expected, final_weights(resumed(data, out, options)))
            wrong += not same
            verdict = "the same weights" if same else "OTHER WEIGHTS"
            print(f"kill {done:2} after {moment:5.1f} of {lasts:.1f} s: {verdict}", flush=True)
        print(f"{done - wrong} of {done} ended with the same weights")
    return 1 if wrong else 0


def begin(data: Path, out: Path, options: list[str], kill_after: float | None) -> bool:
    """Fine-tunes; whether it ended before it was to be killed."""
    command = [sys.executable, "-m", "training.cli", "--data", str(data), "--out", str(out)]
    return run([*command, "--weights", "none", "--finetune", *options], out, kill_after)


def resumed(data: Path, out: Path, options: list[str]) -> Path:
    """Goes on with a run that was killed, wherever it was; returns the folder of its result."""
    folders = [path.parent for path in out.glob("*/*/settings.json")]
    if not folders:  # killed before there was a run folder: nothing to go on with
        begin(data, out, options, None)
    elif not (folders[0] / "summary.json").exists():
        run([sys.executable, "-m", "training.cli", "--resume", str(folders[0])], out, None)
    return max(out.glob("*/*/summary.json")).parent


def run(command: list[str], out: Path, kill_after: float | None) -> bool:
    """Runs a command in its own process group; whether it ended by itself, and well."""
    environment = {
        **os.environ,
        "BENTOML_HOME": str(out / "bentoml"),
        "TRAIN_TRANSFER_CACHE": str(out / "cache"),
    }
    out.mkdir(exist_ok=True, parents=True)
    with subprocess.Popen(
        command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, env=environment
    ) as process:
        try:
            _, said = process.communicate(timeout=kill_after)
        except subprocess.TimeoutExpired:
            process.kill()
            return False
    if process.returncode:
        raise SystemExit(said.decode())
    return True


def only_run(out: Path) -> Path:
    """The one run folder below `out`."""
    (summary,) = out.glob("*/*/summary.json")
    return summary.parent


def final_weights(run_folder: Path) -> dict[str, torch.Tensor]:
    """The weights that the run kept as its best."""
    path = run_folder / "checkpoints" / "best.ckpt"
    found: dict[str, torch.Tensor] = torch.load(path, weights_only=True)["state_dict"]
    return found


def is_same(one: dict[str, torch.Tensor], other: dict[str, torch.Tensor]) -> bool:
    """Whether two sets of weights are equal, bit for bit."""
    return one.keys() == other.keys() and all(torch.equal(one[k], other[k]) for k in one)


if __name__ == "__main__":
    sys.exit(main())
