"""Student, teacher and optimiser: all that learns, as one thing that can be stored and restored."""

import copy
import logging
from collections.abc import Iterable
from typing import Any

import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn, update_bn

from models.backbones.backbone import Backbone, Normalisation
from training.distillation.lessons import Lesson, Mapped, Views, lessons_for, relative_error

log = logging.getLogger(__name__)

#: The averaged weights forget at this rate a step: they look back over some hundreds.
_AVERAGE_DECAY = 0.995

#: Block by block, scales and biases learn this much faster than weights: a fresh BatchNorm gives
#: variance 1, a teacher's block what it likes, and until that is met the weights learn little.
#: Mean relative error after 80 steps of 32 crops of 64 pixels: at 1, 5, 10, 30 times 0.90, 0.65,
#: 0.47, 0.28.
_SCALE_HASTE = 30.0

#: Decay of weights; biases and norms have none.
_WEIGHT_DECAY = 0.01

#: Largest norm of a step's gradient in the joined phase.
_GRADIENT_CLIP = 5.0


class Learner:
    """A student in training; `is_joined` once its blocks work on each other's output."""

    def __init__(self, teacher: Backbone, student: Backbone) -> None:
        self.device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        self._dtype = _fastest_dtype(self.device)
        blockwise, joined = lessons_for(teacher, student)
        self.can_learn_blockwise = blockwise is not None
        self.is_joined = blockwise is None
        self._lesson: Lesson = joined if blockwise is None else blockwise
        self._joined = joined
        if self.device.type == "cpu":
            _widen_slow_convolutions(student)
        # Copies would lose the lessons' hold on these two: they are moved in place.
        fast: dict[str, Any] = {"device": self.device, "memory_format": torch.channels_last}
        self._teacher = teacher.to(dtype=self._dtype, **fast)
        self.student = student.to(**fast)
        self._maps = joined.to(self.device) if isinstance(joined, Mapped) else nn.Module()
        self._learning = nn.ModuleList([self.student.model, self._maps])
        self._averaged: AveragedModel | None = None
        self._begin_phase()

    def join(self) -> None:
        """Begins the joined phase."""
        self._lesson, self.is_joined = self._joined, True
        self._begin_phase()

    def learn(self, images: Tensor, rate: float) -> dict[str, float]:
        """One step on uint8 (N, 3, H, W); returns relative errors."""
        weights, scales = self._optimizer.param_groups
        weights["lr"] = rate
        scales["lr"] = rate if self.is_joined else _SCALE_HASTE * rate
        self._learning.train()
        with self._autocast():
            errors = self._lesson.teach(self._views(images))
        if self.is_joined:
            nn.utils.clip_grad_norm_(self._learning.parameters(), _GRADIENT_CLIP)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        if self._averaged is not None:
            self._averaged.update_parameters(self._learning)
        return errors

    def retake_statistics(self, network: Backbone, batches: Iterable[Tensor]) -> None:
        """Takes the means and variances of all BatchNorm layers again, over the whole network.

        Those of the first phase were taken on the teacher's inputs; averaged weights have none.
        """
        shown = (normalised(i.to(self.device), network.normalisation) for i in batches)
        with self._autocast():
            update_bn(shown, network)
        network.model.eval()

    def result(self, batches: Iterable[Tensor]) -> Backbone:
        """What has been learned so far, averaged over the last steps, in inference mode."""
        found = copy.deepcopy(self.student)
        if self._averaged is not None:
            averaged: Any = self._averaged.module
            found.model.load_state_dict(averaged[0].state_dict())
        self.retake_statistics(found, batches)
        return found

    def distance(self, network: Backbone, held_out: Iterable[Tensor]) -> float:
        """Relative error of the pooled features on pictures that were never learned from."""
        found, wanted = [], []
        joined = self._joined
        with torch.inference_mode(), self._autocast():
            for images in held_out:
                views = self._views(images)
                answer = network(views.student)
                found.append(joined.features(answer) if isinstance(joined, Mapped) else answer)
                wanted.append(self._teacher(views.teacher))
        return float(relative_error(torch.cat(found), torch.cat(wanted)))

    def state(self) -> dict[str, Any]:
        """All that a run needs to go on as if it had never stopped."""
        averaged = self._averaged
        return {
            "joined": self.is_joined,
            "learning": self._learning.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "averaged": None if averaged is None else averaged.state_dict(),
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Goes back to a stored state."""
        if state["joined"] and not self.is_joined:
            self.join()
        self._learning.load_state_dict(state["learning"])
        self._optimizer.load_state_dict(state["optimizer"])
        if self._averaged is not None:
            self._averaged.load_state_dict(state["averaged"])

    def _begin_phase(self) -> None:
        parameters = list(self._learning.parameters())
        groups: list[dict[str, Any]] = [
            {"params": [p for p in parameters if p.ndim > 1]},
            {"params": [p for p in parameters if p.ndim <= 1], "weight_decay": 0.0},
        ]
        self._optimizer = torch.optim.AdamW(groups, weight_decay=_WEIGHT_DECAY)
        if self.is_joined:
            average = get_ema_multi_avg_fn(_AVERAGE_DECAY)
            self._averaged = AveragedModel(self._learning, multi_avg_fn=average)

    def _views(self, images: Tensor) -> Views:
        moved = images.to(self.device)
        return Views(
            normalised(moved, self._teacher.normalisation).to(self._dtype),
            normalised(moved, self.student.normalisation),
        )

    def _autocast(self) -> torch.autocast:
        is_half = self._dtype == torch.bfloat16
        return torch.autocast(self.device.type, torch.bfloat16, enabled=is_half)


class _WideConv2d(nn.Conv2d):
    """A convolution that computes in full precision whatever surrounds it."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002  torch's name
        with torch.autocast("cpu", enabled=False):
            return super().forward(input.float()).to(input.dtype)


def _widen_slow_convolutions(student: Backbone) -> None:
    """On CPUs the backward pass of depthwise convolutions with a stride is slow in bf16.

    96 channels of 64 x 64, batch of 32, one thread: 131 ms against 39 ms in float32; all other
    layers of a MobileNetV2 are faster in bf16.
    """
    for module in student.modules():
        if type(module) is nn.Conv2d and module.groups > 1 and module.stride != (1, 1):
            module.__class__ = _WideConv2d


def normalised(images: Tensor, normalisation: Normalisation) -> Tensor:
    """Uint8 (N, 3, H, W) → float32, channels last."""
    mean = torch.tensor(normalisation.mean, device=images.device).view(1, 3, 1, 1)
    std = torch.tensor(normalisation.std, device=images.device).view(1, 3, 1, 1)
    scaled = (images.float() / 255 - mean) / std
    return scaled.contiguous(memory_format=torch.channels_last)


def _fastest_dtype(device: torch.device) -> torch.dtype:
    """By what the device can do, never by a stopwatch: a run that goes on must compute the same."""
    if device.type == "cuda":
        has_bf16 = torch.cuda.is_bf16_supported(including_emulation=False)
        return torch.bfloat16 if has_bf16 else torch.float32
    able = torch.cpu.get_capabilities()
    return torch.bfloat16 if able.get("avx512_bf16") or able.get("amx_bf16") else torch.float32
