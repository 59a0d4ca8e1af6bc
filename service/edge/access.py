"""Who may come in: API keys.

Keys come from the environment or from a file, several at once, so that a new one can be handed out
before the old one ends. The file is read again when it has changed; nothing is restarted. A key is
never logged, and is compared in constant time. What is logged is its name, where it has one:
`name=key`.
"""

import hashlib
import hmac
import logging
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from starlette.datastructures import Headers
from starlette.types import ASGIApp, Receive, Scope, Send

from models.errors import UnauthorizedError, UsageError
from service.http.application import refusal
from service.http.route import route_of
from service.observability.request_log import current
from service.settings import Settings

log = logging.getLogger(__name__)

_SENTENCE: Final = "this service needs a key: send the header Authorization: Bearer KEY"

#: A key with a name. Shorter ones are none with a name: a key may hold a = of its own, and what
#: follows must not open anything by itself.
_NAMED: Final = re.compile(r"([A-Za-z][A-Za-z0-9._-]{0,63})=(.{16,})")


@dataclass(frozen=True)
class _Key:
    digest: bytes
    name: str


class Keys:
    """The keys that open the service: those given stay, those of the file are read again."""

    def __init__(self, keys: Iterable[str], file: Path | None) -> None:
        """Reads the keys; OSError or UnicodeDecodeError where the file cannot be read."""
        self._fixed = [*_known(keys)]
        self._file = file
        self._version = _version(file) if file else None
        self._from_file = [*_known(_keys_in(file))] if file else []

    def __len__(self) -> int:
        return len(self._fixed) + len(self._from_file)

    def name_of(self, key: str) -> str | None:
        """The name of one of them, "" where it has none; None: it is no key of these.

        In a time that does not depend on how near it comes.
        """
        self._read_again_if_changed()
        # Starlette decodes headers as latin-1; this gives back the bytes that were sent.
        digest = hashlib.sha256(key.encode("latin-1")).digest()
        known = (*self._fixed, *self._from_file)
        return max((k.name for k in known if hmac.compare_digest(digest, k.digest)), default=None)

    def _read_again_if_changed(self) -> None:
        if self._file is None or (version := _version(self._file)) == self._version:
            return
        self._version = version
        try:
            self._from_file = [*_known(_keys_in(self._file))]
        except (OSError, UnicodeDecodeError) as error:
            log.warning("the keys cannot be read again, the last ones go on: %s", error)
        else:
            log.info("the keys have been read again from %s", self._file)


def keys_of(settings: Settings) -> Keys | None:
    """What opens the service; None where it is open to all. UsageError: for want of any key."""
    if settings.api_keys is None and settings.api_keys_file is None:
        return None
    try:
        keys = Keys(settings.named_keys, settings.api_keys_file)
    except (OSError, UnicodeDecodeError) as error:
        raise UsageError(f"TRANSFER_API_KEYS_FILE cannot be read: {error}") from error
    if len(keys) == 0:
        names = "TRANSFER_API_KEYS, TRANSFER_API_KEYS_FILE"
        raise UsageError(f"{names}: no key stands there, so nobody could come in")
    return keys


class KeyRequired:
    """Answers 401 to who has no key, on every route but the open ones."""

    def __init__(self, app: ASGIApp, keys: Keys) -> None:
        self._app = app
        self._keys = keys

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Passes a request on, or refuses it."""
        if scope["type"] != "http" or route_of(scope).is_open:
            await self._app(scope, receive, send)
        elif (name := self._name_of_key(scope)) is not None:
            if record := current():
                record.name = name
            await self._app(scope, receive, send)
        else:
            await refusal(UnauthorizedError(_SENTENCE))(scope, receive, send)

    def _name_of_key(self, scope: Scope) -> str | None:
        scheme, _, key = Headers(scope=scope).get("authorization", "").partition(" ")
        return self._keys.name_of(key.strip()) if scheme.lower() == "bearer" else None


def _known(keys: Iterable[str]) -> Iterator[_Key]:
    """What opens: of one with a name its key, and all of it, as it did before there were names."""
    for key in keys:
        named = _NAMED.fullmatch(key)
        name = named[1] if named else ""
        for one in (key, named[2]) if named else (key,):
            yield _Key(hashlib.sha256(one.encode()).digest(), name)


def _keys_in(file: Path) -> list[str]:
    """One a line; empty lines and those that begin with # are none."""
    lines = map(str.strip, file.read_text(encoding="utf-8").splitlines())
    return [line for line in lines if line and not line.startswith("#")]


def _version(file: Path) -> tuple[int, int, int] | None:
    """What changes when a file is written, or another takes its place; None: it is not there."""
    try:
        stat = file.stat()
    except OSError:
        return None
    return stat.st_mtime_ns, stat.st_size, stat.st_ino
