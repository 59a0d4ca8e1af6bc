"""A bundle that answers: loaded, checked, warm, and used by requests."""

import asyncio
import contextlib
import logging
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

import numpy as np
from prometheus_client import Gauge

from models import occlusion
from models.bundle import BundleMetadata, read_bundle
from models.decoding.batching import MicroBatcher, NetworkThreads
from models.errors import UnknownClassError
from models.heatmap import MapGeometry
from models.session import Prediction, Session
from models.store import StoredBundle, newest_tag
from service.inference.upload import Upload
from service.observability import metrics
from service.settings import Settings

log = logging.getLogger(__name__)

#: How it is found out where a network looked.
Method = Literal["gradcam", "occlusion"]


class ServedModel:
    """A bundle that answers. Lives in one event loop.

    A request uses it from before its pictures are decoded, for this bundle's preprocessing, until
    it has answered; `retire` waits for that.
    """

    def __init__(
        self, stored: StoredBundle, session: Session, max_batch: int, threads: NetworkThreads
    ) -> None:
        self.tag, self.name, self._is_in_store = stored.tag, stored.name, stored.is_in_store
        self.session = session
        self.batcher = MicroBatcher(
            session.predict, max_batch, threads, _measure, beside=session.parted_from
        )
        self._users = 0
        self._is_unused = asyncio.Event()
        self._is_unused.set()

    @property
    def metadata(self) -> BundleMetadata:
        """What the bundle says of itself."""
        return self.session.metadata

    @property
    def is_newest(self) -> bool:
        """Whether the store has no newer version of its name; true where the store is gone."""
        return not self._is_in_store or newest_tag(self.name) in (self.tag, None)

    @property
    def metric(self) -> Gauge:
        """Whether this model is served, for Prometheus."""
        session = self.session
        labels = (self.tag, session.digest, session.provider, session.metadata.backbone)
        return metrics.MODEL.labels(*labels)

    def class_index(self, name: str) -> int:
        """Position of a class; UnknownClassError where the model has no such class."""
        if name in self.session.classes:
            return self.session.classes.index(name)
        known = ", ".join(self.session.classes)
        raise UnknownClassError(f"unknown class {name!r}; known are: {known}")

    @contextlib.contextmanager
    def in_use(self) -> Iterator[None]:
        """Keeps it answering for as long as the context lasts."""
        self._users += 1
        self._is_unused.clear()
        try:
            yield
        finally:
            self._users -= 1
            if self._users == 0:
                self._is_unused.set()

    async def retire(self) -> None:
        """Waits until nobody uses it, and ends it. It must not be given to anybody any more."""
        await self._is_unused.wait()
        await self.batcher.close()

    async def why_not_ready(self) -> str | None:
        """Why it cannot answer; None if it can. After a failure the network itself is asked."""
        if not self.batcher.is_open:
            return f"{self.tag} is closed"
        if self.batcher.problem is None:
            return None
        size = self.metadata.preprocessing
        with contextlib.suppress(Exception):  # it is in `problem`, and in the log
            await self.batcher.answer(np.zeros((size.height, size.width, 3), np.uint8))
        return self.batcher.problem and f"{self.tag}: {self.batcher.problem}"


def _measure(waited: list[float], seconds: float) -> None:
    metrics.BATCH.observe(len(waited))
    for each in waited:
        metrics.QUEUE_WAIT.observe(each)
    metrics.INFERENCE.observe(seconds)


@dataclass(frozen=True)
class Answer:
    """What the network says of a picture, whose `width` and `height` are those of it upright.

    The heatmap is that of the class `class_index`, or, at -1, of the predicted one; `scale`, in
    [0, 1], is how much speaks for that class at its strongest place beside what speaks for the
    predicted one at its own. `warnings` are sentences on what is unlike the pictures that the model
    learned from.

    By occlusion both maps come from hiding parts of the picture (`models.occlusion`).
    """

    model: ServedModel
    upload: Upload
    class_index: int
    prediction: Prediction
    width: int
    height: int
    warnings: tuple[str, ...] = ()
    scale: float = 1.0
    method: Method = "gradcam"

    @property
    def map_doubt(self) -> str:
        """What speaks against the model's heatmaps, a sentence; most often empty."""
        quality = self.model.metadata.map_quality
        return quality.doubt if quality and self.method == "gradcam" else ""

    @property
    def map_note(self) -> str:
        """The same in few words."""
        quality = self.model.metadata.map_quality
        return quality.note if quality and self.method == "gradcam" else ""

    @property
    def geometry(self) -> MapGeometry:
        """Where the heatmap's cells look, in pixels of the network's input."""
        size = self.model.metadata.preprocessing
        if self.method == "occlusion":
            return occlusion.geometry(size.width, size.height)
        return self.model.metadata.map_geometry


def load_session(stored: StoredBundle, settings: Settings) -> Session:
    """Loads a bundle and checks it; takes seconds, so call it in a thread.

    Raises:
        TransferError: the bundle is refused, or the provider did not come up.
    """
    session = Session(read_bundle(stored.path), settings.provider, settings.threads)
    classes, names = len(session.classes), ", ".join(session.classes)
    log.info("serving %s on %s: %d classes (%s)", stored.tag, session.provider, classes, names)
    return session
