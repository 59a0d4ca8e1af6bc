"""What `classify-images` holds over many pictures, whatever happens: each part prints what it saw.

Counts, bytes and rows, which need no quiet machine; the first part alone looks at a clock.
"""

import csv
import json
import random
import subprocess
import sys
import time
from collections.abc import Iterator
from itertools import chain, cycle, islice
from pathlib import Path

from _serving import form, post, serving

from models.places import Listing

# A program started by its path finds only its own folder.
sys.path.insert(0, str(Path(__file__).parents[1]))

from tests.property.hostile_files import damaged, written_files

HERE = Path(__file__).parent

#: Between two looks at what a process has.
_LOOK_SECONDS = 0.1


def repeated(data: Path, folder: Path, count: int) -> Path:
    """A folder of links to a folder's pictures, again and again until there are enough."""
    folder.mkdir()
    files = [file.path for file in Listing([str(data)]) if file.path]
    for number, path in enumerate(islice(cycle(files), count)):
        (folder / f"{number:06}{path.suffix}").symlink_to(path.absolute())
    return folder


def first(bundle: Path, some: Path, work: Path) -> None:
    """Seconds to the first part."""
    process = begin(bundle, some, work / "first.csv")
    begun, part = time.perf_counter(), work / "first.csv.parts" / "00000000.jsonl"
    while not part.exists() and process.poll() is None:
        time.sleep(0.01)
    print(f"first part on the disk after {time.perf_counter() - begun:.2f} s", flush=True)
    process.wait()


def memory(bundle: Path, some: Path, work: Path, many: int) -> None:
    """Resident memory over 1,000, three times as it differs by some percent, and over many more."""
    folder = repeated(some, work / "of1000", 1000)
    few = sorted(peak(bundle, folder, work / f"1000-{number}.csv") for number in range(3))
    more = peak(bundle, repeated(some, work / f"of{many}", many), work / f"{many}.csv")
    told = ", ".join(f"{each:.0f}" for each in few)
    print(f"1000 pictures: {told} MiB; {many}: {more:.0f} MiB, {more / few[1]:.2f} x", flush=True)


def kills(bundle: Path, some: Path, work: Path, count: int) -> None:
    """`kill -9` at random moments of the work, and the same command again."""
    begun = time.perf_counter()
    begin(bundle, some, unbroken := work / "unbroken.csv").wait()
    took, moments, same, done = time.perf_counter() - begun, random.Random(0), 0, 0
    while done < count:
        out, moment = work / f"cut{done}.csv", moments.uniform(0, took)
        process = begin(bundle, some, out)
        try:
            process.wait(moment)
            out.unlink()  # it ended first
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            begin(bundle, some, out).wait()
            done += 1
            same += rows(out) == rows(unbroken)
            print(f"kill {done} after {moment:.1f} s: {same} of {done} the same rows", flush=True)


def hostile(bundle: Path, work: Path, count: int) -> None:
    """The damaged files of the property tests: a row each, and memory over a fifth and over all."""
    files = chain.from_iterable(damaged(data) for data in cycle(written_files().values()))
    folder, few = work / "hostile", work / "few"
    folder.mkdir()
    few.mkdir()
    for number, data in enumerate(islice(files, count)):
        (folder / f"{number:06}.jpg").write_bytes(data)
        if number % 5 == 0:
            (few / f"{number:06}.jpg").symlink_to(folder / f"{number:06}.jpg")
    before = peak(bundle, few, work / "few.csv")
    after = peak(bundle, folder, work / "hostile.csv")
    found = rows(work / "hostile.csv")
    right = [name for name, _, _ in found] == sorted(path.name for path in folder.iterdir())
    unread = sum(not label for _, label, _ in found)
    print(
        f"{count} hostile files: {len(found)} rows, each in its place: {right}, {unread} unreadable"
        f"; {before:.0f} MiB over a fifth of them, {after:.0f} MiB over all",
        flush=True,
    )


def same(bundle: Path, some: Path, work: Path, count: int = 200) -> None:
    """How far answers lie from those of `POST /classify`."""
    folder = repeated(some, work / "same", count)
    begin(bundle, folder, out := work / "same.csv").wait()
    names = sorted(path.name for path in folder.iterdir())
    with serving(bundle) as server, out.open(encoding="utf-8-sig", newline="") as file:
        table = {row["file"]: row for row in csv.DictReader(file)}
        furthest = max(_apart(server.url, folder / name, table[name]) for name in names)
    print(f"{count} pictures: {furthest:.1e} from POST /classify at most", flush=True)


def _apart(url: str, path: Path, row: dict[str, str]) -> float:
    answer = post(url, "/classify", form(path.read_bytes()))
    probabilities = json.loads(answer.body)["predictions"][0]["probabilities"]
    return max(abs(float(row[f"p({name})"]) - p) for name, p in probabilities.items())


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
        for line in status(process.pid):
            if line.startswith("VmHWM:"):
                most = max(most, int(line.split()[1]))
        time.sleep(_LOOK_SECONDS)
    if process.returncode:
        print(f"{folder.name}: it ended with {process.returncode}", flush=True)
    return most / 1024


def status(pid: int) -> Iterator[str]:
    """What the system says of a process."""
    yield from Path(f"/proc/{pid}/status").read_text().splitlines()


def rows(path: Path) -> list[tuple[str, str, float]]:
    """File, label and probability, to what a batch's size changes of it."""
    with path.open(encoding="utf-8-sig", newline="") as file:
        found = csv.DictReader(file)
        return [(r["file"], r["label"], round(float(r["probability"] or 0), 5)) for r in found]
