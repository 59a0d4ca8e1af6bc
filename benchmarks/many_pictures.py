"""How fast are many pictures answered, and what do a kill and their number do to that?

Pictures a second of `classify-images`' own loop, against bare ONNX Runtime that decodes the same in
threads and a PyTorch DataLoader loop, in turn; then the command itself: the first part, memory over
few and over many pictures, and `kill -9` at random moments.

    python benchmarks/many_pictures.py [--data FOLDER] [--pictures 2000] [--many 20000] [--kills 10]
"""

import argparse
import csv
import random
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import cycle, islice
from pathlib import Path

import numpy as np
from _in_turn import ratios, times
from _measure import machine
from _runs import pictures

from models.bulk import answer_files
from models.bundle import read_bundle
from models.cores import granted_cores
from models.places import Listing
from models.preprocessing import read_pixels
from models.providers import open_graph
from models.session import Session
from models.signature import PREDICTED_CLASS, answers_of

HERE = Path(__file__).parent
NETWORKS = (("resnet18", "fp32"), ("tf_efficientnet_lite0", "int8"))
BATCH = 16


def main() -> None:
    """Runs all parts, and prints a line for each."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, help="a folder; default: drawn screws and nuts")
    parser.add_argument("--pictures", type=int, default=2000)
    parser.add_argument("--many", type=int, default=20_000, help="for memory, beside 1,000")
    parser.add_argument("--kills", type=int, default=10)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    print(machine("onnxruntime-gpu", "onnxruntime", "pillow", "torch"))
    with pictures(chosen.data) as data, tempfile.TemporaryDirectory() as place:
        work = Path(place)
        some = repeated(data, work / "some", chosen.pictures)
        for backbone, precision in NETWORKS:
            folder = work / backbone
            folder.mkdir()
            subprocess.run(
                [sys.executable, HERE / "_random_bundle.py", backbone, folder], check=True
            )
            compare(folder / f"{precision}.onnx", some, backbone, chosen.rounds)
        command(folder / f"{precision}.onnx", some, work, chosen)


def repeated(data: Path, folder: Path, count: int) -> Path:
    """A folder of links to a folder's pictures, again and again until there are enough."""
    folder.mkdir()
    files = [file.path for file in Listing([str(data)]) if file.path]
    for number, path in enumerate(islice(cycle(files), count)):
        (folder / f"{number:06}{path.suffix}").symlink_to(path.absolute())
    return folder


def compare(bundle: Path, folder: Path, backbone: str, rounds: int) -> None:
    """Seconds over a folder, in turn."""
    session = Session(read_bundle(bundle), "cpu")
    contenders: dict[str, Callable[[], float]] = {
        "ours": lambda: timed(
            lambda: sum(1 for _ in answer_files(session, Listing([str(folder)])))
        ),
        "bare": lambda: timed(lambda: bare(bundle, session, folder)),
        "DataLoader": lambda: float(
            subprocess.check_output([sys.executable, HERE / "_dataloader.py", backbone, folder])
        ),
    }
    found: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, call in contenders.items():
            found[name].append(call())
    count = len(list(folder.iterdir()))
    rate = count / statistics.median(found["ours"])
    print(
        f"{backbone}, {bundle.stem}, {count} pictures: {rate:.1f} a second, "
        f"{times(ratios(found['bare'], found['ours']))} x bare ONNX Runtime, "
        f"{times(ratios(found['DataLoader'], found['ours']))} x the DataLoader loop in fp32",
        flush=True,
    )


def timed(work: Callable[[], object]) -> float:
    """Seconds."""
    begun = time.perf_counter()
    work()
    return time.perf_counter() - begun


def bare(bundle: Path, session: Session, folder: Path) -> int:
    """ONNX Runtime, fed by threads that decode ahead of it, without any bound."""
    network = open_graph(bundle.read_bytes(), "cpu", granted_cores())
    preprocessing = session.metadata.preprocessing

    def read(path: Path) -> np.ndarray:
        return read_pixels(path.read_bytes(), preprocessing)

    with ThreadPoolExecutor(granted_cores()) as threads:
        decoded: Iterator[np.ndarray] = threads.map(read, sorted(folder.iterdir()))
        done = 0
        while batch := list(islice(decoded, BATCH)):
            answers_of(network, np.stack(batch), np.full(len(batch), PREDICTED_CLASS))
            done += len(batch)
    return done


def command(bundle: Path, some: Path, work: Path, chosen: argparse.Namespace) -> None:
    """The command itself: its first part, its memory, and what kills do to it."""
    unbroken = work / "unbroken.csv"
    process = begin(bundle, some, unbroken)
    begun, first = time.perf_counter(), Path(f"{unbroken}.parts", "00000000.jsonl")
    while not first.exists() and process.poll() is None:
        time.sleep(0.01)
    print(f"first part on the disk after {time.perf_counter() - begun:.2f} s")
    process.wait()
    took = time.perf_counter() - begun
    for count in (1000, chosen.many):
        folder = repeated(some, work / f"of{count}", count)
        print(f"{count} pictures: {peak(bundle, folder, work / f'{count}.csv'):.0f} MiB at most")
    moments, same, kills = random.Random(0), 0, 0
    while kills < chosen.kills:
        out, moment = work / f"cut{kills}.csv", moments.uniform(0, took)
        process = begin(bundle, some, out)
        try:
            process.wait(moment)
            out.unlink()  # it ended first
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            begin(bundle, some, out).wait()
            kills += 1
            same += rows(out) == rows(unbroken)
            print(f"kill {kills} after {moment:.1f} s: {same} of {kills} with the same rows")


def begin(bundle: Path, folder: Path, out: Path) -> "subprocess.Popen[bytes]":
    """Starts the command."""
    arguments = [folder, "--model", bundle, "--out", out, "--provider", "cpu"]
    return subprocess.Popen(
        [sys.executable, "-m", "service.batch.cli", *arguments],
        cwd=HERE.parent, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip


def peak(bundle: Path, folder: Path, out: Path) -> float:
    """Most resident memory of the command's own process, MiB."""
    process, most = begin(bundle, folder, out), 0
    # Not by wait4, whose figure is at least what this process had when it began the other.
    while process.poll() is None:
        for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]))
        time.sleep(0.1)
    return most / 1024


def rows(path: Path) -> list[tuple[str, str, float]]:
    """File, label and probability, to what a batch's size changes of it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = csv.DictReader(file)
        return [(r["file"], r["label"], round(float(r["probability"] or 0), 5)) for r in found]


if __name__ == "__main__":
    main()
