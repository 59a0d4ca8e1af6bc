"""How long and how fast to fine-tune: one pure function of the size of the data set."""

from dataclasses import asdict, dataclass

#: About as many pictures are shown in all, however many there are: a small set is gone over often.
_PICTURES_SHOWN = 8000

_FEWEST_EPOCHS, _MOST_EPOCHS = 4, 20


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

    def as_json(self) -> dict[str, float]:
        """The plan, for `summary.json`."""
        return asdict(self)


def plan_fine_tuning(
    pictures: int,
    epochs: int | None = None,
    learning_rate: float | None = None,
    batch_size: int | None = None,
) -> FineTuningPlan:
    """A plan that works without a search.

    Args:
        pictures: how many there are to learn from.
        epochs: overrides the rule.
        learning_rate: overrides the rule.
        batch_size: overrides the rule.
    """
    shown = round(_PICTURES_SHOWN / pictures)
    size = batch_size or (16 if pictures < 2000 else 32 if pictures < 20_000 else 64)
    return FineTuningPlan(
        epochs=epochs or min(max(shown, _FEWEST_EPOCHS), _MOST_EPOCHS),
        batch_size=size,
        # AdamW's best rate grows with the square root of the batch size.
        learning_rate=learning_rate or 2e-4 * (size / 16) ** 0.5,
    )
