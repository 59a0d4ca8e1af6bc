"""BentoML's own adaptive batching, as docs.bentoml.com shows it: a list of pictures goes in.

RIVAL_BUNDLE=bundle.onnx RIVAL_WORKERS=2 bentoml serve bento_batching:Classifier
"""

from pathlib import Path
from typing import Any

import bentoml
from network import MAX_BATCH, WORKERS, Network


@bentoml.service(workers=WORKERS)
class Classifier:
    """Every worker has a network and forms batches of its own."""

    def __init__(self) -> None:
        self.network = Network()

    @bentoml.api(batchable=True, max_batch_size=MAX_BATCH)
    def classify(self, image: list[Path]) -> list[dict[str, Any]]:
        """BentoML writes uploads to files, and answers each request with its part of the list."""
        return self.network.classify([self.network.read(path.read_bytes()) for path in image])
