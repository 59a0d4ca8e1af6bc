"""Does a second worker of a Ray cluster halve the time, as docs/scaling.md's cost model has it?

Two nodes on this machine, a core each, which takes two cores and a Python that has Ray. Seconds a
picture of `classify-images --engine ray` with one and with two workers, for three sizes, the start
apart (twice as many pictures less as many), beside the model: CPU time of the loop by cores.

    python benchmarks/_two_workers.py BUNDLE [--pictures 300]
"""

import argparse
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from _measure import machine
from ray.cluster_utils import Cluster
from scaling import BATCH, SIZES, draw, spent

from models.bulk import answer_files
from models.bundle import read_bundle
from models.places import Listing
from models.session import Session

HERE = Path(__file__).parent


def main() -> None:
    """Measures the model's figure, then one worker, then two."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--pictures", type=int, default=300, help="of each size, and twice as many")
    chosen = parser.parse_args()
    print(machine("onnxruntime-gpu", "onnxruntime", "pillow", "ray"))
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    first, second, *_ = sorted(os.sched_getaffinity(0))
    with tempfile.TemporaryDirectory() as place:
        few, many = (drawn(Path(place, name), chosen.pictures * times)
                     for name, times in (("few", 1), ("many", 2)))  # fmt: skip
        os.sched_setaffinity(0, {first})  # what a process starts inherits it
        cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1})
        os.environ["RAY_ADDRESS"] = cluster.address
        expected = [model(chosen.bundle, folder) for folder in few]
        for workers in (1, 2):
            if workers == 2:
                os.sched_setaffinity(0, {second})
                cluster.add_node(num_cpus=1)
            os.sched_setaffinity(0, {first, second})
            for size, less, more, cpu in zip(SIZES, few, many, expected, strict=True):
                took = answered(chosen.bundle, more) - answered(chosen.bundle, less)
                each = 1e3 * took / chosen.pictures
                told = f"{each:.2f} ms a picture, by the model {1e3 * cpu / workers:.2f}"
                print(f"{size[0]}x{size[1]}, {workers} workers: {told}", flush=True)
        cluster.shutdown()


def drawn(folder: Path, count: int) -> list[Path]:
    """A folder of pictures for each size."""
    folders = [folder / f"{width}" for width, _ in SIZES]
    for each, size in zip(folders, SIZES, strict=True):
        each.mkdir(parents=True)
        draw(each, size, count)
    return folders


def model(bundle: Path, folder: Path) -> float:
    """CPU seconds a picture of the loop on one core, its start apart."""
    session, files = Session(read_bundle(bundle), "cpu", 1), list(Listing([str(folder)]))
    start = spent(lambda: list(answer_files(session, files[:BATCH])))
    whole = spent(lambda: [None for _ in answer_files(session, files)])
    return (whole - start) / (len(files) - BATCH)


def answered(bundle: Path, folder: Path) -> float:
    """Seconds of the command over a folder."""
    out = folder.parent / f"{folder.name}.csv"
    options = ["--model", bundle, "--out", out, "--overwrite", "--engine", "ray"]
    begun = time.perf_counter()
    subprocess.run(
        [sys.executable, "-m", "service.batch.cli", folder, *options, "--provider", "cpu"],
        cwd=HERE.parent, check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    return time.perf_counter() - begun


if __name__ == "__main__":
    main()
