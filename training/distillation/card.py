"""What a distillation leaves behind: the weights in half precision, a model card, a summary."""

import logging
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import save

from models.backbones.backbone import Backbone
from models.files import file_digest, output_file
from training.distillation.pictures import Pictures
from training.distillation.settings import DistillationSettings
from training.run_folder import SUMMARY_FILE, package_versions, write_json

log = logging.getLogger(__name__)

WEIGHTS_FILE: Final = "student.safetensors"
CARD_FILE: Final = "README.md"

#: In the form of Hugging Face's model cards.
_CARD: Final = """---
library_name: timm
pipeline_tag: image-feature-extraction
tags:
- distillation
- transfer-learning
---

# {s.student}, distilled from {s.teacher}

A {s.student} without a classifier ({millions:.1f} million parameters, {megabytes:.1f} MB), for
`train-transfer --backbone {s.student} --weights {file}`.

It started from random numbers and learned from the answers of a {s.teacher} ({teacher_weights}) to
{s.pictures:,} crops of {learned_from:,} pictures from `{s.data.name}`, with no labels, by \
`distill-backbone` of
train-transfer. {held_out} other pictures were never learned from: on those, the relative error of
its pooled features (0 is the teacher, 1 who answers everything with the mean) fell like this:

| pictures shown | relative error |
|---|---|
{rows}

What it reaches on a task: not measured yet. `train-transfer` says so for yours.

Before you pass it on: what its teacher and the pictures allow is yours to find out and to say here.
"""


def write_result(
    folder: Path,
    settings: DistillationSettings,
    student: Backbone,
    history: dict[str, Any],
    pictures: Pictures,
) -> dict[str, Any]:
    """Writes weights, card and, last, the summary that says that all is there, and returns it.

    Raises:
        OutputError: the disk is full.
    """
    path = folder / WEIGHTS_FILE
    with output_file(path) as file:
        file.write(save(_as_halves(student), metadata={"backbone": student.name}))
    summary = {
        "weights": str(path),
        "sha256": file_digest(path),
        "bytes": path.stat().st_size,
        "parameters": sum(p.numel() for p in student.model.parameters()),
        "learned_from": len(pictures.names),
        "held_out": len(pictures.held_out),
        "left_out": pictures.left_out,
        **history,
        "settings": settings.as_json(),
        "versions": package_versions(),
    }
    with output_file(folder / CARD_FILE) as file:
        file.write(_card_of(settings, summary).encode())
    write_json(folder / SUMMARY_FILE, summary)
    log.info(
        "%s (%.1f MB): train-transfer --backbone %s --weights %s",
        path, summary["bytes"] / 1e6, student.name, path,
    )  # fmt: skip
    return summary


def _as_halves(backbone: Backbone) -> dict[str, torch.Tensor]:
    """The parameters, those of two or more dimensions in half precision.

    What BatchNorm multiplies and divides by stays in full precision: small variances would lose
    half of their digits, and together they are a thirtieth of the file.
    """
    return {
        name: (value.half() if value.ndim > 1 else value).contiguous()
        for name, value in backbone.model.state_dict().items()
        if value.is_floating_point()
    }


def _card_of(settings: DistillationSettings, summary: dict[str, Any]) -> str:
    return _CARD.format(
        **summary,
        s=settings,
        teacher_weights=Path(settings.teacher_weights).name,
        file=WEIGHTS_FILE,
        millions=summary["parameters"] / 1e6,
        megabytes=summary["bytes"] / 1e6,
        rows="\n".join(f"| {p['pictures']:,} | {p['error']:.3f} |" for p in summary["curve"]),
    )
