"""How long and how fast to fine-tune: one pure function of the size of the data set."""

import math
from dataclasses import dataclass

from training.settings import Augmentation

#: About as many pictures are shown in all, however many there are: a small set is gone over often.
_SHOWN = 8000
_SHOWN_FROM_SCRATCH = 50_000

#: Fewest and most epochs.
_EPOCHS = (4, 20)
_EPOCHS_FROM_SCRATCH = (30, 100)


@dataclass(frozen=True)
class FineTuningOptions:
    """What was asked of fine-tuning; None: what the rule says.

    Attributes:
        epochs: at most.
        learning_rate: of the head.
        batch_size: pictures a step, of all processes together.
        augmentation: how pictures are varied.
    """

    epochs: int | None = None
    learning_rate: float | None = None
    batch_size: int | None = None
    augmentation: Augmentation = "mild"


@dataclass(frozen=True)
class FineTuningPlan:
    """What fine-tuning does, all of it.

    Attributes:
        epochs: at most; early stopping may end it before.
        batch_size: pictures a step, over all devices.
        learning_rate: of the head, at its peak (AdamW).
        layer_decay: each layer below learns this much slower than the one above it.
        weight_decay: of weights, not of biases and norms.
        warm_up: the part of all steps in which the learning rate rises; then it falls as a cosine.
        label_smoothing: probability mass that is spread over all classes.
        gradient_clip: largest norm of a step's gradient.
        patience: epochs without a better validation loss after which it stops.
        from_scratch: whether nothing has been learned yet: BatchNorm's statistics then follow the
            batches (pretrained ones stay), and the last layer begins at zero.
    """

    epochs: int
    batch_size: int
    learning_rate: float
    layer_decay: float = 0.8
    weight_decay: float = 0.02
    warm_up: float = 0.1
    label_smoothing: float = 0.1
    gradient_clip: float = 1.0
    patience: int = 4
    from_scratch: bool = False


def plan_fine_tuning(
    pictures: int, options: FineTuningOptions, *, from_scratch: bool, processes: int = 1
) -> FineTuningPlan:
    """A plan that works without a search; what was asked for goes before the rule.

    Args:
        pictures: how many there are to learn from.
        options: what was asked for.
        from_scratch: whether the network has random weights.
        processes: how many share each batch.
    """
    size = options.batch_size or _batch_size(pictures, processes)
    fewest, most = _EPOCHS_FROM_SCRATCH if from_scratch else _EPOCHS
    shown = _SHOWN_FROM_SCRATCH if from_scratch else _SHOWN
    epochs = options.epochs or min(max(round(shown / pictures), fewest), most)
    # AdamW's best rate grows with the square root of the batch size.
    rate = (1e-3 if from_scratch else 2e-4) * (size / 16) ** 0.5
    return FineTuningPlan(
        epochs=epochs,
        batch_size=size,
        learning_rate=options.learning_rate or rate,
        # What has learned nothing yet has nothing to keep.
        layer_decay=1.0 if from_scratch else 0.8,
        patience=max(4, epochs // 4),
        from_scratch=from_scratch,
    )


def _batch_size(pictures: int, processes: int) -> int:
    """Of all processes together; a multiple of their number."""
    size = 16 if pictures < 2000 else 32 if pictures < 20_000 else 64
    return math.ceil(size / processes) * processes
