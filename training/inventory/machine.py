"""The doctor's checks: each says what it found, and what that means for the main job."""

import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import Final

import numpy as np
import torch
from onnx.parser import parse_model

from models import store
from models.backbones import TORCHVISION_OPERATORS
from models.cores import granted_cores
from models.errors import ProviderError
from models.pretrained import WHEELS
from models.providers import Provider, cuda_problem, open_graph
from training.inventory.backbone_table import read_table
from training.inventory.finding import Check, Effect

#: A bundle lies in the run folder and in the store; VGG's has 550 MB.
_LEAST_FREE_GB: Final = 0.5

_MOST_NAMES: Final = 8

#: A convolution that adds up nine neighbours.
_NEIGHBOURS: Final = """
<ir_version: 10, opset_import: ["": 20]>
neighbours (float[1, 1, 8, 8] image) => (float[1, 1, 6, 6] sums)
<float[1, 1, 3, 3] weight = {1, 1, 1, 1, 1, 1, 1, 1, 1}> { sums = Conv(image, weight) }
"""


def _check_torchvision() -> tuple[str, Effect]:
    """Whether torchvision's compiled part fits this torch."""
    if TORCHVISION_OPERATORS is None:
        return "fits torch", "fine"
    return "its compiled operators do not fit torch; declared instead, which is enough here", "fine"


def _check_cpu_provider() -> tuple[str, Effect]:
    """Whether ONNX Runtime answers on the CPU, and rightly."""
    return _tried_session("cpu"), "fine"


def _check_cuda_provider() -> tuple[str, Effect]:
    """Whether ONNX Runtime answers on a GPU; nothing here needs one."""
    if problem := cuda_problem():
        return f"does not come up: {problem}", "fine"
    try:
        return _tried_session("cuda"), "fine"
    except ProviderError as error:
        return str(error), "fine"


def _check_devices() -> tuple[str, Effect]:
    """Cores of this process, and GPUs that torch sees."""
    cores = f"{granted_cores()} of {os.cpu_count()} cores are granted"
    if not torch.cuda.is_available():
        reason = "built for CPUs alone" if torch.version.cuda is None else "CUDA is not available"
        return f"{cores}; torch uses no GPU ({reason})", "fine"
    gpus = [torch.cuda.get_device_properties(i) for i in range(torch.cuda.device_count())]
    shown = ", ".join(f"{gpu.name} with {gpu.total_memory / 1e9:.0f} GB" for gpu in gpus)
    return f"{cores}; {shown}", "fine"


def _check_weights() -> tuple[str, Effect]:
    """Which weights are on this machine."""
    names = [row.name for row in read_table().rows if row.usable and row.are_cached]
    more = f" and {len(names) - _MOST_NAMES} more" if len(names) > _MOST_NAMES else ""
    listed = f": {', '.join(names[:_MOST_NAMES])}{more}" if names else ""
    packaged = ", ".join(name for name, wheel in WHEELS.items() if wheel.locate()) or "none"
    return f"packaged: {packaged}; those of {len(names)} are in the caches{listed}", "fine"


def _check_store() -> tuple[str, Effect]:
    """Where bundles go to, and how many are there."""
    place = store.location()
    said, effect = _room_in(place)
    return f"{place} holds {store.count()} bundles; {said}", effect


def _check_here() -> tuple[str, Effect]:
    """Where the folders of runs go to."""
    said, effect = _room_in(Path.cwd())
    return f"{Path.cwd()}; {said}", effect


#: Label → check, in the order of the report.
CHECKS: Final[dict[str, Check]] = {
    "torchvision": _check_torchvision,
    "CPU provider": _check_cpu_provider,
    "CUDA provider": _check_cuda_provider,
    "devices": _check_devices,
    "weights": _check_weights,
    "store": _check_store,
    "this folder": _check_here,
}


def _tried_session(provider: Provider) -> str:
    """Runs a convolution on a provider that may not come up, or answer wrongly (ProviderError)."""
    begun = time.perf_counter()
    session = open_graph(parse_model(_NEIGHBOURS).SerializeToString(), provider, threads=1)
    (found,) = session.run(["sums"], {"image": np.ones((1, 1, 8, 8), np.float32)})
    if not np.allclose(found, 9):
        raise ProviderError("comes up, but answers wrongly")
    return f"comes up and answers ({1000 * (time.perf_counter() - begun):.0f} ms)"


def _room_in(folder: Path) -> tuple[str, Effect]:
    """Whether a folder, or the one that it would be made in, can be written, and its free space."""
    there = next(place for place in (folder, *folder.parents) if place.is_dir())
    try:
        with tempfile.TemporaryFile(dir=there):
            pass
    except OSError as error:
        return f"it cannot be written: {error.strerror}", "hinders"
    free = shutil.disk_usage(there).free / 1e9
    if free < _LEAST_FREE_GB:
        return f"only {free:.2f} GB are free", "hinders"
    return f"{free:.0f} GB are free", "fine"
