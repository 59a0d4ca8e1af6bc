"""A checkpoint is whole or not there, and is found again where its folder has been moved."""

import resource
from pathlib import Path

import pytest
import torch

from models.errors import OutputError
from training.finetuning.checkpoints import BEST, LAST, AtomicCheckpoints, epoch_checkpoint


def test_a_full_disk_is_a_sentence_and_the_last_good_checkpoint_stays(tmp_path: Path) -> None:
    path = tmp_path / "last.ckpt"
    checkpoints = AtomicCheckpoints()
    checkpoints.save_checkpoint({"weight": torch.zeros(10)}, path)
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    # Python ignores SIGXFSZ: a write above the limit fails as one on a full disk does.
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(OutputError, match=r"last\.ckpt cannot be written"):
            checkpoints.save_checkpoint({"weight": torch.zeros(100_000)}, path)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))

    assert torch.load(path, weights_only=True)["weight"].shape == (10,)
    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_what_a_killed_process_left_of_a_checkpoint_goes_with_the_next(tmp_path: Path) -> None:
    """Each is as large as the network."""
    left = tmp_path / f".last.ckpt-{16 * '0'}.partial"
    left.write_bytes(b"half")

    AtomicCheckpoints().save_checkpoint({"weight": torch.zeros(1)}, tmp_path / "last.ckpt")

    assert [p.name for p in tmp_path.iterdir()] == ["last.ckpt"]


def test_a_folder_that_cannot_be_written_is_a_sentence_with_a_way_on(tmp_path: Path) -> None:
    (tmp_path / "file").touch()

    with pytest.raises(OutputError, match="go on with --resume when there is room"):
        AtomicCheckpoints().save_checkpoint({}, tmp_path / "file" / "last.ckpt")


def test_what_was_best_is_looked_for_where_the_folder_is_now(tmp_path: Path) -> None:
    here, there = (epoch_checkpoint(tmp_path / n, BEST, "loss") for n in ("here", "there"))
    best = f"{tmp_path}/here/best.ckpt"
    here.best_model_path, here.best_k_models = best, {best: torch.tensor(0.5)}

    there.load_state_dict(here.state_dict())

    moved = str(tmp_path / "there" / "best.ckpt")
    assert there.best_model_path == moved
    assert there.best_k_models == {moved: torch.tensor(0.5)}
    assert epoch_checkpoint(tmp_path, LAST).monitor is None
