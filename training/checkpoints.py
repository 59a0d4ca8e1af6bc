"""Checkpoints that are whole or not there, whatever kills the process while they are written."""

import os
from pathlib import Path
from typing import Any, Final

import torch
from lightning.pytorch.plugins.io import TorchCheckpointIO

from models.errors import OutputError

LAST: Final = "last"
BEST: Final = "best"


class AtomicCheckpoints(TorchCheckpointIO):
    """Writes beside the old checkpoint and puts the new one in its place when it is on the disk."""

    def save_checkpoint(
        self,
        checkpoint: dict[str, Any],
        path: str | Path,
        storage_options: Any = None,  # noqa: ARG002  Lightning's signature
    ) -> None:
        """Saves a checkpoint.

        Raises:
            OutputError: the disk is full or the folder cannot be written; the old one stays.
        """
        target, partial = Path(path), Path(f"{path}.partial")
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            with partial.open("wb") as file:
                torch.save(checkpoint, file)
                file.flush()
                os.fsync(file.fileno())
            partial.replace(target)
        # A full disk shows as a RuntimeError of torch's writer, or as an OSError.
        except (OSError, RuntimeError) as error:
            partial.unlink(missing_ok=True)
            raise OutputError(
                f"the checkpoint {target} cannot be written: {error}. What was written before is "
                "still there; go on with --resume when there is room"
            ) from error
