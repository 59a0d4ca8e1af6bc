"""One line for each request, and the id of the request on every line that it causes.

A line says what was asked for, how it went, how long it took, and how much there was; never what a
client chose to call things: no path as it was sent, no file name, nothing of a picture.
"""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any

from service.observability import metrics
from service.settings import LogFormat

_access_log = logging.getLogger("service.access")


@dataclass(eq=False)
class RequestRecord:
    """What becomes known of a request until it has been answered.

    Attributes:
        request_id: what client, answer and log call it.
        method: of HTTP; `OTHER` where it is none that a route here has.
        route: the route's template; never the path that was sent.
        is_quiet: whether the line is worth reading only where the request failed.
        status: of the answer; 499 where the client hung up before there was one.
        bytes: of the body that were read.
        pictures: how many pictures were looked at.
        model: tag of the model that answered.
        reason: class of the error that it was refused with.
        name: of the key that it came with; "" where it had none.
        client: the address that it came from; None: it is not to be logged.
    """

    request_id: str
    method: str
    route: str
    is_quiet: bool = False
    status: int = 499
    bytes: int = 0
    pictures: int = 0
    model: str | None = None
    reason: str | None = None
    name: str = ""
    client: str | None = None

    def __post_init__(self) -> None:
        self._start = time.perf_counter()
        self._has_ended = False

    def end(self) -> None:
        """Counts the request and writes its line, once: it is answered, or will not be."""
        if self._has_ended:
            return
        self._has_ended = True
        if self.status >= 400:
            metrics.REFUSALS.labels(self.reason or _name(self.status), str(self.status)).inc()
        if self.name:
            metrics.NAMED_REQUESTS.labels(self.name, str(self.status)).inc()
        fields = {
            "method": self.method,
            "route": self.route,
            "status": self.status,
            "milliseconds": round((time.perf_counter() - self._start) * 1000, 1),
            "bytes": self.bytes,
            "pictures": self.pictures,
            **{k: v for k in ("model", "reason", "name", "client") if (v := getattr(self, k))},
        }
        level = logging.DEBUG if self.is_quiet and self.status < 400 else logging.INFO
        asked = (self.method, self.route, self.status)
        _access_log.log(level, "%s %s %d", *asked, extra={"fields": fields})


def _name(status: int) -> str:
    if status == 499:
        return "ClientHungUp"
    return HTTPStatus(status).phrase.title().replace(" ", "").replace("-", "")


_current: ContextVar[RequestRecord | None] = ContextVar("request", default=None)


def current() -> RequestRecord | None:
    """The request that is being answered here, if any."""
    return _current.get()


@contextmanager
def recorded(record: RequestRecord) -> Iterator[None]:
    """Puts the request's id on every line that is logged inside."""
    token = _current.set(record)
    try:
        yield
    finally:
        _current.reset(token)


def configure_logging(log_format: LogFormat) -> None:
    """Makes every line of this process a text for people or a JSON object for machines.

    BentoML has put the handlers there by then; only what they write is ours.
    """
    formatter = _JsonFormatter() if log_format == "json" else _TextFormatter()
    for handler in logging.getLogger().handlers:
        handler.setFormatter(formatter)
    for name in ("service", "models"):
        logging.getLogger(name).setLevel(logging.INFO)
    # It reports every broken form, which anybody can send.
    logging.getLogger("python_multipart").setLevel(logging.ERROR)


class _TextFormatter(logging.Formatter):
    """`time [LEVEL] logger message name=value …`, a traceback below it."""

    def formatMessage(self, record: logging.LogRecord) -> str:  # noqa: N802  (logging's name)
        line = f"{_time(record)} [{record.levelname}] {record.name} {record.message}"
        shown = {k: v for k, v in _fields(record).items() if k not in ("method", "route", "status")}
        return " ".join([line, *(f"{name}={value}" for name, value in shown.items())])


class _JsonFormatter(logging.Formatter):
    """One JSON object a line."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": _time(record),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
            **_fields(record),
        }
        if record.exc_info:
            line["traceback"] = self.formatException(record.exc_info)
        return json.dumps(line, ensure_ascii=False, default=str)


def _fields(record: logging.LogRecord) -> dict[str, Any]:
    request = current()
    fields: dict[str, Any] = dict(getattr(record, "fields", {}))
    return fields | ({"request_id": request.request_id} if request else {})


def _time(record: logging.LogRecord) -> str:
    return datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds")
