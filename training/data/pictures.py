"""The files of a folder, opened by this alone, and so with one policy for all that can go wrong.

What cannot be opened or decoded is an `ImageError`, a sentence; who asked decides what that costs.
What was opened is kept within a bound, so that a small folder is opened once however often it is
looked at, and does not miss a stick that is pulled out in the meantime. A digest and pixels always
come from the same bytes, whatever becomes of the file between two looks at it.
"""

import hashlib
import threading
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import numpy as np
from PIL import Image

from models.choices import Levels
from models.cores import granted_cores
from models.errors import ImageError, PicturesGoneError
from models.greys import levels_of
from models.image_files import (
    MAX_PIXELS,
    Depth,
    depth_of,
    load_picture,
    stored_size,
)
from models.preprocessing import Pixels, Preprocessing, decode_image, read_pixels
from training.data.example import Example, read_file
from training.data.properties import Properties, measure

#: Bytes of files that are kept at most, and of pixels of pictures that are shown in several ways.
_FILES: Final = 128 * 1024**2
_PIXELS: Final = 128 * 1024**2


class Picture:
    """A file that was opened. What asks for its contents raises `ImageError` where it is broken."""

    def __init__(self, data: bytes) -> None:
        self.digest = hashlib.sha256(data).hexdigest()
        self._data = data

    @property
    def held(self) -> int:
        """Bytes that it takes in memory."""
        return len(self._data)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height as they are stored, from the header alone."""
        return stored_size(self._data)

    def pixels(self, preprocessing: Preprocessing) -> Pixels:
        """What the network is shown, uint8 (H, W, 3)."""
        return read_pixels(self._data, preprocessing)

    def seen(self, preprocessing: Preprocessing) -> tuple[Pixels, Properties]:
        """What the network is shown, uint8 (H, W, 3), and what the picture is like."""
        return self._in_ways([preprocessing])[preprocessing]

    def _in_ways(
        self, ways: Sequence[Preprocessing]
    ) -> dict[Preprocessing, tuple[Pixels, Properties]]:
        """As `models.preprocessing.read_picture` decodes; once, for all ways of one size."""
        stored = load_picture(self._data, MAX_PIXELS, ways[0].smallest)
        image = stored.rgb(ways[0].grey_range)
        shown = {way: way.pixels(image) for way in ways}
        first, *others = ways
        measured = measure(stored, image, shown[first], self.held)
        seen = {first: (shown[first], measured)}
        return seen | {way: (shown[way], measured.seen_as(shown[way])) for way in others}

    def image(self, preprocessing: Preprocessing) -> Image.Image:
        """The whole of it, upright RGB, its greys as the network is shown them."""
        return decode_image(self._data, grey_range=preprocessing.grey_range)

    def small_image(self, preprocessing: Preprocessing) -> Image.Image:
        """The same in fewer pixels where that costs less, and still enough for the network.

        What `preprocessing` makes of it are the pixels that the network is shown.
        """
        # As `models.preprocessing.read_pixels` decodes for this size.
        smallest = 2 * max(preprocessing.height, preprocessing.width)
        return decode_image(self._data, smallest=smallest, grey_range=preprocessing.grey_range)

    @property
    def depth(self) -> Depth:
        """What it holds of more than 8 bits, from the header alone."""
        return depth_of(self._data)

    @property
    def levels(self) -> Levels:
        """Its lowest and highest grey."""
        return levels_of(load_picture(self._data, MAX_PIXELS).image)

    def decoded(self, ways: Sequence[Preprocessing]) -> "Picture":
        """The same without its bytes, for so many ways of showing it, all of one size and range."""
        return _Decoded(self, ways)


class _Decoded(Picture):
    def __init__(self, picture: Picture, ways: Sequence[Preprocessing]) -> None:
        self.digest = picture.digest
        self._size = picture.size
        self._seen = picture._in_ways(ways)  # noqa: SLF001  its own kind

    @property
    def held(self) -> int:
        return sum(pixels.nbytes for pixels, _ in self._seen.values())

    @property
    def size(self) -> tuple[int, int]:
        return self._size

    def pixels(self, preprocessing: Preprocessing) -> Pixels:
        return self._seen[preprocessing][0]

    def seen(self, preprocessing: Preprocessing) -> tuple[Pixels, Properties]:
        return self._seen[preprocessing]


class Pictures:
    """All files of a folder. Several threads may ask."""

    def __init__(self, read: Callable[[Path], bytes] = read_file, keep_bytes: int = _FILES) -> None:
        """Begins with nothing kept.

        Args:
            read: gives the bytes of a file, or an `ImageError`; an archive has its own.
            keep_bytes: how much of the files stays in memory.
        """
        self._read_bytes = read
        self._files, self._decoded = _Kept(keep_bytes), _Kept(0)
        self._ways: dict[Path, Sequence[Preprocessing]] = {}
        self._digests: dict[Path, str] = {}
        self._depths: dict[Path, Depth] = {}

    def open(self, example: Example) -> Picture:
        """Opens a file, where it is not kept.

        Raises:
            ImageError: it cannot be opened.
        """
        if decoded := self._decoded.get(example.path):
            return decoded
        picture = self._files.get(example.path) or self._read(example.path)
        if not (ways := self._ways.get(example.path)):
            return picture
        try:
            return self._decoded.kept(example.path, picture.decoded(ways))
        except ImageError:
            return picture  # whoever asks for its pixels is told why

    def digest(self, example: Example) -> str:
        """SHA-256 of a file's bytes when it was first opened; empty where it cannot be."""
        try:
            return self._digests.get(example.path) or self.open(example).digest
        except ImageError:
            return ""

    def depth(self, example: Example) -> Depth:
        """What a file held of more than 8 bits when it was first opened; or an `ImageError`."""
        return self._depths.get(example.path) or self.open(example).depth

    def pixels_again(self, example: Example, preprocessing: Preprocessing) -> Pixels:
        """What the network is shown of a picture that could be read before, uint8 (H, W, 3).

        Raises:
            PicturesGoneError: it cannot be any more.
        """
        try:
            return self.open(example).pixels(preprocessing)
        except ImageError as error:
            raise pictures_gone(example.name, f"{error}") from error

    @contextmanager
    def shown_in(
        self, examples: Sequence[Example], ways: Sequence[Preprocessing]
    ) -> Iterator[None]:
        """Decodes each of these once, as far as they fit, however often it is shown.

        Args:
            examples: what is going to be shown.
            ways: in which, and in no others; all of one size.
        """
        self._ways, self._decoded = dict.fromkeys((e.path for e in examples), ways), _Kept(_PIXELS)
        try:
            yield
        finally:
            self._ways, self._decoded = {}, _Kept(0)

    def _read(self, path: Path) -> Picture:
        picture = Picture(self._read_bytes(path))
        self._digests[path], self._depths[path] = picture.digest, picture.depth
        return self._files.kept(path, picture)


class _Kept:
    """Pictures within a bound; what does not fit is not kept."""

    def __init__(self, size: int) -> None:
        self._left = size
        self._pictures: dict[Path, Picture] = {}
        self._lock = threading.Lock()

    def get(self, path: Path) -> Picture | None:
        return self._pictures.get(path)

    def kept(self, path: Path, picture: Picture) -> Picture:
        with self._lock:
            if picture.held <= self._left and path not in self._pictures:
                self._left -= picture.held
                self._pictures[path] = picture
        return picture


def pictures_gone(name: str, reason: str) -> PicturesGoneError:
    """What there is to say where a picture could be read before and cannot any more."""
    return PicturesGoneError(
        f"{name} could be read before, and cannot any more: {reason}. What was learned is kept in "
        "the folder of this run: when the pictures are back, go on with --resume and that folder"
    )


def readable_pixels(
    pictures: Pictures, examples: Sequence[Example], preprocessing: Preprocessing
) -> tuple[list[Example], Pixels]:
    """Of some examples those that can be read, and what the network is shown of them.

    Returns:
        M of N examples, and uint8 (M, H, W, 3).
    """

    def read(example: Example) -> Pixels | None:
        try:
            return pictures.open(example).pixels(preprocessing)
        except ImageError:
            return None  # the pass has named it, or will

    with ThreadPoolExecutor(granted_cores(), thread_name_prefix="pixels") as pool:
        read_ones = list(pool.map(read, examples))
    found = [e for e, pixels in zip(examples, read_ones, strict=True) if pixels is not None]
    shape = 0, preprocessing.height, preprocessing.width, 3
    whole = [pixels[None] for pixels in read_ones if pixels is not None]
    return found, np.concatenate([np.empty(shape, np.uint8), *whole])
