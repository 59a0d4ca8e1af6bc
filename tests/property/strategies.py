"""Hostile input: bytes that are nearly pictures, names, and documents that are nearly metadata."""

import functools
from typing import Any

import numpy as np
from hypothesis import strategies as st
from PIL import Image

from models.preprocessing import Preprocessing
from tests.conftest import encoded

#: Formats that Pillow writes and reads back, with the mode and the options that each needs.
FORMATS: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("AVIF", "RGB", {}),
    ("BLP", "P", {}),
    ("BMP", "RGB", {}),
    ("BMP", "P", {}),
    ("DDS", "RGBA", {}),
    ("DIB", "RGB", {}),
    ("GIF", "P", {"save_all": True}),
    ("ICNS", "RGBA", {}),
    ("ICO", "RGBA", {}),
    ("JPEG", "RGB", {"exif": b"Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0"}),
    ("JPEG", "CMYK", {"progressive": True}),
    ("JPEG2000", "RGB", {}),
    ("MPO", "RGB", {"save_all": True}),
    ("MSP", "1", {}),
    ("PCX", "P", {}),
    ("PNG", "RGBA", {"save_all": True}),
    ("PNG", "I;16", {}),
    ("PNG", "P", {"transparency": 3}),
    ("PPM", "RGB", {}),
    ("QOI", "RGB", {}),
    ("SGI", "RGB", {}),
    ("SPIDER", "F", {}),
    ("TGA", "RGB", {"compression": "tga_rle"}),
    ("TIFF", "F", {}),
    ("TIFF", "LA", {"compression": "tiff_lzw"}),
    ("TIFF", "RGB", {"compression": "jpeg"}),
    ("TIFF", "1", {"compression": "group4"}),
    ("WEBP", "RGBA", {"save_all": True}),
    ("XBM", "1", {}),
)


@functools.cache
def real_file(kind: str, mode: str, options: tuple[tuple[str, Any], ...]) -> bytes:
    """A small picture, several frames where the format has them."""
    rng = np.random.default_rng(0)
    small = Image.fromarray(rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)).resize((40, 32))
    if mode == "I;16":
        image = Image.fromarray(np.asarray(small.convert("L"), dtype=np.uint16) * 257)
    else:
        image = small.convert(mode)
    arguments = dict(options)
    if arguments.get("save_all"):
        arguments["append_images"] = [image.transpose(Image.Transpose.ROTATE_180)] * 2
    return encoded(image, kind, **arguments)


def real_files() -> st.SearchStrategy[bytes]:
    return st.sampled_from(FORMATS).map(lambda f: real_file(f[0], f[1], tuple(f[2].items())))


@st.composite
def mutations(draw: st.DrawFn, data: bytes) -> bytes:
    """Damaged data: bytes changed, a part left out, doubled or put in, the end cut off."""
    found = bytearray(data)
    for _ in range(draw(st.integers(1, 4))):
        # Headers decide most: half of all damage goes into the first bytes.
        last = max(len(found) - 1, 0)
        start = draw(st.integers(0, min(last, 64)) | st.integers(0, last))
        end = min(start + draw(st.sampled_from((1, 1, 2, 4, 16, 200))), len(found))
        match draw(st.sampled_from(("change", "change", "remove", "double", "put in", "cut"))):
            case "change":
                found[start:end] = draw(st.binary(min_size=end - start, max_size=end - start))
            case "remove":
                del found[start:end]
            case "double":
                found[end:end] = found[start:end]
            case "put in":
                found[start:start] = draw(st.binary(max_size=16))
            case "cut":
                del found[end:]
    return bytes(found)


def damaged_files() -> st.SearchStrategy[bytes]:
    return real_files().flatmap(mutations)


def preprocessings(largest: int = 4096) -> st.SearchStrategy[Preprocessing]:
    side = st.integers(1, largest)
    return st.builds(
        Preprocessing,
        height=side,
        width=side,
        framing=st.sampled_from(("crop", "short-side", "squash")),
        crop_fraction=st.floats(0.05, 1),
        interpolation=st.sampled_from(("bilinear", "bicubic", "lanczos", "box", "nearest")),
    )


def class_names() -> st.SearchStrategy[tuple[str, ...]]:
    name = st.text(min_size=1).filter(lambda text: bool(text.strip()))
    return st.lists(name, min_size=2, max_size=8, unique=True).map(tuple)


def json_values() -> st.SearchStrategy[Any]:
    leaf = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
    return st.recursive(
        leaf, lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner), max_leaves=10
    )


@st.composite
def damaged_documents(draw: st.DrawFn, document: Any) -> Any:
    """A JSON document with one value replaced, left out or added somewhere."""
    if not isinstance(document, dict | list) or not document or draw(st.integers(0, 4)) == 0:
        return draw(json_values())
    found: Any = document.copy()
    key = draw(st.sampled_from(list(document) if isinstance(document, dict) else range(len(found))))
    match draw(st.sampled_from(("inside", "inside", "inside", "leave out", "add"))):
        case "inside":
            found[key] = draw(damaged_documents(document[key]))
        case "leave out":
            del found[key]
        case "add" if isinstance(found, dict):
            found[draw(st.text())] = draw(json_values())
        case "add":
            found.append(draw(json_values()))
    return found
