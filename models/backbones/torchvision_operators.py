"""Lets torchvision be imported beside a torch that its compiled operators do not fit.

A CPU build of torch with PyPI's torchvision (built for CUDA) is a common pair, and importing
torchvision then dies with `operator torchvision::nms does not exist` (vision#9077). Only the
schemas are missing: transforms and models never call the operators. Declaring both before the first
import of torchvision or timm is the whole cure; where the operators load, nothing is touched.
"""

import importlib.util
from pathlib import Path

import torch

_SCHEMAS = (
    "nms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
    "qnms(Tensor dets, Tensor scores, float iou_threshold) -> Tensor",
)


def declare_missing_operators() -> torch.library.Library | None:
    """Where operators are missing, the library that declares them, which is to be kept alive."""
    if hasattr(torch.ops.torchvision, "nms") or _compiled_operators_load():
        return None
    library = torch.library.Library("torchvision", "DEF")
    for schema in _SCHEMAS:
        library.define(schema)
    return library


def _compiled_operators_load() -> bool:
    found = importlib.util.find_spec("torchvision")
    if found is None or found.origin is None:
        return False
    for path in Path(found.origin).parent.glob("_C.*"):
        try:
            torch.ops.load_library(str(path))
        except OSError:
            return False
        return True
    return False
