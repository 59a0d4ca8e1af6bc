"""Figures for Prometheus, beside BentoML's own on /metrics.

BentoML counts requests (`bentoml_service_request_*`); here is what happens inside one. Every label
has few values: the classes and tags of models that are or were served, our error classes, statuses.

BentoML's worker writes metrics to files (`PROMETHEUS_MULTIPROC_DIR`) that outlive it. A gauge is
therefore always set, never counted up and down, and the most recent value counts: what a worker
left that was killed does not add to what its successor says.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from models.errors import RequestError

_SECONDS: Final = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

ANSWERS: Final = Counter("transfer_answers", "Pictures that were answered", ["model", "label"])

REFUSED_PICTURES: Final = Counter(
    "transfer_refused_pictures", "Pictures that were not answered, by class of error", ["reason"]
)

REFUSALS: Final = Counter(
    "transfer_refusals",
    "Requests that were not answered, by class of error or name of the status",
    ["reason", "status"],
)

QUEUE: Final = Gauge(
    "transfer_queue_pictures",
    "Pictures in the house, from arrival to answer",
    multiprocess_mode="mostrecent",
)

QUEUE_CAPACITY: Final = Gauge(
    "transfer_queue_capacity_pictures",
    "Pictures that may be in the house; beyond them 503",
    multiprocess_mode="mostrecent",
)

BATCH: Final = Histogram(
    "transfer_batch_pictures",
    "Pictures that shared a run of the network",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

QUEUE_WAIT: Final = Histogram(
    "transfer_queue_wait_seconds",
    "From a decoded picture to the start of its run of the network",
    buckets=_SECONDS,
)

DECODE: Final = Histogram(
    "transfer_decode_seconds",
    "Decoding and resizing a picture, the wait for a process included",
    buckets=_SECONDS,
)

INFERENCE: Final = Histogram(
    "transfer_inference_seconds", "A run of the network, of a whole batch", buckets=_SECONDS
)

RENDER: Final = Histogram(
    "transfer_render_seconds",
    "Drawing a heatmap and encoding it, the wait for a process included",
    buckets=_SECONDS,
)

REFUSED_BUNDLES: Final = Counter(
    "transfer_refused_bundles",
    "New versions in the store that were refused; the old ones go on",
    ["name"],
)

MODEL: Final = Gauge(
    "transfer_model_info",
    "1: this model is served; 0: it was",
    ["model", "digest", "provider", "backbone"],
    multiprocess_mode="mostrecent",
)


@contextmanager
def counted_refusal() -> Iterator[None]:
    """Counts a picture whose answer ends in an error of the client's."""
    try:
        yield
    except RequestError as error:
        REFUSED_PICTURES.labels(type(error).__name__).inc()
        raise
