"""A bundle made ready to answer: opened on a provider, checked, warm.

Guarantees that what answers is what was trained: the bundle's own pictures must give their expected
answers on the provider that came up.
"""

from bisect import bisect_left
from dataclasses import dataclass
from typing import Final

import numpy as np
import numpy.typing as npt
import onnxruntime as ort

from models.bundle import Bundle, SelfCheck
from models.choices import Precision
from models.cores import granted_cores
from models.decision import Decision, decide
from models.errors import BundleError, ProviderError
from models.parted import PartedGraph
from models.preprocessing import Pixels, read_pixels
from models.providers import Provider
from models.signature import INPUTS, OUTPUTS, PREDICTED_CLASS, Answers, Floats, answers_of

#: How far an answer of the self-check, probabilities on one side, heatmap and familiarity on the
#: other, may lie from the one that was stored. Other processors round otherwise (1e-6 seen; in
#: int8, whose steps are coarse, 0.02 and 0.1), other JPEG and resize code moves pixels; another
#: network is far outside.
TOLERANCES: Final[dict[Precision, tuple[float, float]]] = {
    "fp32": (2e-3, 2e-2),
    "fp16": (1e-2, 1e-1),
    "int8": (5e-2, 3e-1),
}

_WAY_ON_IN_INT8: Final = (
    ". It is in int8, and not every processor computes that alike: train-transfer "
    "--precision fp32, or training on this kind of processor, makes one that is right here"
)


@dataclass(frozen=True)
class Prediction:
    """The answer to one picture.

    Attributes:
        label: the predicted class; `probability` is its.
        probabilities: float32 (K,), in the order of the bundle's classes.
        heatmap: float32 (h, w) in [0, 1], for the class that was asked for.
        heatmap_peak: its maximum before it was divided by it; 0 where nothing speaks for the class.
        familiarity: how like the pictures that were learned from it is, in [0, 1].
        is_familiar: whether that is enough for its answer to mean something.
        prediction_set: the classes that it could be of, the label always, likeliest first.
        decision: what becomes of it; None where the bundle has no operating point.
    """

    label: str
    probability: float
    probabilities: Floats
    heatmap: Floats
    heatmap_peak: float
    familiarity: float
    is_familiar: bool
    prediction_set: tuple[str, ...]
    decision: Decision | None = None


class Session:
    """A bundle, loaded and checked. `predict` may be called from several threads.

    Attributes:
        provider: what it runs on.
        batch_sizes: ascending; a batch is filled up with black pictures to the next of them. Empty:
            it runs as it is. Set by `warm_up` on a GPU, where a size that was never seen must first
            find its kernels and its memory.
    """

    def __init__(
        self, bundle: Bundle, provider: Provider = "auto", threads: int | None = None
    ) -> None:
        """Loads a bundle and runs its self-check.

        Args:
            bundle: what to load.
            provider: as `open_graph` takes it.
            threads: how many a call may use; default: the cores this process is granted.

        Raises:
            BundleError: ONNX Runtime refuses the graph, or the self-check fails.
            ProviderError: `cuda` was asked for and is not to be had.
        """
        self.metadata = bundle.metadata
        self.digest = bundle.digest
        self._source = bundle.source
        self.batch_sizes: tuple[int, ...] = ()
        try:
            self._graph = PartedGraph(
                bundle.data, provider, threads or granted_cores(), bundle.metadata.precision
            )
        except ProviderError:
            raise
        # ONNX Runtime's errors have no common class below Exception.
        except Exception as error:
            raise BundleError(f"{bundle.source}: ONNX Runtime refuses it: {error}") from error
        self.provider = self._graph.provider
        self._check_signature()
        self._check_itself()

    @property
    def classes(self) -> tuple[str, ...]:
        """Class names, in the order of the probabilities."""
        return self.metadata.classes

    @property
    def parted_from(self) -> int | None:
        """So many pictures are parted among the cores, each by itself; None: all take all."""
        return self._graph.parted_from

    def predict(
        self,
        pixels: Pixels,
        class_index: npt.NDArray[np.int64] | None = None,
        run_options: ort.RunOptions | None = None,
    ) -> list[Prediction]:
        """Answers a batch.

        Args:
            pixels: uint8 (N, H, W, 3), from `read_pixels` with this bundle's preprocessing.
            class_index: int64 (N,), whose heatmap is wanted; -1 or None: the predicted class's.
            run_options: of ONNX Runtime; by their `terminate` another thread ends the run.
        """
        count = len(pixels)
        if class_index is None:
            class_index = np.full(count, PREDICTED_CLASS, dtype=np.int64)
        if missing := self._missing(count):
            black = np.zeros((missing, *pixels.shape[1:]), pixels.dtype)
            pixels = np.concatenate([pixels, black])
            class_index = np.append(class_index, np.full(missing, PREDICTED_CLASS))
        answers = self._graph.answers(pixels, class_index, run_options)
        return self._predictions(answers)[:count]

    def _predictions(self, answers: Answers) -> list[Prediction]:
        return [self._prediction(Answers(*row)) for row in zip(*answers, strict=True)]

    def _prediction(self, row: Answers) -> Prediction:
        """One row of the graph's answers, in words."""
        best = int(row.probabilities.argmax())
        ranked = np.argsort(-row.probabilities, kind="stable")
        is_familiar = bool(row.familiarity >= self.metadata.familiarity_threshold)
        prediction_set = tuple(self.classes[i] for i in ranked if row.prediction_set[i])
        return Prediction(
            label=self.classes[best],
            probability=float(row.probabilities[best]),
            probabilities=row.probabilities,
            heatmap=row.heatmap,
            heatmap_peak=float(row.heatmap_peak),
            familiarity=float(row.familiarity),
            is_familiar=is_familiar,
            prediction_set=prediction_set,
            decision=self._decision(row.probabilities, prediction_set, is_familiar=is_familiar),
        )

    def _decision(
        self, probabilities: Floats, prediction_set: tuple[str, ...], *, is_familiar: bool
    ) -> Decision | None:
        if (point := self.metadata.operating_point) is None:
            return None
        probability = float(probabilities[self.classes.index(point.label)])
        return decide(point, probability, is_familiar=is_familiar, prediction_set=prediction_set)

    def warm_up(self, max_batch: int) -> None:
        """Runs the largest batch; on a GPU also those of 1, 2, 4, ... pictures, the only ones then.

        ONNX Runtime's memory is then there, and a GPU has chosen its kernels, before anybody waits.
        """
        size = self.metadata.preprocessing
        sizes = {max_batch}
        if self.provider != "cpu":
            sizes |= {2**power for power in range(max_batch.bit_length())}
            self.batch_sizes = tuple(sorted(sizes))
        for count in sorted(sizes):
            self.predict(np.zeros((count, size.height, size.width, 3), dtype=np.uint8))

    def _missing(self, count: int) -> int:
        """How many pictures a batch lacks to the next size that is warm."""
        place = bisect_left(self.batch_sizes, count)
        return self.batch_sizes[place] - count if place < len(self.batch_sizes) else 0

    def _check_signature(self) -> None:
        """The graph's inputs and outputs must be those of a bundle, and fit its metadata."""
        preprocessing = self.metadata.preprocessing
        lengths = {"H": preprocessing.height, "W": preprocessing.width, "K": len(self.classes)}
        session = self._graph.session
        there = (*session.get_inputs(), *session.get_outputs())
        for value in (*INPUTS, *OUTPUTS):
            found = next((list(one.shape[1:]) for one in there if value.fits(one)), None)
            if found is None:
                raise BundleError(
                    f"{self._source}: its graph has no {value.name} of type tensor({value.type})"
                )
            if not value.is_row(found, lengths):
                raise BundleError(
                    f"{self._source}: {value.name} is of shape (N, *{found}), "
                    f"but its metadata says (N, *{value.row(lengths)})"
                )

    def _check_itself(self) -> None:
        """Runs the bundle's own pictures, as one batch and alone; this warms the session up too."""
        checks = self.metadata.self_check
        try:
            pixels = np.stack([read_pixels(c.picture, self.metadata.preprocessing) for c in checks])
            # Not in parts, which would open a second session before anybody needs it.
            asked = np.full(len(pixels), PREDICTED_CLASS, dtype=np.int64)
            runs = [answers_of(self._graph.session, pixels[:n], asked[:n]) for n in (len(asked), 1)]
            answers = [prediction for run in runs for prediction in self._predictions(run)]
        # A picture that is none, a graph that does not take three: ONNX Runtime's errors again.
        except Exception as error:
            raise BundleError(
                f"{self._source} fails its self-check on {self.provider}: {error}"
            ) from error
        expected = zip((*checks, checks[0]), answers, strict=True)
        for number, (check, answer) in enumerate(expected, start=1):
            self._check_answer(number, check, answer)

    def _check_answer(self, number: int, check: SelfCheck, answer: Prediction) -> None:
        # Not the sets: a probability beside a threshold falls on either side of it by rounding.
        of_probabilities, of_heatmap = TOLERANCES[self.metadata.precision]
        for name, expected, found, tolerance in (
            ("probabilities", check.probabilities, answer.probabilities, of_probabilities),
            ("heatmap", check.heatmap, answer.heatmap, of_heatmap),
            ("familiarity", check.familiarity, answer.familiarity, of_heatmap),
        ):
            is_alike = np.shape(expected) == np.shape(found)
            difference = np.abs(np.asarray(expected) - found).max() if is_alike else 9
            if not difference <= tolerance:  # NaN too
                raise BundleError(
                    f"{self._source} fails its self-check on {self.provider}: {name} of picture "
                    f"{number} differ by {difference:.2g}, at most {tolerance} is right. It must "
                    f"not answer here{_WAY_ON_IN_INT8 if self.metadata.precision == 'int8' else ''}"
                )
