"""Where a graph runs: ONNX Runtime's execution providers, chosen at run time, looked at afterwards.

ONNX Runtime falls back to the CPU without a word, and `get_available_providers` lists what it was
built with, not what this machine has. So the driver is asked before, and the session after. A GPU
that was asked for by name and did not come up is an error.
"""

import ctypes
import logging
import sys
from typing import Any, Final, Literal

import onnxruntime as ort

from models.errors import ProviderError

log = logging.getLogger(__name__)

Provider = Literal["auto", "cpu", "cuda"]

_CPU: Final = "CPUExecutionProvider"
_CUDA: Final = "CUDAExecutionProvider"


def open_graph(data: bytes, provider: Provider, threads: int) -> ort.InferenceSession:
    """Opens an ONNX file on a provider.

    Args:
        data: the file.
        provider: `cpu`; `cuda`, or an error if it does not come up; `auto`: CUDA if it does.
        threads: how many a single call may use on the CPU.

    Raises:
        ProviderError: `cuda` was asked for and is not to be had.
        Exception: ONNX Runtime refuses the graph; its errors have no common class below.
    """
    problem = None if provider == "cpu" else cuda_problem()
    if provider == "cuda" and problem:
        raise ProviderError(f"CUDA was asked for, and cannot be had: {problem}")
    wanted: list[Any] = [_CPU]
    if provider != "cpu" and problem is None:
        ort.preload_dlls()
        # The exhaustive search would run anew for every batch size; TF32 keeps ten bits of what a
        # bundle in fp32 says it computes with.
        wanted.insert(0, (_CUDA, {"cudnn_conv_algo_search": "HEURISTIC", "use_tf32": "0"}))
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    # No thread spins while others need the cores.
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    session = ort.InferenceSession(data, options, providers=wanted)
    session.disable_fallback()  # it would go on elsewhere after an error, without a word
    if provider == "cuda" and provider_of(session) != "cuda":
        raise ProviderError(
            "CUDA was asked for and a GPU is there, but ONNX Runtime's CUDA provider did not come "
            "up; its own message above names the library that it misses"
        )
    if provider == "auto" and provider_of(session) == "cpu":
        log.info("running on the CPU: %s", problem or "the CUDA provider did not come up")
    return session


def provider_of(session: ort.InferenceSession) -> Literal["cpu", "cuda"]:
    """What really came up."""
    return "cuda" if session.get_providers()[0] == _CUDA else "cpu"


def cuda_problem() -> str | None:
    """Why ONNX Runtime cannot run on a GPU here; None if it can be tried.

    Asked before the provider, which would write pages to stderr on every machine without a GPU.
    """
    if _CUDA not in ort.get_available_providers():
        return "this ONNX Runtime is built without CUDA (onnxruntime-gpu is not installed)"
    return driver_problem()


def driver_problem() -> str | None:
    """Why no program can run on an NVIDIA GPU here; None if it can be tried."""
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return f"no NVIDIA driver on this machine ({name})"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return "the NVIDIA driver does not answer"
    return None if count.value else "the NVIDIA driver finds no GPU"
