"""Ray Data's own recipe for image inference over a folder, with ONNX Runtime; prints seconds.

`read_images`, `map` to resize, `map_batches` with an actor that holds the network, as its pages
"Working with Images" and "End-to-end: Offline Batch Inference" have it; one actor, all cores. Ray's
own start is not counted.

    python benchmarks/_ray_recipe.py BUNDLE FOLDER CORES
"""

import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import onnxruntime as ort
import ray
from PIL import Image

BATCH = 16


def resized(row: dict[str, Any]) -> dict[str, Any]:
    """One picture as the network takes it, uint8 (224, 224, 3)."""
    return {"image": np.asarray(Image.fromarray(row["image"]).resize((224, 224)))}


class Network:
    """What an actor holds."""

    def __init__(self, bundle: str, cores: int) -> None:
        options = ort.SessionOptions()
        options.intra_op_num_threads = cores
        options.add_session_config_entry("session.intra_op.allow_spinning", "0")
        self._session = ort.InferenceSession(bundle, options, ["CPUExecutionProvider"])

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Probabilities of a batch."""
        wanted = np.full(len(batch["image"]), -1, np.int64)
        told = {"image": np.stack(batch["image"]), "class_index": wanted}
        return {"probabilities": self._session.run(["probabilities"], told)[0]}


def main() -> None:
    """Goes through the folder once."""
    bundle, folder, cores = sys.argv[1], sys.argv[2], int(sys.argv[3])
    # One core of Ray's count is the actor's; the network's threads and the tasks share them all.
    ray.init(num_cpus=cores + 1, log_to_driver=False, include_dashboard=False)
    begun = time.perf_counter()
    answered = (
        ray.data.read_images([str(p.resolve()) for p in sorted(Path(folder).iterdir())], mode="RGB")
        .map(resized)
        .map_batches(
            Network,
            fn_constructor_args=(bundle, cores),
            batch_size=BATCH,
            concurrency=1,
            num_cpus=1,
        )
    )
    count = sum(len(batch["probabilities"]) for batch in answered.iter_batches())
    took = time.perf_counter() - begun
    if count != len(list(Path(folder).iterdir())):
        raise SystemExit(f"{count} answers only")
    print(took)


if __name__ == "__main__":
    main()
