"""How pictures are varied follows from seed, epoch and picture, and from nothing else."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from models.errors import PicturesGoneError
from models.preprocessing import Preprocessing, read_pixels
from training.data.example import Example
from training.data.folder import scan_folder
from training.data.pictures import Pictures
from training.finetuning.augmentation import (
    Batches,
    training_loader,
    transform_of,
    validation_loader,
)
from training.group import Group, member_of
from training.settings import Augmentation

SHOWN = Preprocessing(32, 24)


@pytest.fixture(scope="module")
def examples(pets: Path) -> tuple[Example, ...]:
    return scan_folder(pets).examples


def batches_of(
    examples: tuple[Example, ...], augmentation: Augmentation = "none", seed: int = 0
) -> Batches:
    return Batches(Pictures(), examples, SHOWN, augmentation, seed)


def test_without_augmentation_a_picture_is_what_the_network_is_shown(
    examples: tuple[Example, ...],
) -> None:
    found = batches_of(examples).__getitems__([(0, 3), (5, 20)])

    for (pixels, label), example in zip(found, (examples[3], examples[20]), strict=True):
        expected = read_pixels(example.path.read_bytes(), SHOWN)
        np.testing.assert_array_equal(pixels.numpy(), expected)
        assert int(label) == example.class_index


@pytest.mark.parametrize("augmentation", ["none", "mild", "strong"])
def test_a_varied_picture_is_as_large_as_the_network_takes_it(
    augmentation: Augmentation, examples: tuple[Example, ...]
) -> None:
    image = torch.zeros((3, 40, 30), dtype=torch.uint8)

    varied = transform_of(augmentation, SHOWN)(image)
    ((pixels, _),) = batches_of(examples, augmentation).__getitems__([(0, 0)])

    assert varied.dtype == pixels.dtype == torch.uint8
    assert varied.shape == ((3, 40, 30) if augmentation == "none" else (3, 32, 24))
    assert pixels.shape == (32, 24, 3)


@pytest.mark.parametrize(("augmentation", "turns"), [("mild", False), ("strong", True)])
def test_what_has_an_upright_keeps_it_unless_strong_is_asked_for(
    augmentation: Augmentation, turns: bool
) -> None:
    """The upper half of the picture is bright."""
    image = torch.full((3, 40, 30), 20, dtype=torch.uint8)
    image[:, :20] = 220
    transform = transform_of(augmentation, SHOWN)
    torch.manual_seed(0)

    varied = [transform(image).float() for _ in range(30)]

    upside_down = [bool(v[:, :8].mean() < v[:, -8:].mean()) for v in varied]
    assert any(upside_down) == turns
    assert not all(upside_down)


def test_chance_is_of_seed_epoch_and_picture_alone(examples: tuple[Example, ...]) -> None:
    batches = batches_of(examples, "mild")
    state = torch.random.get_rng_state()

    ((once, _),) = batches.__getitems__([(1, 4)])
    *_, (again, _) = batches.__getitems__([(1, 2), (0, 4), (1, 4)])
    ((later, _),) = batches.__getitems__([(2, 4)])
    ((other, _),) = batches_of(examples, "mild", seed=1).__getitems__([(1, 4)])

    assert torch.equal(once, again)
    assert not torch.equal(once, later)
    assert not torch.equal(once, other)
    assert torch.equal(state, torch.random.get_rng_state())


def test_a_picture_that_is_gone_is_a_sentence(class_folder: Path) -> None:
    examples = scan_folder(class_folder).examples
    batches = batches_of(examples)
    examples[2].path.unlink()

    with pytest.raises(PicturesGoneError, match=r"cat/cat_02\.png could be read .*--resume"):
        batches.__getitems__([(0, 1), (0, 2)])


def order_of(loader: torch.utils.data.DataLoader[tuple[torch.Tensor, torch.Tensor]]) -> list[int]:
    """Which examples come, by a picture of one colour for each."""
    return [int(pixels[0, 0, 0]) for batch, _ in loader for pixels in batch]


@pytest.fixture(scope="module")
def numbered(tmp_path_factory: pytest.TempPathFactory) -> Batches:
    root = tmp_path_factory.mktemp("numbered")
    examples = [Example(root / f"{n}.png", f"{n}.png", n % 2, None) for n in range(10)]
    for number, example in enumerate(examples):
        Image.new("RGB", (8, 8), (number, 0, 0)).save(example.path)
    return Batches(Pictures(), examples, replace(SHOWN, framing="squash"))


def test_every_epoch_has_an_order_of_its_own_and_drops_a_smaller_last_batch(
    numbered: Batches,
) -> None:
    loader = training_loader(numbered, 4, seed=3)
    orders = []
    for epoch in (0, 1, 0):
        loader.sampler.set_epoch(epoch)  # type: ignore[attr-defined]
        orders.append(order_of(loader))

    assert len(numbered) == 10
    assert [len(set(order)) for order in orders] == [8, 8, 8]
    assert orders[0] == orders[2] != orders[1]
    assert order_of(training_loader(numbered, 4, seed=4)) != orders[0]


def test_a_batch_that_is_the_only_one_is_not_dropped(numbered: Batches) -> None:
    assert sorted(order_of(training_loader(numbered, 16, seed=0))) == list(range(10))


def test_validation_takes_all_in_their_own_order(numbered: Batches) -> None:
    loader = validation_loader(numbered, 4)

    assert order_of(loader) == list(range(10))
    assert [len(labels) for _, labels in loader] == [4, 4, 2]


def test_batches_of_two_processes_together_are_those_of_one(numbered: Batches) -> None:
    alone = order_of(training_loader(numbered, 4, seed=3))
    shares = []
    for rank in range(2):
        with member_of(Group(rank, 2, rank, 2), lambda mine: [mine]):
            shares.append(order_of(training_loader(numbered, 4, seed=3)))

    assert [len(share) for share in shares] == [4, 4]
    for step in range(2):
        together = [*shares[0][2 * step : 2 * step + 2], *shares[1][2 * step : 2 * step + 2]]
        assert sorted(together) == sorted(alone[4 * step : 4 * step + 4])
