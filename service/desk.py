"""What a handler needs to answer: the served model, threads to decode in, and the gate.

A request takes the model from the desk once and keeps it until it has answered, so that the model
may be exchanged meanwhile.
"""

import asyncio
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeVar

from models import store
from models.bundle import BundleMetadata, read_bundle
from models.errors import UnknownClassError
from models.session import Session
from models.store import StoredBundle
from service import metrics
from service.batching import Gate, Lane
from service.settings import Settings

log = logging.getLogger(__name__)

_T = TypeVar("_T")


@dataclass(frozen=True)
class ServedModel:
    """A bundle that answers.

    Attributes:
        tag: `name:version` in the store.
        session: the bundle, loaded and checked.
        lane: the way to it.
    """

    tag: str
    session: Session
    lane: Lane

    @property
    def metadata(self) -> BundleMetadata:
        """What the bundle says of itself."""
        return self.session.metadata

    def class_index(self, name: str) -> int:
        """Position of a class.

        Raises:
            UnknownClassError: the model has no such class.
        """
        try:
            return self.session.classes.index(name)
        except ValueError:
            known = ", ".join(self.session.classes)
            raise UnknownClassError(f"unknown class {name!r}; known are: {known}") from None


class Desk:
    """Everything that answers requests, in one event loop."""

    def __init__(self, settings: Settings, model: ServedModel) -> None:
        self.settings = settings
        self.model = model
        self.gate = Gate(settings.queue_size)
        self._threads = ThreadPoolExecutor(settings.decode_threads, thread_name_prefix="pictures")

    async def in_thread(self, work: Callable[[], _T]) -> _T:
        """Does what would hold up the event loop: decoding, drawing, encoding."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)

    async def close(self) -> None:
        """Answers what was accepted, then ends."""
        await self.model.lane.close()
        self._threads.shutdown()


def find_bundle(settings: Settings) -> StoredBundle:
    """The bundle that the settings name, else the newest.

    Raises:
        StoreError: there is none.
    """
    return store.get(settings.model) if settings.model else store.newest()


def open_desk(settings: Settings) -> Desk:
    """Loads and checks the bundle; from then on it answers, in the running event loop.

    Raises:
        StoreError: there is no bundle.
        BundleError: it is refused.
        ProviderError: the provider that was asked for did not come up.
    """
    stored = find_bundle(settings)
    session = Session(read_bundle(stored.path), settings.provider, settings.threads)
    lane = Lane(session.predict, settings.max_batch)
    metrics.MODEL.labels(
        stored.tag, session.digest, session.provider, session.metadata.backbone
    ).set(1)
    log.info(
        "serving %s on %s: %d classes (%s)",
        stored.tag,
        session.provider,
        len(session.classes),
        ", ".join(session.classes),
    )
    return Desk(settings, ServedModel(stored.tag, session, lane))
