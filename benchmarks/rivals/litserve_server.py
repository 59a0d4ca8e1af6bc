"""LitServe, as lightning.ai/docs/litserve shows it for images: batched, a worker a core.

RIVAL_BUNDLE=bundle.onnx RIVAL_WORKERS=2 python benchmarks/rivals/litserve_server.py PORT
"""

import sys
from typing import Any

import litserve
from fastapi import Request
from network import MAX_BATCH, WORKERS, Network

from models.preprocessing import Pixels

#: Seconds that a batch waits for company; 0 would let the workers spin.
BATCH_TIMEOUT = 0.01


class Classifier(litserve.LitAPI):
    """Decodes, batches and classifies in each worker."""

    def setup(self, device: str) -> None:  # noqa: ARG002  (LitServe's)
        """Runs once in every worker."""
        self.network = Network()

    def decode_request(self, request: Request) -> Pixels:
        """The form's one file."""
        return self.network.read(request["image"].file.read())

    def batch(self, inputs: list[Pixels]) -> list[Pixels]:
        """They are stacked where the network runs."""
        return inputs

    def predict(self, x: list[Pixels]) -> list[dict[str, Any]]:
        """Answers a batch."""
        return self.network.classify(x)

    def unbatch(self, output: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """One answer a request."""
        return output


if __name__ == "__main__":
    api = Classifier(max_batch_size=MAX_BATCH, batch_timeout=BATCH_TIMEOUT, api_path="/classify")
    server = litserve.LitServer(api, accelerator="cpu", workers_per_device=WORKERS)
    server.run(host="127.0.0.1", port=int(sys.argv[1]), generate_client_file=False)
