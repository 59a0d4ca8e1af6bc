"""Unfreeze and go on: the whole network learns, from where the frozen recipe ended.

Probe first, then fine-tune (Kumar et al., ICLR 2022): a head that already fits keeps the first
steps from tearing the pretrained features apart. Earlier layers learn more slowly (layer-wise
decay), BatchNorm stays in inference mode, the learning rate warms up and falls as a cosine, labels
are smoothed and gradients clipped. The weights with the best validation loss are the result.

A run that is killed goes on from its last finished epoch and ends with the same weights, bit for
bit on a CPU: order, chance and precision depend on settings and the device, not on the moment.
"""

import logging
import math
import signal
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import lightning.pytorch as pl
import torch
from lightning.pytorch.callbacks import Callback, EarlyStopping
from lightning.pytorch.loggers import TensorBoardLogger
from lightning.pytorch.strategies import DDPStrategy
from timm.optim import param_groups_layer_decay
from torch import Tensor, nn
from torch.nn import functional as F

from models.graph.classifier import Classifier
from models.preprocessing import Preprocessing
from models.quiet import quiet
from models.terminal import Advance, progress
from training.data.example import Example
from training.data.pictures import Pictures
from training.finetuning.augmentation import Batches, training_loader, validation_loader
from training.finetuning.checkpoints import BEST, LAST, AtomicCheckpoints, epoch_checkpoint
from training.finetuning.cluster import environment_of
from training.finetuning.plan import FineTuningPlan
from training.group import current_group
from training.settings import Augmentation

log = logging.getLogger(__name__)

Batch = tuple[Tensor, Tensor]

_CHECKPOINTS: Final = "checkpoints"

#: Its advice is for Lightning's own users; ours have chosen nothing that it speaks of.
_ADVISER: Final = "lightning.pytorch"


@dataclass(frozen=True)
class FineTuningTask:
    """What is to be learned from what.

    Attributes:
        training: the examples to learn from.
        validation: those that decide when to stop and which weights are best.
        classes: K.
        preprocessing: how pictures are framed and resized.
        pictures: opens their files.
        augmentation: how they are varied.
        seed: of all chance.
    """

    training: Sequence[Example]
    validation: Sequence[Example]
    classes: int
    preprocessing: Preprocessing
    pictures: Pictures
    augmentation: Augmentation
    seed: int


@dataclass(frozen=True)
class FineTuned:
    """How fine-tuning went; the classifier itself holds the best weights.

    Attributes:
        epochs: how many were finished.
        best_epoch: whose weights were kept, from 1.
        interrupted: whether Ctrl-C ended it.
        precision: what it computed with.
    """

    epochs: int
    best_epoch: int
    interrupted: bool
    precision: str


class InterruptedByUser(Exception):  # noqa: N818  as KeyboardInterrupt is no Error
    """Ctrl-C, at the end of a step."""


def fine_tune(
    classifier: Classifier, task: FineTuningTask, plan: FineTuningPlan, run_folder: Path
) -> FineTuned:
    """Trains all of a classifier, in place, and leaves it with its best weights.

    Goes on from the last finished epoch where the run folder holds a checkpoint.

    Args:
        classifier: backbone and fitted head.
        task: what to learn.
        plan: how long and how fast.
        run_folder: where checkpoints and TensorBoard's events go.

    Raises:
        OutputError: a checkpoint cannot be written; the last good one is still there.
    """
    folder = run_folder / _CHECKPOINTS
    precision = _precision()
    log.info(
        "fine-tuning on %d pictures, %d for validation: at most %d epochs of batches of %d, "
        "learning rate %.1e, %s",
        len(task.training), len(task.validation), plan.epochs, plan.batch_size,
        plan.learning_rate, precision,
    )  # fmt: skip
    trainer = _trainer(plan, precision, run_folder)
    interrupted = _fit(trainer, _Learner(classifier, task, plan), folder)
    return _with_best_weights(classifier, trainer, folder, (interrupted, precision))


def _trainer(plan: FineTuningPlan, precision: str, run_folder: Path) -> pl.Trainer:
    folder, group = run_folder / _CHECKPOINTS, current_group()
    with quiet(_ADVISER):
        return pl.Trainer(
            accelerator="cuda" if torch.cuda.is_available() else "cpu",
            devices=group.local_size,
            num_nodes=group.machines,
            # Static: some networks have parameters that their features do not depend on.
            strategy=DDPStrategy(static_graph=True) if group.size > 1 else "auto",
            use_distributed_sampler=False,  # ours gives each process its share
            max_epochs=plan.epochs,
            precision=precision,  # type: ignore[arg-type]
            callbacks=[
                EarlyStopping("validation/loss", patience=plan.patience),
                _Shown(plan),
                # In this order: the last one also holds what the best one has found.
                epoch_checkpoint(folder, BEST, monitor="validation/loss"),
                epoch_checkpoint(folder, LAST),
            ],
            logger=TensorBoardLogger(str(run_folder), name="", version=""),
            plugins=[AtomicCheckpoints(), environment_of(group)],
            gradient_clip_val=plan.gradient_clip,
            num_sanity_val_steps=0,
            log_every_n_steps=10,
            enable_progress_bar=False,
            enable_model_summary=False,
        )


class _Learner(pl.LightningModule):
    def __init__(self, classifier: Classifier, task: FineTuningTask, plan: FineTuningPlan) -> None:
        super().__init__()
        self.classifier = classifier
        self.task = task
        self.plan = plan
        counts = torch.zeros(task.classes)
        for example in task.training:
            counts[example.class_index] += 1
        weights = len(task.training) / (task.classes * counts)
        self.register_buffer("class_weights", weights, persistent=False)

    def on_train_epoch_start(self) -> None:
        # Whatever else draws random numbers (dropout) does so as in an unbroken run.
        torch.manual_seed(self.task.seed * 10_007 + self.current_epoch)
        self.classifier.train()
        for module in self.classifier.modules():
            is_norm = isinstance(module, nn.modules.batchnorm._BatchNorm)  # noqa: SLF001
            if is_norm and not self.plan.from_scratch:
                module.eval()

    def training_step(self, batch: Batch) -> Tensor:
        pixels, labels = batch
        losses = F.cross_entropy(
            self.classifier(pixels).float(),
            labels,
            weight=self.class_weights,  # type: ignore[arg-type]
            label_smoothing=self.plan.label_smoothing,
            reduction="none",
        )
        # Not torch's weighted mean: it depends on which classes a process's part of the batch has.
        loss = losses.mean()
        self.log("training/loss", loss)
        return loss

    def validation_step(self, batch: Batch) -> None:
        pixels, labels = batch
        logits = self.classifier(pixels).float()
        count = len(labels)
        # Smoothed as in training: else it is the smoothing that it measures.
        loss = F.cross_entropy(logits, labels, label_smoothing=self.plan.label_smoothing)
        self.log("validation/loss", loss, batch_size=count, on_epoch=True, sync_dist=True)
        right = (logits.argmax(1) == labels).float().mean()
        self.log("validation/accuracy", right, batch_size=count, on_epoch=True, sync_dist=True)

    def train_dataloader(self) -> Any:
        task = self.task
        batches = Batches(
            task.pictures, task.training, task.preprocessing, task.augmentation, task.seed
        )
        return training_loader(batches, self.plan.batch_size, task.seed)

    def val_dataloader(self) -> Any:
        task = self.task
        batches = Batches(task.pictures, task.validation, task.preprocessing)
        return validation_loader(batches, self.plan.batch_size)

    def configure_optimizers(self) -> Any:
        optimizer = torch.optim.AdamW(parameter_groups(self.classifier, self.plan))
        steps = int(self.trainer.estimated_stepping_batches)
        rise = max(1, round(steps * self.plan.warm_up))

        def factor(step: int) -> float:
            if step < rise:
                return (step + 1) / rise
            return 0.5 * (1 + math.cos(math.pi * (step - rise) / max(1, steps - rise)))

        schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, factor)
        return [optimizer], [{"scheduler": schedule, "interval": "step"}]


def parameter_groups(classifier: Classifier, plan: FineTuningPlan) -> list[dict[str, Any]]:
    """The head at the plan's rate, each layer of the backbone below it more slowly."""
    model: Any = classifier.backbone.model
    # Positions and class tokens, by timm's own word: they are no weights that multiply anything.
    kept = model.no_weight_decay() if hasattr(model, "no_weight_decay") else ()
    groups: list[dict[str, Any]] = param_groups_layer_decay(
        model,
        weight_decay=plan.weight_decay,
        no_weight_decay_list=kept,
        layer_decay=plan.layer_decay,
    )
    head = {"params": list(classifier.linear.parameters()), "weight_decay": plan.weight_decay}
    return [
        {**head, "lr": plan.learning_rate},
        *(
            {
                "params": group["params"],
                "weight_decay": group["weight_decay"],
                "lr": plan.learning_rate * group["lr_scale"] * plan.layer_decay,
            }
            for group in groups
        ),
    ]


def _fit(trainer: pl.Trainer, learner: _Learner, folder: Path) -> bool:
    """Trains, from the last checkpoint where there is one; whether Ctrl-C ended it."""
    last = folder / f"{LAST}.ckpt"
    if last.exists():
        log.info("going on from %s", last)
    # Layout of memory in which CPUs and GPUs convolve fastest (FIELD: 1.5 times on a CPU).
    learner.to(memory_format=torch.channels_last)
    try:
        with quiet(_ADVISER), _graceful_interrupt(trainer):
            trainer.fit(learner, ckpt_path=str(last) if last.exists() else None, weights_only=True)
    except InterruptedByUser:
        log.warning("interrupted; the best weights so far are kept")
        return True
    except SystemExit as ended:
        # Lightning's answer to a second Ctrl-C, which is the command's to tell of.
        raise KeyboardInterrupt from ended
    finally:
        learner.to(memory_format=torch.contiguous_format)
    return False


def _with_best_weights(
    classifier: Classifier, trainer: pl.Trainer, folder: Path, ended: tuple[bool, str]
) -> FineTuned:
    best = folder / f"{BEST}.ckpt"
    finished, best_epoch = 0, 0
    if best.exists():
        checkpoint = torch.load(best, map_location="cpu", weights_only=True)
        prefix = "classifier."
        classifier.load_state_dict(
            {k.removeprefix(prefix): v for k, v in checkpoint["state_dict"].items()}
        )
        finished, best_epoch = trainer.current_epoch, checkpoint["epoch"] + 1
    classifier.to("cpu").eval()
    interrupted, precision = ended
    if not interrupted and finished < (most := trainer.max_epochs or 0):
        log.info(
            "stopped early, after epoch %d of at most %d: the validation loss fell no more; the "
            "weights of epoch %d are kept",
            finished, most, best_epoch,
        )  # fmt: skip
    return FineTuned(finished, best_epoch, interrupted, precision)


class _Shown(Callback):
    """How far it is and how long it will take, from the first step on."""

    def __init__(self, plan: FineTuningPlan) -> None:
        self._plan = plan
        self._open = ExitStack()
        self._advance: Advance = lambda _: None

    def on_train_start(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        an_epoch = int(trainer.num_training_batches) * self._plan.batch_size
        self._advance = self._open.enter_context(
            progress("fine-tuning", self._plan.epochs * an_epoch, trainer.current_epoch * an_epoch)
        )

    def on_train_batch_end(self, *arguments: Any) -> None:
        batch: Batch = arguments[3]
        self._advance(len(batch[1]) * current_group().size)

    def on_validation_end(self, trainer: pl.Trainer, _: pl.LightningModule) -> None:
        seen = {k: float(v) for k, v in trainer.callback_metrics.items()}
        log.info(
            "epoch %d: validation loss %.4f, accuracy %.1f %%",
            trainer.current_epoch + 1,
            seen["validation/loss"],
            100 * seen["validation/accuracy"],
        )

    def teardown(self, *_: Any, **__: Any) -> None:
        self._open.close()


def _precision() -> str:
    """What to compute with: by what the device can do, never by a stopwatch.

    A measured choice would differ from run to run, and with it the result. On a CPU with bf16
    instructions a training step was 1.3 (MobileNetV2) to 2 times (ResNet-18) as fast in bf16; on
    one without them it is slower than fp32.
    """
    if torch.cuda.is_available():
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return "bf16-mixed" if has_bf16 else "16-mixed"
    able = torch.cpu.get_capabilities()
    return "bf16-mixed" if able.get("avx512_bf16") or able.get("amx_bf16") else "32-true"


@contextmanager
def _graceful_interrupt(trainer: pl.Trainer) -> Iterator[None]:
    """The first Ctrl-C ends the run after the current step; a second one ends it at once."""
    asked = _Asked()

    def end_after_step(*_: Any) -> None:
        signal.signal(signal.SIGINT, before)
        log.warning("stopping after this step (Ctrl-C again: at once)")
        asked.to_stop = True

    trainer.callbacks.append(asked)  # type: ignore[attr-defined]
    before = signal.signal(signal.SIGINT, end_after_step)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


class _Asked(Callback):
    """Whether to stop; all processes do so after the same step, or they would wait for ever."""

    def __init__(self) -> None:
        self.to_stop = False

    def on_train_batch_end(self, trainer: pl.Trainer, *_: Any) -> None:
        if trainer.strategy.reduce_boolean_decision(self.to_stop, all=False):
            raise InterruptedByUser
