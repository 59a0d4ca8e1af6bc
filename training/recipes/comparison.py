"""Fine-tuned against probe, on pictures that decide and judge nothing else."""

import logging
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from sklearn.metrics import log_loss

from training.evaluation import Probabilities, gain_interval

log = logging.getLogger(__name__)

Rows = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Comparison:
    """Fine-tuned against probe on the validation part.

    Attributes:
        probe_accuracy: of the head on frozen features.
        tuned_accuracy: of the fine-tuned network.
        gain: the difference of the two.
        gain_interval: of that difference, at 95 %: McNemar's exact test, turned round.
        probe_log_loss: decides, too.
        tuned_log_loss: the same of the fine-tuned network.
        pictures: how many there are in the validation part.
    """

    probe_accuracy: float
    tuned_accuracy: float
    gain: float
    gain_interval: tuple[float, float]
    probe_log_loss: float
    tuned_log_loss: float
    pictures: int

    @property
    def is_tuned_better(self) -> bool:
        """Whether it is right more often by more than chance, and not surer where it is wrong."""
        return self.gain_interval[0] > 0 and self.tuned_log_loss <= self.probe_log_loss


def compare(
    probe: Probabilities, tuned: Probabilities, labels: Rows, groups: Rows | None = None
) -> Comparison:
    """Compares two answers to the same pictures.

    Args:
        probe: float32 (N, K).
        tuned: float32 (N, K).
        labels: int64 (N,).
        groups: int64 (N,), which pictures belong together; default: none.
    """
    groups = np.arange(len(labels)) if groups is None else groups
    right = [(answers.argmax(1) == labels).astype(float) for answers in (probe, tuned)]
    every = range(probe.shape[1])
    losses = [float(log_loss(labels, answers, labels=every)) for answers in (probe, tuned)]
    return Comparison(
        probe_accuracy=float(right[0].mean()),
        tuned_accuracy=float(right[1].mean()),
        gain=float((right[1] - right[0]).mean()),
        gain_interval=gain_interval(right[1] - right[0], groups),
        probe_log_loss=losses[0],
        tuned_log_loss=losses[1],
        pictures=len(labels),
    )


def log_comparison(comparison: Comparison, recipe: str) -> None:
    """Says which of the two is exported, and how sure one can be that it is the better."""
    low, high = comparison.gain_interval
    log.info(
        "on %d validation pictures: frozen %.1f %%, %s %.1f %% "
        "(%+.1f points, 95 %% interval %+.1f to %+.1f); the %s network is exported",
        comparison.pictures,
        100 * comparison.probe_accuracy,
        recipe,
        100 * comparison.tuned_accuracy,
        100 * comparison.gain,
        100 * low,
        100 * high,
        recipe if comparison.is_tuned_better else "frozen",
    )
