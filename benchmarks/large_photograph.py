"""What does a photograph of 12 megapixels cost, against Pillow's plain decode and resize?

A: `read_pixels`, which lets the JPEG decoder give a smaller picture as long as it stays twice as
large as the network's input. B: the same picture decoded in full and resized in the same way. In
turn, A B A B, on one thread; then the network is asked about both.

    python benchmarks/large_photograph.py --bundle runs/.../bundle.onnx --pictures DIR [--rounds 5]

The photographs are those of the folder, enlarged to 4000 x 3000, with the grain of a sensor.
"""

import argparse
import io
import statistics
from pathlib import Path

import numpy as np
from _in_turn import in_turn, milliseconds, ratios, times
from _measure import described, machine
from _serving import read_pictures
from PIL import Image
from rich.console import Console
from rich.table import Table

from models.bundle import read_bundle
from models.preprocessing import Pixels, Preprocessing, decode_image, read_pixels
from models.session import Session

SIZE = (4000, 3000)

#: Standard deviation of the grain, in grey levels, and the quality of the JPEG.
GRAIN = 4
QUALITY = 90

ASKED = 0.4
MOST_DIFFERENCE = 0.01


def main() -> None:
    """Measures one picture after the other and prints a table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--bundle", type=Path, required=True)
    parser.add_argument("--pictures", type=Path, required=True)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    bundle = read_bundle(chosen.bundle)
    session, preprocessing = Session(bundle, "cpu"), bundle.metadata.preprocessing
    given = read_pictures(chosen.pictures)
    files = [
        enlarged(data) for data in given[:: max(1, len(given) // chosen.count)][: chosen.count]
    ]
    seconds: dict[str, list[float]] = {"ours": [], "plain": []}
    differences, same = [], 0
    for data in files:
        found = in_turn(
            {
                "ours": lambda data=data: read_pixels(data, preprocessing),
                "plain": lambda data=data: plain(data, preprocessing),
            },
            chosen.rounds,
        )
        for name, values in found.items():
            seconds[name].append(statistics.median(values))
        both = np.stack([read_pixels(data, preprocessing), plain(data, preprocessing)])
        ours, expected = session.predict(both)
        same += ours.label == expected.label
        differences.append(abs(ours.probabilities - expected.probabilities).max())
    table = Table("", "ms", "A / B", title=described(bundle.metadata, chosen.pictures))
    table.add_row("A read_pixels", milliseconds(seconds["ours"]), "")
    ratio = times(ratios(seconds["ours"], seconds["plain"]))
    table.add_row("B plain", milliseconds(seconds["plain"]), ratio)
    Console(width=None if Console().is_terminal else 110).print(table)
    size = statistics.median(len(data) for data in files) / 1e6
    print(f"{len(files)} pictures of {size:.1f} MB; asked: A / B of {ASKED} or less")
    print(
        f"{same} of {len(files)} labels are the same; probabilities differ by "
        f"{max(differences):.4f} at most, {statistics.median(differences):.4f} in the median "
        f"(allowed {MOST_DIFFERENCE})"
    )
    print(machine("pillow", "onnxruntime", "onnxruntime-gpu"))


def enlarged(data: bytes) -> bytes:
    """A picture as a JPEG of 12 megapixels."""
    image = decode_image(data).resize(SIZE, Image.Resampling.LANCZOS)
    noise = np.random.default_rng(len(data)).normal(0, GRAIN, (*SIZE[::-1], 3))
    grainy = np.clip(np.asarray(image) + noise, 0, 255).astype(np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(grainy).save(buffer, "JPEG", quality=QUALITY)
    return buffer.getvalue()


def plain(data: bytes, preprocessing: Preprocessing) -> Pixels:
    """Every pixel decoded, and then resized."""
    with Image.open(io.BytesIO(data)) as image:
        return preprocessing.pixels(image.convert("RGB"))


if __name__ == "__main__":
    main()
