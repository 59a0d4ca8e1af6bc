"""Pictures for a student: from a folder or an archive, in crops that no chance repeats.

Every picture is decoded once before anything is learned, so that those that cannot be read are
named and left out; as many as fit into `KEPT_BYTES` stay in memory. Which pictures a step shows and
how they are cropped is drawn from (seed, position) alone: a run that goes on sees what an unbroken
one would have seen.
"""

import logging
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import chain, count, islice, pairwise
from pathlib import Path
from typing import Final

import numpy as np
import numpy.typing as npt
import torch
from PIL import Image
from torch import Tensor

from models.cores import granted_cores
from models.errors import DataFolderError, ImageError
from models.preprocessing import Preprocessing, decode_image
from models.terminal import progress
from training.data.tree import list_tree

log = logging.getLogger(__name__)

#: Decoded pictures that are kept in memory; those beyond are decoded whenever they are shown.
KEPT_BYTES: Final = 4_000_000_000

#: Pictures are kept somewhat larger than the largest crop.
_MARGIN: Final = 1.15

#: A crop shows this part of a picture's area at least, and its sides differ by this factor at most.
_SMALLEST_PART: Final = 0.3
_WIDEST: Final = 4 / 3

#: Of the pictures this part, and no more than so many, are never learned from.
_HELD_OUT_PART, _MOST_HELD_OUT = 0.05, 400

_NAMED: Final = 10


@dataclass(frozen=True)
class Archive:
    """Files by name, in a fixed order."""

    names: Sequence[str]
    read: Callable[[str], bytes]


def open_archive(path: Path) -> Archive:
    """Lists the files of a folder (and the folders in it), or of a zip or tar archive.

    Raises:
        DataFolderError: there is neither, or the archive is broken.
    """
    tree = list_tree(path)
    by_name = {"/".join(names): names for names in tree.top.below()}
    return Archive(sorted(by_name), lambda name: tree.read(tree.path(by_name[name])))


class Pictures:
    """The readable pictures of an archive, those to learn from and those held out.

    Of the files that are no pictures or broken ones, `left_out` says why.
    """

    def __init__(self, archive: Archive, crop: int, last_crop: int, seed: int) -> None:
        self._archive, self._seed = archive, seed
        self._kept_side = round(_MARGIN * last_crop)
        self._pool = ThreadPoolExecutor(granted_cores(), thread_name_prefix="pictures")
        self._kept: dict[str, npt.NDArray[np.uint8]] = {}
        self.left_out: dict[str, str] = {}
        sides = self._read_all()
        if len(sides) < 2:
            raise DataFolderError(
                f"--data: {len(archive.names)} files, {len(sides)} pictures among them; "
                "a student needs at least 2, and learns little from fewer than some thousand"
            )
        names = sorted(sides)
        order = np.random.default_rng([seed, 0]).permutation(len(names))
        aside = max(1, min(_MOST_HELD_OUT, int(_HELD_OUT_PART * len(names))))
        self.held_out = [names[i] for i in sorted(order[:aside])]
        self.names = [names[i] for i in sorted(order[aside:])]
        # A picture smaller than a crop is shown blurred: the less of it there is, the more seldom.
        shares = np.array([min(1.0, (sides[name] / crop) ** 2) for name in self.names])
        self._shares = shares / shares.max()

    def batches(self, first: int, sizes: Sequence[int], batch_size: int) -> Iterator[Tensor]:
        """Crops, uint8 (N, 3, size, size), of the steps from `first` on, one of each size."""
        shown = islice(enumerate(self._order()), first * batch_size, None)
        asked = (
            self._pool.map(partial(self._crop, size), islice(shown, batch_size)) for size in sizes
        )
        # In pairs: the next ones are made while the student learns from these.
        for these, _ in pairwise(chain(asked, [()])):
            yield _as_tensor([*these])

    def held_out_batches(self, preprocessing: Preprocessing, batch_size: int) -> Iterator[Tensor]:
        """The held-out pictures as a network is shown them, uint8 (N, 3, H, W)."""
        for begin in range(0, len(self.held_out), batch_size):
            part = self.held_out[begin : begin + batch_size]
            images = self._pool.map(self._image, part)
            yield _as_tensor([preprocessing.pixels(Image.fromarray(i)) for i in images])

    def _order(self) -> Iterator[int]:
        """Positions of pictures, shuffled anew each time over."""
        for epoch in count():
            rng = np.random.default_rng([self._seed, 1, epoch])
            chosen = np.flatnonzero(rng.random(len(self.names)) < self._shares)
            yield from rng.permutation(chosen).tolist()

    def _crop(self, size: int, shown: tuple[int, int]) -> npt.NDArray[np.uint8]:
        position, index = shown
        rng = np.random.default_rng([self._seed, 2, position])
        image = Image.fromarray(self._image(self.names[index]))
        box = random_box(image.size, rng)
        pixels = np.asarray(image.resize((size, size), Image.Resampling.BICUBIC, box=box))
        return pixels[:, ::-1] if rng.random() < 0.5 else pixels

    def _image(self, name: str) -> npt.NDArray[np.uint8]:
        kept = self._kept.get(name)
        return self._decode(name) if kept is None else kept

    def _decode(self, name: str) -> npt.NDArray[np.uint8]:
        """Uint8 (H, W, 3), its short side no larger than is needed."""
        image = decode_image(self._archive.read(name), smallest=self._kept_side)
        scale = self._kept_side / min(image.size)
        if scale < 1:
            width, height = (round(scale * side) for side in image.size)
            image = image.resize((width, height), Image.Resampling.BICUBIC)
        return np.asarray(image)

    def _read_all(self) -> dict[str, int]:
        """Short sides by name; fills what is kept and what is left out."""
        sides: dict[str, int] = {}
        kept_bytes = 0
        with progress("reading pictures", len(self._archive.names)) as advance:
            for name, found in self._pool.map(self._tried, self._archive.names):
                advance(1)
                if isinstance(found, str):
                    self.left_out[name] = found
                    continue
                sides[name] = min(found.shape[:2])
                kept_bytes += found.nbytes
                if kept_bytes <= KEPT_BYTES:
                    self._kept[name] = found
        for name in sorted(self.left_out)[:_NAMED]:
            log.warning("left out: %s: %s", name, self.left_out[name])
        if len(self.left_out) > _NAMED:
            log.warning("left out: %d more", len(self.left_out) - _NAMED)
        return sides

    def _tried(self, name: str) -> tuple[str, npt.NDArray[np.uint8] | str]:
        try:
            return name, self._decode(name)
        except ImageError as error:
            return name, str(error)


def random_box(
    size: tuple[int, int], rng: np.random.Generator
) -> tuple[float, float, float, float]:
    """A part of a picture of (width, height): left, top, right, bottom in pixels."""
    width, height = size
    area = rng.uniform(_SMALLEST_PART, 1.0) * width * height
    ratio = float(np.exp(rng.uniform(-np.log(_WIDEST), np.log(_WIDEST))))
    wide = min(float(width), float(np.sqrt(area * ratio)))
    high = min(float(height), float(np.sqrt(area / ratio)))
    left, top = rng.uniform(0, width - wide), rng.uniform(0, height - high)
    return left, top, min(left + wide, width), min(top + high, height)


def _as_tensor(images: Sequence[npt.NDArray[np.uint8]]) -> Tensor:
    return torch.from_numpy(np.stack(images)).permute(0, 3, 1, 2)
