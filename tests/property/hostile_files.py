"""Files of every format that Pillow writes here, damaged on purpose rather than by chance."""

import functools
import io
import warnings
import zipfile
from collections.abc import Iterator

import numpy as np
from PIL import Image

WIDTH, HEIGHT = 41, 35

MODES = ("RGB", "RGBA", "L", "LA", "P", "1", "CMYK", "YCbCr", "LAB", "HSV", "I;16", "I", "F")

#: Only Windows writes it.
NOT_WRITTEN = {"WMF"}


@functools.cache
def written_files() -> dict[str, bytes]:
    """One small file for every format and mode that Pillow writes, by `FORMAT-mode`."""
    Image.init()
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (5, 6, 3), dtype=np.uint8))
    picture = small.resize((WIDTH, HEIGHT))
    found = {}
    for kind in sorted(set(Image.SAVE) - NOT_WRITTEN):
        for mode in MODES:
            if data := _written(picture, kind, mode):
                found[f"{kind}-{mode}"] = data
    return found


def _written(picture: Image.Image, kind: str, mode: str) -> bytes | None:
    buffer = io.BytesIO()
    try:
        with warnings.catch_warnings(action="ignore"):
            grey = picture.convert("L").convert("I")
            image = grey.convert(mode) if mode.startswith("I") else picture.convert(mode)
            image.save(buffer, kind, save_all=kind in Image.SAVE_ALL)
    except Exception:  # noqa: BLE001  writers refuse a mode in many ways
        return None
    return buffer.getvalue()


def damaged(data: bytes) -> Iterator[bytes]:
    """The file cut off, with flipped bytes, with giant numbers, and as two things at once."""
    yield from _cut_off(data)
    yield from _flipped(data)
    yield from _giant(data)
    yield from _polyglots(data)


def _cut_off(data: bytes) -> Iterator[bytes]:
    for length in sorted({*range(0, min(len(data), 64), 7), *_spread(len(data), 12)}):
        yield data[:length]


def _flipped(data: bytes) -> Iterator[bytes]:
    for position in sorted({*range(0, min(len(data), 60), 5), *_spread(len(data), 12)}):
        yield data[:position] + bytes([data[position] ^ 0xFF]) + data[position + 1 :]


def _giant(data: bytes) -> Iterator[bytes]:
    """Wherever width or height stand in the header, in either order of bytes, much larger ones."""
    for length in (2, 4):
        for order in ("big", "little"):
            for side in (WIDTH, HEIGHT, WIDTH - 1, HEIGHT - 1):  # PCX stores the last index
                wanted = side.to_bytes(length, order)
                position = data.find(wanted, 2, 4000)
                if position > 0:
                    for giant in (b"\xff" * length, b"\x7f" + b"\xff" * (length - 1)):
                        yield data[:position] + giant + data[position + length :]


def _polyglots(data: bytes) -> Iterator[bytes]:
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w", zipfile.ZIP_DEFLATED) as file:
        file.writestr("a.png", bytes(100_000))
    yield data + archive.getvalue()
    yield archive.getvalue() + data
    yield b"%PDF-1.7\n" + data
    yield data + b"<script>alert(1)</script>"
    yield data + data
    yield data[:20] + data


def _spread(length: int, count: int) -> range:
    return range(0, length, max(1, length // count))
