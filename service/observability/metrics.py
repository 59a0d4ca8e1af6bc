"""Figures for Prometheus, beside BentoML's own on /metrics.

BentoML counts requests; here is what happens inside one. Every label has few values: the classes
and tags of models that are or were served, our error classes, statuses.

They live in the worker's memory: a disk cannot fill up with them. A worker that takes another's
place begins anew, as Prometheus expects of counters.

Series of counters begin at 0 where their labels are known (`begin`, `begin_model`): the first event
is an increase then, and alarms hear of it.
"""

from collections.abc import Iterable, Iterator
from functools import partial
from typing import Final

from prometheus_client import Counter, Gauge, Histogram

from models.errors import ImageError, OverloadedError, RequestError

_seconds = partial(
    Histogram, buckets=(0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)
)

ANSWERS = Counter("transfer_answers", "Pictures that were answered", ["model", "label"])

UNFAMILIAR = Counter(
    "transfer_unfamiliar_answers",
    "Pictures that were answered, and are unlike those that the model learned from",
    ["model"],
)

REFERRED = Counter(
    "transfer_referred_answers",
    "Pictures that a model with an operating point leaves to a person",
    ["model"],
)

SET_SIZE = Histogram(
    "transfer_prediction_set_classes",
    "Classes that a picture could be of; 1: its label alone",
    ["model"],
    buckets=(1, 2, 3, 5, 10, 20, 50, 100),
)

REFUSED_PICTURES = Counter(
    "transfer_refused_pictures", "Pictures that were not answered, by class of error", ["reason"]
)

NAMED_REQUESTS = Counter(
    "transfer_named_requests",
    "Requests that came with a key that has a name, by that and by the status of the answer",
    ["name", "status"],
)

REFUSALS = Counter(
    "transfer_refusals",
    "Requests that were not answered, by class of error or name of the status",
    ["reason", "status"],
)

DROPPED = Counter(
    "transfer_dropped_connections",
    "Connections that were ended for their client's sake alone: SlowReader, or TooMany at once",
    ["reason"],
)

QUEUE = Gauge("transfer_queue_pictures", "Pictures in the house, from arrival to answer")

QUEUE_CAPACITY = Gauge(
    "transfer_queue_capacity_pictures", "Pictures that may be in the house; beyond them 503"
)

BATCH = Histogram(
    "transfer_batch_pictures",
    "Pictures that shared a run of the network",
    buckets=(1, 2, 4, 8, 16, 32, 64),
)

QUEUE_WAIT = _seconds(
    "transfer_queue_wait_seconds", "From a decoded picture to the start of its run of the network"
)

DECODE = _seconds(
    "transfer_decode_seconds", "Decoding and resizing a picture, the wait for a process included"
)

INFERENCE = _seconds("transfer_inference_seconds", "A run of the network, of a whole batch")

RENDER = _seconds(
    "transfer_render_seconds",
    "Drawing a heatmap and encoding it, the wait for a process included",
)

REFUSED_BUNDLES = Counter(
    "transfer_refused_bundles",
    "New versions in the store that were refused; the old ones go on",
    ["name"],
)

KEPT_BACK = Gauge(
    "transfer_kept_back_versions",
    "1: the newest version of this name has other classes, and an older one goes on; 0: it was so",
    ["name"],
)

MODEL = Gauge(
    "transfer_model_info",
    "1: this model is served; 0: it was",
    ["model", "digest", "provider", "backbone"],
)

#: What the log and `REFUSALS` call an answer with status 500.
_OUR_FAULT: Final = ("InternalServerError", "500")


def begin() -> None:
    """Begins the series of all errors of ours, and of mistakes, at 0."""
    REFUSALS.labels(*_OUR_FAULT)
    for kind in _kinds(RequestError):
        REFUSALS.labels(kind.__name__, str(kind.http_status))
    for reason in ("SlowReader", "TooMany"):
        DROPPED.labels(reason)
    for kind in (*_kinds(ImageError), OverloadedError):
        REFUSED_PICTURES.labels(kind.__name__)


def begin_model(tag: str, name: str, classes: Iterable[str]) -> None:
    """Begins the series of a model that is served from now on at 0."""
    REFUSED_BUNDLES.labels(name)
    UNFAMILIAR.labels(tag)
    REFERRED.labels(tag)
    SET_SIZE.labels(tag)
    for label in classes:
        ANSWERS.labels(tag, label)


def _kinds(kind: type[RequestError]) -> Iterator[type[RequestError]]:
    yield kind
    for below in kind.__subclasses__():
        yield from _kinds(below)
