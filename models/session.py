"""A bundle made ready to answer: ONNX Runtime, its provider, and the self-check.

Guarantees that what answers is what was trained: the provider that really came up is looked at
after loading (ONNX Runtime falls back without a word), and the bundle's own pictures must give
their expected answers on it. A GPU that was asked for by name and did not come up is an error.
"""

import ctypes
import logging
import sys
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.bundle import Bundle, Precision, SelfCheck
from models.cores import granted_cores
from models.errors import BundleError, ProviderError
from models.preprocessing import Pixels, read_pixels

log = logging.getLogger(__name__)

Provider = Literal["auto", "cpu", "cuda"]
Floats = npt.NDArray[np.float32]

#: How far an answer of the self-check, probabilities and heatmap, may lie from the one that was
#: stored. Other processors round otherwise (1e-6 seen; in int8, whose steps are coarse, 0.02 and
#: 0.1), other JPEG and resize code moves pixels; another network is far outside.
TOLERANCES: Final[dict[Precision, tuple[float, float]]] = {
    "fp32": (2e-3, 2e-2),
    "fp16": (1e-2, 1e-1),
    "int8": (5e-2, 3e-1),
}

PREDICTED_CLASS: Final = -1

_PROVIDERS: Final = {"CPUExecutionProvider": "cpu", "CUDAExecutionProvider": "cuda"}


@dataclass(frozen=True)
class Prediction:
    """The answer to one picture.

    Attributes:
        label: name of the predicted class.
        probability: its probability.
        probabilities: float32 (K,), in the order of the bundle's classes.
        heatmap: float32 (h, w) in [0, 1], for the class that was asked for.
    """

    label: str
    probability: float
    probabilities: Floats
    heatmap: Floats


class Session:
    """A bundle, loaded, checked and warm. `predict` may be called from several threads."""

    def __init__(
        self, bundle: Bundle, provider: Provider = "auto", threads: int | None = None
    ) -> None:
        """Loads a bundle and runs its self-check.

        Args:
            bundle: what to load.
            provider: `cpu`; `cuda`, or an error if it does not come up; `auto`: CUDA if it does.
            threads: how many a single call may use; default: the cores this process is granted.

        Raises:
            BundleError: ONNX Runtime refuses the graph, or the self-check fails.
            ProviderError: `cuda` was asked for and is not to be had.
        """
        self.metadata = bundle.metadata
        self.digest = bundle.digest
        self._source = bundle.source
        self._session = _open(bundle, provider, threads or granted_cores())
        self.provider = _PROVIDERS[self._session.get_providers()[0]]
        self._check_signature()
        self._check_itself()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        return self.metadata.classes

    def predict(
        self, pixels: Pixels, class_index: npt.NDArray[np.int64] | None = None
    ) -> list[Prediction]:
        """Answers a batch.

        Args:
            pixels: uint8 (N, H, W, 3), from `read_pixels` with this bundle's preprocessing.
            class_index: int64 (N,), whose heatmap is wanted; -1 or None: the predicted class's.
        """
        if class_index is None:
            class_index = np.full(len(pixels), PREDICTED_CLASS, dtype=np.int64)
        probabilities, heatmaps = self._session.run(
            ["probabilities", "heatmap"], {"image": pixels, "class_index": class_index}
        )
        return [
            Prediction(self.classes[best], float(row[best]), row, heatmap)
            for row, heatmap in zip(probabilities, heatmaps, strict=True)
            for best in [int(row.argmax())]
        ]

    def warm_up(self, max_batch: int) -> None:
        """Runs the largest batch, on a GPU also those of 1, 2, 4, ... pictures.

        What ONNX Runtime allocates for the largest batch is then there, and a GPU has chosen its
        kernels, before anybody waits for it.
        """
        size = self.metadata.preprocessing
        sizes = {max_batch}
        if self.provider != "cpu":
            sizes |= {2**power for power in range(max_batch.bit_length())}
        for count in sorted(sizes):
            self.predict(np.zeros((count, size.height, size.width, 3), dtype=np.uint8))

    def _check_signature(self) -> None:
        """The graph's inputs and outputs must be those of a bundle, and fit its metadata."""
        preprocessing = self.metadata.preprocessing
        expected = {
            "image": ("tensor(uint8)", [preprocessing.height, preprocessing.width, 3]),
            "class_index": ("tensor(int64)", []),
            "probabilities": ("tensor(float)", [len(self.classes)]),
            "heatmap": ("tensor(float)", None),
        }
        found = {
            value.name: (value.type, list(value.shape[1:]))
            for value in (*self._session.get_inputs(), *self._session.get_outputs())
        }
        for name, (kind, shape) in expected.items():
            if name not in found or found[name][0] != kind:
                raise BundleError(f"{self._source}: its graph has no {name} of type {kind}")
            if shape is not None and found[name][1] != shape:
                raise BundleError(
                    f"{self._source}: {name} is of shape (N, *{found[name][1]}), "
                    f"but its metadata says (N, *{shape})"
                )

    def _check_itself(self) -> None:
        """Runs the bundle's own pictures, as one batch and alone; this warms the session up too."""
        checks = self.metadata.self_check
        try:
            pixels = np.stack([read_pixels(c.picture, self.metadata.preprocessing) for c in checks])
            answers = [*self.predict(pixels), *self.predict(pixels[:1])]
        # A picture that is none, a graph that does not take three: ONNX Runtime's errors again.
        except Exception as error:
            raise BundleError(
                f"{self._source} fails its self-check on {self.provider}: {error}"
            ) from error
        for number, (check, answer) in enumerate(
            zip((*checks, checks[0]), answers, strict=True), start=1
        ):
            self._check_answer(number, check, answer)

    def _check_answer(self, number: int, check: SelfCheck, answer: Prediction) -> None:
        of_probabilities, of_heatmap = TOLERANCES[self.metadata.precision]
        for name, expected, found, tolerance in (
            ("probabilities", check.probabilities, answer.probabilities, of_probabilities),
            ("heatmap", check.heatmap, answer.heatmap, of_heatmap),
        ):
            difference = np.abs(np.asarray(expected) - found).max() if _same(expected, found) else 9
            if not difference <= tolerance:  # NaN too
                raise BundleError(
                    f"{self._source} fails its self-check on {self.provider}: {name} of picture "
                    f"{number} differ by {difference:.2g}, at most {tolerance} is right. "
                    "It must not answer here"
                )


def _same(expected: Any, found: Floats) -> bool:
    return bool(np.shape(expected) == found.shape)


def _open(bundle: Bundle, provider: Provider, threads: int) -> ort.InferenceSession:
    problem = None if provider == "cpu" else cuda_problem()
    if provider == "cuda" and problem:
        raise ProviderError(f"CUDA was asked for, and cannot be had: {problem}")
    wanted: list[Any] = ["CPUExecutionProvider"]
    if provider != "cpu" and problem is None:
        ort.preload_dlls()
        # The exhaustive search would run anew for every batch size.
        wanted.insert(0, ("CUDAExecutionProvider", {"cudnn_conv_algo_search": "HEURISTIC"}))
    try:
        session = ort.InferenceSession(bundle.data, session_options(threads), providers=wanted)
    # ONNX Runtime's errors have no common class below Exception.
    except Exception as error:
        raise BundleError(f"{bundle.source}: ONNX Runtime refuses it: {error}") from error
    came_up = _PROVIDERS[session.get_providers()[0]]
    if provider == "cuda" and came_up != "cuda":
        raise ProviderError(
            "CUDA was asked for and a GPU is there, but ONNX Runtime's CUDA provider did not come "
            "up; its own message above names the library that it misses"
        )
    if provider == "auto" and came_up == "cpu":
        log.info("answering on the CPU: %s", problem or "the CUDA provider did not come up")
    return session


def session_options(threads: int) -> ort.SessionOptions:
    """Options that all our sessions share: no thread spins while others need the cores."""
    options = ort.SessionOptions()
    options.intra_op_num_threads = threads
    options.add_session_config_entry("session.intra_op.allow_spinning", "0")
    return options


def cuda_problem() -> str | None:
    """Why ONNX Runtime cannot run on a GPU here; None if it can be tried.

    Asked before the provider, which would write pages to stderr on every machine without a GPU.
    """
    if "CUDAExecutionProvider" not in ort.get_available_providers():
        return "this ONNX Runtime is built without CUDA (onnxruntime-gpu is not installed)"
    name = "nvcuda.dll" if sys.platform == "win32" else "libcuda.so.1"
    try:
        driver = ctypes.CDLL(name)
    except OSError:
        return f"no NVIDIA driver on this machine ({name})"
    count = ctypes.c_int(0)
    if driver.cuInit(0) != 0 or driver.cuDeviceGetCount(ctypes.byref(count)) != 0:
        return "the NVIDIA driver does not answer"
    return None if count.value else "the NVIDIA driver finds no GPU"
