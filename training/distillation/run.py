"""The story of a distillation, from pictures to a file of weights, top to bottom."""

import logging
import signal
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

import torch

from models.backbones.backbone import Backbone, load_backbone, untrained_backbone
from models.backbones.licences import check_licence
from models.backbones.weights import parse_weights, usual_weights
from models.errors import UsageError, WeightsError
from models.terminal import progress
from training.distillation.card import write_result
from training.distillation.learner import Learner
from training.distillation.pictures import Pictures, open_archive
from training.distillation.plan import make_plan
from training.distillation.settings import DistillationSettings
from training.finetuning.checkpoints import LAST, AtomicCheckpoints
from training.run_folder import SETTINGS_FILE, logged_to, make_run_folder, write_json

log = logging.getLogger(__name__)

#: Seconds between two checkpoints: what a kill can cost.
_CHECKPOINT_EVERY_S: Final = 120.0

#: Steps between two lines about the errors, and the parts of a run between two judgements.
_SAID_EVERY: Final = 100
_JUDGED_PARTS: Final = 10

#: Pictures that BatchNorm's statistics are taken from again.
_STATISTICS_PICTURES: Final = 512


def distil(settings: DistillationSettings, resumed: Path | None = None) -> dict[str, Any]:
    """Teaches a student, and writes its weights and a model card; returns `summary.json`'s content.

    Args:
        settings: what to do.
        resumed: the folder of a run that was cut off; it goes on there.

    Raises:
        TransferError: with a sentence for the user, and `exit_code`.
        KeyboardInterrupt: asked to stop, at the end of a step; all is stored, the run can go on.
    """
    archive = open_archive(settings.data)
    teacher = _load_teacher(settings)
    torch.manual_seed(settings.seed)
    student = untrained_backbone(settings.student)
    run_folder = resumed or make_run_folder(settings.out, settings.run_name)
    with logged_to(run_folder):
        write_json(run_folder / SETTINGS_FILE, settings.as_json())
        pictures = Pictures(archive, settings.crop, settings.last_crop, settings.seed)
        log.info(
            "%d pictures to learn from, %d held out, %d files left out",
            len(pictures.names), len(pictures.held_out), len(pictures.left_out),
        )  # fmt: skip
        run = _Run(settings, run_folder, pictures, Learner(teacher, student))
        return write_result(run_folder, settings, run.go(), run.history, pictures)


def _load_teacher(settings: DistillationSettings) -> Backbone:
    """The network that teaches; a UsageError where it cannot be had or knows nothing."""
    try:
        weights = parse_weights(settings.teacher_weights) or usual_weights(settings.teacher)
        check_licence(settings.teacher, weights, settings.accept_licence)
        teacher = load_backbone(settings.teacher, weights)
    except WeightsError as error:
        raise WeightsError(f"{error} (of a teacher: --teacher-weights)") from error
    if teacher.is_random:
        raise UsageError(
            f"--teacher {settings.teacher} with random weights knows nothing to teach: "
            "give --teacher-weights imagenet or a file"
        )
    return teacher


class _Run:
    """A learner on its way through the plan; `history` is what the model card tells of that."""

    def __init__(
        self, settings: DistillationSettings, folder: Path, pictures: Pictures, learner: Learner
    ) -> None:
        self._settings, self._pictures, self._learner = settings, pictures, learner
        self._checkpoint = folder / "checkpoints" / f"{LAST}.ckpt"
        self._step = 0
        self._joined_at = None if learner.can_learn_blockwise else 0
        self.history: dict[str, Any] = {"pictures_planned": [], "curve": []}
        self._restore()
        self._plan = make_plan(
            settings.pictures, settings.batch_size, (settings.crop, settings.last_crop),
            self._joined_at,
        )  # fmt: skip
        self._note_plan()

    def go(self) -> Backbone:
        """Every step that is left, to the student with its averaged weights."""
        plan = self._plan
        sizes = [plan.crop(step) for step in range(self._step, plan.steps)]
        batches = self._pictures.batches(self._step, sizes, plan.batch_size)
        done, total = plan.megapixels(0, self._step), plan.megapixels(0, plan.steps)
        stored = time.monotonic()
        with (
            _asked_to_stop() as asked,
            progress("distilling (megapixels)", round(total), round(done)) as advance,
        ):
            for images in batches:
                self._one_step(images)
                advance(images[:, 0].numel() / 1e6)
                if asked.is_set() or time.monotonic() - stored > _CHECKPOINT_EVERY_S:
                    self._store()
                    stored = time.monotonic()
                if asked.is_set():
                    raise KeyboardInterrupt("stopped; --resume goes on from here")
        self._store()
        return self._learner.result(self._for_statistics(8 * _STATISTICS_PICTURES)).to("cpu")

    def _one_step(self, images: torch.Tensor) -> None:
        plan, step = self._plan, self._step
        if plan.is_joined(step) and not self._learner.is_joined:
            self._join()
        torch.manual_seed(self._settings.seed * 10_007 + step)  # dropout, where there is any
        errors = self._learner.learn(images, plan.rate(step))
        self._step += 1
        if self._step % _SAID_EVERY == 0:
            log.info("%s: relative error of %s", self._place(), _shown(errors))
        if self._step % max(1, plan.steps // _JUDGED_PARTS) == 0 and self._learner.is_joined:
            self._judge()

    def _join(self) -> None:
        log.info("%s: the blocks are joined", self._place())
        self._joined_at = self._step
        self._learner.retake_statistics(self._learner.student, self._for_statistics())
        self._learner.join()
        self._judge()
        self._store()

    def _judge(self) -> None:
        network = self._learner.result(self._for_statistics())
        batch = self._plan.batch_size
        held_out = self._pictures.held_out_batches(network.preprocessing, batch)
        error = self._learner.distance(network, held_out)
        self.history["curve"].append({"pictures": self._shown, "error": round(error, 4)})
        log.info("%s: held-out pictures, pooled features: %.4f", self._place(), error)

    def _for_statistics(self, count: int = _STATISTICS_PICTURES) -> Iterator[torch.Tensor]:
        size, batch = self._settings.last_crop, self._settings.batch_size
        steps = max(1, min(count, 4 * len(self._pictures.names)) // batch)
        return self._pictures.batches(0, [size] * steps, batch)

    @property
    def _shown(self) -> int:
        return self._step * self._settings.batch_size

    def _place(self) -> str:
        return f"picture {self._shown:,} of {self._plan.steps * self._plan.batch_size:,}"

    def _note_plan(self) -> None:
        """A run may go on with more or fewer pictures than planned: that is said and kept."""
        planned: list[dict[str, int]] = self.history["pictures_planned"]
        total = self._settings.pictures
        if self._plan.steps <= self._step and self._step:
            raise UsageError(
                f"--pictures {total}: this run has already shown {self._shown}; name more"
            )
        if planned and planned[-1]["pictures"] != total:
            log.warning(
                "this run goes on with %d pictures in all instead of %d: rates and crops follow "
                "the new plan from picture %d on", total, planned[-1]["pictures"], self._shown,
            )  # fmt: skip
        if not planned or planned[-1]["pictures"] != total:
            planned.append({"from": self._shown, "pictures": total})

    def _store(self) -> None:
        content = {
            "step": self._step,
            "joined_at": self._joined_at,
            "history": self.history,
            "learner": self._learner.state(),
        }
        AtomicCheckpoints().save_checkpoint(content, self._checkpoint)

    def _restore(self) -> None:
        if not self._checkpoint.exists():
            return
        found = torch.load(self._checkpoint, map_location="cpu", weights_only=True)
        self._step, self._joined_at = found["step"], found["joined_at"]
        self.history = found["history"]
        self._learner.restore(found["learner"])
        log.info("going on from picture %d", self._shown)


@contextmanager
def _asked_to_stop() -> Iterator[threading.Event]:
    """Ctrl-C and a request to terminate end the run after the current step, stored."""
    asked = threading.Event()
    # Nothing is said in there: a line of the log may be half written at that moment.
    asking = (signal.SIGINT, signal.SIGTERM)
    before = {number: signal.signal(number, lambda *_: asked.set()) for number in asking}
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _shown(errors: dict[str, float]) -> str:
    return ", ".join(f"{what} {error:.3f}" for what, error in errors.items())
