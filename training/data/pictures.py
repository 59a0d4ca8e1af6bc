"""The files of a folder, opened by this alone, and so with one policy for all that can go wrong.

What cannot be opened or decoded is an `ImageError`, a sentence; who asked decides what that costs.
What was opened is kept within a bound, so that a small folder is opened once however often it is
looked at, and does not miss a stick that is pulled out in the meantime.
"""

import hashlib
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, Generic, TypeVar

import numpy as np
from PIL import Image

from models.errors import ImageError, PicturesGoneError
from models.preprocessing import Pixels, Preprocessing, decode_image, read_pixels, stored_size
from training.data.folder import Example

_K = TypeVar("_K")
_V = TypeVar("_V")

#: Bytes of files that are kept at most, and of pixels of pictures that are shown in several ways.
_FILES: Final = 64 * 1024**2
_PIXELS: Final = 128 * 1024**2


class Pictures:
    """Files as bytes, as digests, as pixels. Several threads may ask."""

    def __init__(self, keep_bytes: int = _FILES) -> None:
        """Begins with nothing kept.

        Args:
            keep_bytes: how much of the files stays in memory.
        """
        self._files = _Kept[Path, bytes](keep_bytes)
        self._shown: frozenset[Path] = frozenset()
        self._ways: tuple[Preprocessing, ...] = ()
        self._pixels = _Kept[tuple[Path, Preprocessing], Pixels](_PIXELS)

    def data(self, example: Example) -> bytes:
        """The bytes of a file.

        Raises:
            ImageError: it cannot be opened.
        """
        if (known := self._files.get(example.path)) is not None:
            return known
        try:
            data = example.path.read_bytes()
        except OSError as error:
            raise ImageError(f"the file cannot be opened: {error.strerror}") from error
        self._files.keep(example.path, data, len(data))
        return data

    def digest(self, example: Example) -> str:
        """SHA-256 of the bytes of a file; empty where it cannot be opened."""
        try:
            return hashlib.sha256(self.data(example)).hexdigest()
        except ImageError:
            return ""

    def size(self, example: Example) -> tuple[int, int]:
        """Width and height as they are stored, from the header alone.

        Raises:
            ImageError: it cannot be opened, or does not begin like a picture.
        """
        return stored_size(self.data(example))

    def pixels(self, example: Example, preprocessing: Preprocessing) -> Pixels:
        """What the network is shown, uint8 (H, W, 3).

        Raises:
            ImageError: it cannot be opened, is no picture, or a broken one.
        """
        if example.path not in self._shown or preprocessing not in self._ways:
            return read_pixels(self.data(example), preprocessing)
        if (known := self._pixels.get((example.path, preprocessing))) is not None:
            return known
        # As `models.preprocessing.read_picture` decodes for this size.
        smallest = 2 * max(preprocessing.height, preprocessing.width)
        image = decode_image(self.data(example), smallest=smallest)
        for way in self._ways:
            self._pixels.keep((example.path, way), pixels := way.pixels(image), pixels.nbytes)
        return preprocessing.pixels(image)

    def pixels_again(self, example: Example, preprocessing: Preprocessing) -> Pixels:
        """The same of a picture that could be read before.

        Raises:
            PicturesGoneError: it cannot any more.
        """
        try:
            return self.pixels(example, preprocessing)
        except ImageError as error:
            raise pictures_gone(example.name, f"{error}") from error

    @contextmanager
    def shown_in(
        self, examples: Sequence[Example], ways: Sequence[Preprocessing]
    ) -> Iterator[None]:
        """Decodes each of these once, as far as they fit, however many ways it is shown in.

        Args:
            examples: what is going to be shown.
            ways: in which, all of one size.
        """
        self._shown, self._ways = frozenset(e.path for e in examples), tuple(ways)
        try:
            yield
        finally:
            self._shown, self._ways = frozenset(), ()
            self._pixels = _Kept(_PIXELS)

    def image(self, example: Example) -> Image.Image:
        """The whole picture, upright RGB.

        Raises:
            ImageError: as `pixels`.
        """
        return decode_image(self.data(example))


def pictures_gone(name: str, reason: str) -> PicturesGoneError:
    """What there is to say where a picture could be read before and cannot any more."""
    return PicturesGoneError(
        f"{name} could be read before, and cannot any more: {reason}. What was learned is kept in "
        "the folder of this run: when the pictures are back, go on with --resume and that folder"
    )


class _Kept(Generic[_K, _V]):
    """Values by their keys, within a bound; what does not fit is not kept."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._found: dict[_K, _V] = {}
        self._lock = threading.Lock()

    def get(self, key: _K) -> _V | None:
        return self._found.get(key)

    def keep(self, key: _K, value: _V, size: int) -> None:
        with self._lock:
            if size <= self._left and key not in self._found:
                self._left -= size
                self._found[key] = value


def readable_pixels(
    pictures: Pictures, examples: Sequence[Example], preprocessing: Preprocessing
) -> tuple[list[Example], Pixels]:
    """Of some examples those that can be read, and what the network is shown of them.

    Returns:
        M of N examples, and uint8 (M, H, W, 3).
    """
    found, pixels = [], []
    for example in examples:
        try:
            pixels.append(pictures.pixels(example, preprocessing))
        except ImageError:
            continue  # the pass has named it, or will
        found.append(example)
    shape = (0, preprocessing.height, preprocessing.width, 3)
    return found, np.stack(pixels) if pixels else np.empty(shape, np.uint8)
