"""Which models are served, and how new versions of them are taken up while others answer.

A name follows the store: its newest version is loaded, checked and warmed beside the one that
answers; then requests go to the new one, and the old one ends when the last request that began with
it has been answered. What is refused changes nothing: the old one goes on, the log says once why,
and the same file is not tried again. A version with other classes would answer another question,
so it is kept back in the same way, until it is asked for by its tag or the service starts anew.
"""

import asyncio
import contextlib
import ctypes
import logging
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from models import store
from models.bundle import names_a_file
from models.decoding.batching import NetworkThreads
from models.errors import StoreError, TransferError, UnknownModelError, UsageError
from models.loose_file import loose_bundle
from models.session import Session
from models.store import StoredBundle
from service.inference.served_model import ServedModel, load_session
from service.observability import metrics
from service.settings import Settings

log = logging.getLogger(__name__)

_LATEST: Final = ":latest"

#: What tells one state of a stored file from another: tag, time, length, inode.
_State = tuple[str, int, int, int]


@dataclass(frozen=True)
class Wanted:
    """A bundle that the settings ask for, and the state of its file before anybody read it.

    `key`: `name`, which follows the store or a file, or `name:version`, which never changes.
    """

    key: str
    stored: StoredBundle
    state: _State | None


def find_bundles(settings: Settings) -> list[Wanted]:
    """The bundles that the settings name, the default first.

    Unset means the newest bundle of the store; from then on its name is followed. `all` begins with
    that one too.

    Raises:
        StoreError: one of them is not there, or the store is empty.
        UsageError: a file and another model would have one name.
    """
    if settings.models and not settings.serves_all:
        keys = dict.fromkeys(key.removesuffix(_LATEST) for key in settings.models)
        named = [_named(key) for key in keys]
        _check_names_of_files(named)
        return named
    found = [store.newest(), *(store.every_newest() if settings.serves_all else ())]
    return [_wanted(stored.name, stored) for stored in dict.fromkeys(found)]


class ModelRegistry:
    """The models that answer, by the name or tag that the settings have for them."""

    def __init__(self, settings: Settings, threads: NetworkThreads) -> None:
        """Serves nothing yet; `threads`: where all networks run."""
        self._settings = settings
        self._threads = threads
        self._served: dict[str, ServedModel] = {}
        self._refused: dict[str, _State | None] = {}
        self._kept_back: dict[str, str] = {}
        self._files: dict[str, Path] = {}
        self._warming: list[asyncio.Task[None]] = []

    @property
    def served(self) -> tuple[ServedModel, ...]:
        """What answers now, the default first."""
        return tuple(self._served.values())

    @property
    def default(self) -> ServedModel:
        """What answers where no model is asked for."""
        return self.served[0]

    def find(self, wanted: str | None) -> ServedModel:
        """The model of a name, or of a tag if that version answers; else UnknownModelError."""
        if not wanted:
            return self.default
        name = wanted.removesuffix(_LATEST)
        named = (model for model in self.served if name in (model.tag, model.name))
        if model := self._served.get(name) or next(named, None):
            return model
        known = ", ".join(model.tag for model in self.served)
        why = ""
        if name in self._kept_back.values():
            why = " (its classes are others: it waits for TRANSFER_MODEL or a new start)"
        raise UnknownModelError(
            f"no model {wanted[:100]!r} is served here{why}; served are: {known}"
        )

    async def open(self) -> None:
        """Loads everything that the settings name; TransferError: one, or all of `all`, is bad."""
        refusal: TransferError | None = None
        for wanted in await asyncio.to_thread(find_bundles, self._settings):
            if not wanted.stored.is_in_store:
                self._files[wanted.key] = wanted.stored.path
            try:
                await self._serve(wanted)
                await asyncio.to_thread(self._warn_of_other_classes, wanted)
            except TransferError as error:
                if not self._settings.serves_all:
                    raise
                self._note_refusal(wanted, error)
                refusal = error
        if not self._served and refusal:
            raise refusal

    async def watch(self) -> None:
        """Looks into the store again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._settings.watch_seconds)
            try:
                await self.refresh()
            # Unseen it would end the watch for ever, and the stop with an error.
            except Exception:
                log.exception("the store could not be looked at; what is served goes on")

    async def refresh(self) -> None:
        """Takes up what is new in the store; nothing that is there can make this fail."""
        for wanted in await asyncio.to_thread(self._find_new):
            try:
                if not await asyncio.to_thread(self._keeps_back, wanted):
                    await self._serve(wanted)
            # A bundle may fail in ways that are no errors of ours, for lack of memory for one;
            # whatever it is, what answers now must go on, and so must this watch.
            except Exception as error:  # noqa: BLE001
                self._note_refusal(wanted, error)

    async def close(self) -> None:
        """Answers what was accepted, then ends."""
        await asyncio.gather(*self._warming)
        for model in self.served:
            await model.retire()

    def _find_new(self) -> list[Wanted]:
        """Versions that do not answer yet, and have not been refused as they are."""
        if self._settings.serves_all:
            found = [_wanted(stored.name, stored) for stored in store.every_newest()]
        else:
            followed = [key for key in self._served if ":" not in key]
            found = [_wanted(key, stored) for key in followed if (stored := self._newest(key))]
        return [wanted for wanted in found if self._is_new(wanted)]

    def _newest(self, name: str) -> StoredBundle | None:
        try:
            return loose_bundle(file) if (file := self._files.get(name)) else store.get(name)
        except StoreError as error:
            if name not in self._refused:
                log.warning("%s; %s goes on", error, self._served[name].tag)
            self._refused[name] = None
            return None

    def _is_new(self, wanted: Wanted) -> bool:
        served = self._served.get(wanted.key)
        if served and served.tag == wanted.stored.tag:
            self._forget_problems(wanted.key)
            return False
        return self._refused.get(wanted.key) != wanted.state

    async def _serve(self, wanted: Wanted) -> None:
        """Loads a bundle beside the one that answers for its key, exchanges them, ends the old."""
        session = await asyncio.to_thread(load_session, wanted.stored, self._settings)
        old = self._served.get(wanted.key)
        if old or session.provider != "cpu":
            await asyncio.to_thread(session.warm_up, self._settings.max_batch)
        else:
            self._warming.append(asyncio.create_task(self._warm_up_later(session)))
        new = ServedModel(wanted.stored, session, self._settings.max_batch, self._threads)
        self._served[wanted.key] = new
        new.metric.set(1)
        metrics.begin_model(new.tag, new.name, session.classes)
        self._forget_problems(wanted.key)
        if old:
            old.metric.set(0)
            await old.retire()
            log.info("%s has answered its last request", old.tag)
            del old
            await asyncio.to_thread(_give_memory_back)

    async def _warm_up_later(self, session: Session) -> None:
        """For the first of a name on a CPU, so that its answers begin sooner; it is warm enough."""
        try:
            await asyncio.to_thread(session.warm_up, self._settings.max_batch)
        # ONNX Runtime's errors have no common class below Exception; what is asked of it says more.
        except Exception:
            log.exception("the largest batch failed before anybody asked")

    def _keeps_back(self, wanted: Wanted) -> bool:
        """Whether a version answers another question than the one that is served; said once."""
        old, found = self._served.get(wanted.key), wanted.stored.metadata
        if not (old and found) or set(found.classes) == set(old.session.classes):
            return False
        self._refused[wanted.key] = wanted.state
        self._kept_back[wanted.key] = wanted.stored.tag
        metrics.KEPT_BACK.labels(wanted.key).set(1)
        log.warning(
            "%s is not taken up: its classes are others (%s) than those of %s, which goes on (%s). "
            "%s new start serves it",
            wanted.stored.tag, _shown(found.classes), old.tag, _shown(old.session.classes),
            f"TRANSFER_MODEL={wanted.stored.tag} or a" if wanted.stored.is_in_store else "A",
        )  # fmt: skip
        return True

    def _warn_of_other_classes(self, wanted: Wanted) -> None:
        """Says that the newest version of a name answers another question than the one before."""
        stored, served = wanted.stored, self._served[wanted.key]
        others = (other for other in store.versions(stored.name) if other.tag != stored.tag)
        follows_store = stored.is_in_store and wanted.key == stored.name
        before = next(others, None) if follows_store else None
        known = before and before.metadata
        if before and known and set(known.classes) != set(served.session.classes):
            log.warning(
                "%s has other classes (%s) than %s, the version before (%s), which "
                "TRANSFER_MODEL=%s serves",
                stored.tag, _shown(served.session.classes), before.tag, _shown(known.classes),
                before.tag,
            )  # fmt: skip

    def _forget_problems(self, key: str) -> None:
        """What answers now is the newest that there is."""
        self._refused.pop(key, None)
        if self._kept_back.pop(key, None):
            metrics.KEPT_BACK.labels(key).set(0)

    def _note_refusal(self, wanted: Wanted, error: Exception) -> None:
        self._refused[wanted.key] = wanted.state
        old = self._served.get(wanted.key)
        goes_on = f"{old.tag} goes on" if old else "it is not served"
        metrics.REFUSED_BUNDLES.labels(wanted.stored.name).inc()
        log.error("%s is refused, %s: %s", wanted.stored.tag, goes_on, error)


def _give_memory_back() -> None:
    """Glibc keeps what a model took, in pieces into which the next one does not fit.

    Without this a service grows by some 10 MiB with each of fifty new versions.
    """
    if sys.platform == "linux":
        with contextlib.suppress(AttributeError):  # musl has no such function
            ctypes.CDLL(None).malloc_trim(0)


def _shown(classes: tuple[str, ...]) -> str:
    """Names of classes, the first ten."""
    return ", ".join((*classes[:10], *(["…"] if len(classes) > 10 else [])))


def _named(key: str) -> Wanted:
    """What the settings call so: a file, else a name or tag of the store."""
    if not names_a_file(key):
        return _wanted(key, store.get(key))
    stored = loose_bundle(Path(key).absolute())
    return _wanted(stored.name, stored)


def _check_names_of_files(found: list[Wanted]) -> None:
    for wanted in found:
        others = [other for other in found if other is not wanted]
        same = next((o for o in others if o.stored.name == wanted.stored.name), None)
        if same and not wanted.stored.is_in_store:
            raise UsageError(
                f"{wanted.stored.path} would be served as {wanted.stored.name!r}, as would "
                f"{same.stored.path}: give the file another name, or bring it into the store "
                "(train-transfer --import FILE --name NAME)"
            )


def _wanted(key: str, stored: StoredBundle) -> Wanted:
    try:
        found = stored.path.stat()
    except OSError:  # it goes just now; reading it will say so
        return Wanted(key, stored, None)
    return Wanted(key, stored, (stored.tag, found.st_mtime_ns, found.st_size, found.st_ino))
