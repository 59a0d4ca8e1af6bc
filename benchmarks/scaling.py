"""What do many pictures cost, part by part, and what would 10^6 to 10^10 take?

CPU milliseconds a picture of listing, reading, decoding with resizing, the graph, and writing, for
pictures of three sizes; their sum against the loop of `classify-images` (its start apart); then the
hours of that loop on so many cores. Wall time is not looked at.

    python benchmarks/scaling.py BUNDLE [--pictures 200] [--cores 64]
"""

import argparse
import os
import resource
import tempfile
from collections.abc import Callable
from pathlib import Path

import numpy as np
from _measure import machine
from PIL import Image

from models.bulk import answer_files
from models.bundle import read_bundle
from models.cores import granted_cores
from models.places import Listing
from models.preprocessing import read_pixels
from models.session import Session
from service.batch.parts import write_part
from service.batch.record import record_of

SIZES = ((320, 240), (1280, 960), (4000, 3000))
BATCH = 16


def main() -> None:
    """Measures, sums, and carries on."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("bundle", type=Path)
    parser.add_argument("--pictures", type=int, default=200, help="of each size")
    parser.add_argument("--cores", type=int, default=64, help="of all machines, for the hours")
    chosen = parser.parse_args()
    print(machine("onnxruntime-gpu", "onnxruntime", "pillow"))
    session = Session(read_bundle(chosen.bundle), "cpu")
    for size in SIZES:
        with tempfile.TemporaryDirectory() as place:
            measure(session, draw(Path(place), size, chosen.pictures), size, chosen)


def draw(folder: Path, size: tuple[int, int], count: int) -> Path:
    """JPEGs of smooth noise, eight different ones, again and again."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (8, size[1] // 16, size[0] // 16, 3), dtype=np.uint8)
    for number, pixels in enumerate(small):
        Image.fromarray(pixels).resize(size).save(folder / f"{number:06}.jpg", quality=90)
    for number in range(len(small), count):
        os.link(folder / f"{number % len(small):06}.jpg", folder / f"{number:06}.jpg")
    return folder


def measure(
    session: Session, folder: Path, size: tuple[int, int], chosen: argparse.Namespace
) -> None:
    """One line of parts, one of the loop, one for each number of pictures."""
    files = list(Listing([str(folder)]))
    preprocessing, pixels, some = session.metadata.preprocessing, [], files[: 4 * BATCH]
    rows = list(answer_files(session, files[:BATCH]))
    records = [record_of(row, with_map=False) for row in rows]
    data = [file.read() for file in some]
    parts = {
        "list": spent(lambda: list(Listing([str(folder)]))) / len(files),
        "fetch": spent(lambda: [file.read() for file in some]) / len(some),
        "decode+resize": spent(
            lambda: pixels.extend(read_pixels(each, preprocessing) for each in data)
        ) / len(some),
        "graph": spent(
            lambda: [session.predict(np.stack(pixels[i : i + BATCH]))
                     for i in range(0, len(pixels), BATCH)]
        ) / len(some),
        "write": spent(lambda: write_part(folder / "part", records * 8)) / (8 * len(records)),
    }  # fmt: skip
    start = spent(lambda: list(answer_files(session, files[:BATCH])))
    whole = spent(lambda: [None for _ in answer_files(session, files)])
    loop = (whole - start) / (len(files) - BATCH)
    total = sum(parts.values())
    print(f"{size[0]}x{size[1]}: " + ", ".join(f"{k} {1e3 * v:.3f}" for k, v in parts.items()))
    print(
        f"  sum {1e3 * total:.2f} ms of CPU; the loop {1e3 * loop:.2f} ms after {start:.2f} s",
        flush=True,
    )
    for power in (6, 8, 10):
        hours = 10**power * loop / chosen.cores / 3600
        print(f"  10^{power}: {hours:,.1f} h on {chosen.cores} cores")
    print(f"  ({granted_cores()} cores here)")


def spent(work: Callable[[], object]) -> float:
    """CPU seconds of this process and of those that it has ended."""
    begun = cpu()
    work()
    return cpu() - begun


def cpu() -> float:
    """So far."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(each.ru_utime + each.ru_stime for each in used)


if __name__ == "__main__":
    main()
