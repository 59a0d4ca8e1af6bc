"""What the way from pictures to a head needs of a pretrained network: numbers in, numbers out.

Torch stays behind it (`training.torch_network`), so that nobody on that way imports torch.
"""

from collections.abc import Callable
from typing import Protocol

import numpy as np
import numpy.typing as npt
import onnx

from models.bundle import Description
from models.head import LinearHead
from models.preprocessing import Pixels, Preprocessing

Floats = npt.NDArray[np.float32]
Labels = npt.NDArray[np.int64]

#: uint8 (N, H, W, 3) → features float32 (N, C)
Read = Callable[[Pixels], Floats]


class Network(Protocol):
    """A pretrained network without its last layer."""

    @property
    def name(self) -> str:
        """What `--backbone` calls it."""

    @property
    def weights(self) -> str:
        """Where its parameters came from, as a person would say it."""

    @property
    def is_random(self) -> bool:
        """Whether it has never learned anything."""

    @property
    def preprocessing(self) -> Preprocessing:
        """How it is evaluated by those who trained it."""

    @property
    def num_features(self) -> int:
        """C of what enters the last layer."""

    @property
    def parameters(self) -> int:
        """How many numbers training could change."""

    def graph(self) -> onnx.ModelProto:
        """Its first part: uint8 `image` (N, H, W, 3) → `feature_map`.

        Raises:
            ExportError: torch's exporter cannot write this network down.
        """

    def features(self, feature_map: Floats) -> Floats:
        """Its second part: what the graph gives, (N, …) → (N, C)."""

    def read_on_gpu(self) -> Read | None:
        """Both parts by torch on a GPU; None where there is none."""

    def heatmaps(self, head: LinearHead, feature_map: Floats, class_index: Labels) -> Floats:
        """Where it looks for a class: (N, …), int64 (N,) → (N, h, w) in [0, 1]."""

    def bundle(
        self, head: LinearHead, graph: onnx.ModelProto, description: Description, pictures: Pixels
    ) -> tuple[bytes, dict[str, float]]:
        """Network and head as one file, once it answers as torch does.

        Args:
            head: the last layer.
            graph: its first part, in the precision that is to be served.
            description: what the file is to say of itself.
            pictures: uint8 (N, H, W, 3), N >= 2: to compare on.

        Returns:
            The bytes, and the largest differences seen.

        Raises:
            ExportError: it does not.
        """
