"""Pictures as the network meets them while it is fine-tuned: never twice quite the same.

Each picture's chance is drawn from (seed, epoch, picture) alone, so that a run that was killed and
resumed sees exactly what an unbroken one would have seen.
"""

import math
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Final

import numpy as np
import torch
from torch import Tensor
from torch.utils.data import DataLoader, Dataset, Sampler
from torchvision.transforms import v2

import models.backbones  # noqa: F401  makes torchvision importable
from models.cores import granted_cores
from models.preprocessing import Pixels, Preprocessing
from training.data.example import Example
from training.data.pictures import Pictures
from training.group import share_of, size
from training.settings import Augmentation

#: Room around the crop for the random part of it: pictures are read this much larger.
_MARGIN: Final = 1.15

#: What a loader asks for: (epoch, position of the example).
Key = tuple[int, int]


def transform_of(augmentation: Augmentation, preprocessing: Preprocessing) -> v2.Transform:
    """The random part: uint8 (3, H', W') → uint8 (3, H, W).

    `none`: nothing. `mild`: crops, mirroring left to right, brightness and colour; for things that
    have an upright. `strong`: any rotation and mirroring too; for things that lie as they fall.
    """
    size = (preprocessing.height, preprocessing.width)
    if augmentation == "none":
        return v2.Identity()
    turns: list[v2.Transform] = [v2.RandomHorizontalFlip()]
    if augmentation == "strong":
        turns += [v2.RandomVerticalFlip(), v2.RandomRotation(180, fill=127)]
    return v2.Compose(
        [
            *turns,
            v2.RandomResizedCrop(size, scale=(0.6, 1.0), ratio=(0.8, 1.25), antialias=True),
            v2.ColorJitter(brightness=0.2, contrast=0.2, saturation=0.2),
        ]
    )


class Batches(Dataset[tuple[Tensor, Tensor]]):
    """Examples as batches: pixels uint8 (N, H, W, 3) and labels int64 (N,).

    Decoding runs in threads: worker processes hang or die where /dev/shm is small (pytorch#1355).
    A picture that was readable and is gone is a `PicturesGoneError`.
    """

    def __init__(
        self,
        pictures: Pictures,
        examples: Sequence[Example],
        preprocessing: Preprocessing,
        augmentation: Augmentation = "none",
        seed: int = 0,
    ) -> None:
        self._pictures = pictures
        self._examples = examples
        self._seed = seed
        self._transform = transform_of(augmentation, preprocessing)
        self._preprocessing = preprocessing
        if augmentation != "none":
            self._preprocessing = replace(
                preprocessing,
                height=math.ceil(preprocessing.height * _MARGIN),
                width=math.ceil(preprocessing.width * _MARGIN),
            )
        self._threads = ThreadPoolExecutor(granted_cores(), thread_name_prefix="pictures")

    def __len__(self) -> int:
        """How many examples there are."""
        return len(self._examples)

    def __getitems__(self, keys: Sequence[Key]) -> list[tuple[Tensor, Tensor]]:
        """Reads a batch; torch's loader prefers this to one `__getitem__` after the other."""
        images = self._threads.map(self._read, (index for _, index in keys))
        return [
            (self._vary(image, key), torch.tensor(self._examples[key[1]].class_index))
            for image, key in zip(images, keys, strict=True)
        ]

    def _read(self, index: int) -> Pixels:
        return self._pictures.pixels_again(self._examples[index], self._preprocessing)

    def _vary(self, image: Pixels, key: Key) -> Tensor:
        chance = np.random.SeedSequence([self._seed, *key]).generate_state(1)[0]
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(int(chance))
            varied: Tensor = self._transform(torch.from_numpy(image.copy()).permute(2, 0, 1))
        return varied.permute(1, 2, 0)


class _Order(Sampler[Key]):
    """Our process's share of all positions, in one order that all processes have.

    Each takes every n-th of them: their batches together are those of a single process with n
    times the batch size. Lightning tells the epoch.
    """

    def __init__(self, count: int, seed: int | None, used: int) -> None:
        """Makes the order.

        Args:
            count: how many positions there are.
            seed: of a new order in every epoch; None: their own order.
            used: how many of them an epoch takes.
        """
        self._count, self._seed, self._used, self._epoch = count, seed, used, 0

    def set_epoch(self, epoch: int) -> None:
        self._epoch = epoch

    def __len__(self) -> int:
        return len(share_of(range(self._used)))

    def __iter__(self) -> Iterator[Key]:
        order = np.arange(self._count)
        if self._seed is not None:
            np.random.default_rng([self._seed, self._epoch]).shuffle(order)
        return ((self._epoch, int(index)) for index in share_of(order.tolist()[: self._used]))


def training_loader(
    batches: Batches, batch_size: int, seed: int
) -> DataLoader[tuple[Tensor, Tensor]]:
    """Shuffled batches; a last, smaller one is dropped where there are others.

    Args:
        batches: what to learn from.
        batch_size: pictures a step, of all processes together.
        seed: of the order.
    """
    count = len(batches)
    used = count // batch_size * batch_size or count
    return DataLoader(batches, batch_size // size(), sampler=_Order(count, seed, used))


def validation_loader(batches: Batches, batch_size: int) -> DataLoader[tuple[Tensor, Tensor]]:
    """Batches in the examples' own order; `batch_size` of all processes together."""
    count = len(batches)
    return DataLoader(batches, batch_size // size(), sampler=_Order(count, None, count))
