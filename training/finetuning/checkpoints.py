"""Checkpoints that are whole or not there, whatever kills the process while they are written."""

from pathlib import Path
from typing import Any, Final

import torch
from lightning.pytorch.callbacks import ModelCheckpoint
from lightning.pytorch.plugins.io import TorchCheckpointIO

from models.errors import OutputError
from models.files import remove_partials, whole_file

LAST: Final = "last"
BEST: Final = "best"


def epoch_checkpoint(folder: Path, name: str, monitor: str | None = None) -> ModelCheckpoint:
    """Keeps one checkpoint: of the last epoch, or of the one with the smallest monitored value.

    It is written when its epoch is over for good: that is where one goes on.
    """
    return _InItsFolder(
        folder, name, monitor=monitor, save_on_train_epoch_end=True, enable_version_counter=False
    )


class _InItsFolder(ModelCheckpoint):
    """What was best is known, too, where the folder has been moved since."""

    def load_state_dict(self, state_dict: dict[str, Any]) -> None:
        folder = str(self.dirpath)

        def here(path: str) -> str:
            return path and str(Path(folder, Path(path).name))

        paths = {key: here(path) for key, path in state_dict.items() if key.endswith("model_path")}
        best = {here(path): score for path, score in state_dict["best_k_models"].items()}
        super().load_state_dict(state_dict | paths | {"dirpath": folder, "best_k_models": best})


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
        target = Path(path)
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            remove_partials(target)  # each kill would leave one, as large as the network
            with whole_file(target) as file:
                torch.save(checkpoint, file)
        # A full disk shows as a RuntimeError of torch's writer, or as an OSError.
        except (OSError, RuntimeError) as error:
            raise OutputError(
                f"the checkpoint {target} cannot be written: {error}. What was written before is "
                "still there; go on with --resume when there is room"
            ) from error
