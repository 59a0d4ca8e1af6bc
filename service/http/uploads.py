"""From the body of a request to the files and texts in it, with a limit on everything.

A body is a form, or one picture as it is (`Content-Type: image/…`), as cameras and scripts send it.

Nothing touches the disk; a body is held in memory and counted while it arrives, whatever its
Content-Length claims. A text where a file belongs is refused: no address that a client sends is
ever fetched. Why not Starlette's own parser: docs/decisions/0018.
"""

import asyncio
import re
from collections.abc import Callable
from contextlib import aclosing
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import unquote

from python_multipart.exceptions import FormParserError
from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import Request

from models.errors import BodyTooLargeError, MediaTypeError, RequestError, SlowBodyError
from service.inference.upload import Upload
from service.settings import Settings

#: RFC 5987 has no place in forms (RFC 7578), but older clients send it for names beyond ASCII.
_EXTENDED_FILE_NAME: Final = re.compile(r"filename\*=utf-8''([^;]*)", re.IGNORECASE)

_FILE_FIELD: Final = "image"

#: Of a text: twice what file systems allow for a name.
_MAX_TEXT_BYTES: Final = 512


@dataclass(frozen=True)
class Form:
    """What a body held: at least one file, and the texts by their field's name."""

    files: tuple[Upload, ...]
    texts: dict[str, str]


async def read_form(
    request: Request,
    settings: Settings,
    text_fields: tuple[str, ...],
    max_files: int,
    count: Callable[[int], None],
) -> Form:
    """Reads the body of a request, and has its bytes counted as they arrive.

    Raises:
        RequestError: of the kind that says what is wrong: the media type, the form, its fields, the
            time, a limit, or whatever `count` raises.
    """
    too_large = BodyTooLargeError(
        f"the body is too large: at most {settings.max_body_bytes:,} bytes are read"
    )
    declared = request.headers.get("content-length", "0")
    if not declared.isdecimal() or int(declared) > settings.max_body_bytes:
        raise too_large
    length = 0
    try:
        reader = _reader(request, text_fields, max_files)  # which minds the length of a boundary
        async with asyncio.timeout(settings.body_seconds), aclosing(request.stream()) as chunks:
            async for chunk in chunks:
                count(len(chunk))
                length += len(chunk)
                if length > settings.max_body_bytes:
                    raise too_large
                reader.write(chunk)
    except TimeoutError as error:
        raise SlowBodyError(
            f"the body took more than {settings.body_seconds:g} seconds to arrive"
        ) from error
    except FormParserError as error:
        raise RequestError(f"the form is broken: {error}") from error
    return reader.form()


def _reader(
    request: Request, text_fields: tuple[str, ...], max_files: int
) -> "_PictureReader | _FormReader":
    """What reads this kind of body."""
    if (coding := request.headers.get("content-encoding", "identity").lower()) != "identity":
        raise MediaTypeError(
            f"a body with Content-Encoding {coding[:100]} is not read: send it as it is, as "
            "pictures are compressed already"
        )
    media_type, options = parse_options_header(request.headers.get("content-type"))
    if media_type.startswith(b"image/"):
        return _PictureReader()
    if media_type != b"multipart/form-data":
        found = media_type.decode("latin-1")[:100] or "none"
        raise MediaTypeError(
            "send the picture as multipart/form-data, or alone with a Content-Type of image/jpeg "
            f"or another image/…; this request is {found}"
        )
    if not options.get(b"boundary"):
        raise RequestError("the form is broken: its Content-Type names no boundary")
    return _FormReader(options[b"boundary"], text_fields, max_files)


class _PictureReader:
    """Takes a body as one picture, which has no name."""

    def __init__(self) -> None:
        self._data = bytearray()

    def write(self, data: bytes) -> None:
        """Adds what has arrived."""
        self._data += data

    def form(self) -> Form:
        """As a form of nothing else."""
        if not self._data:
            raise RequestError("the body is empty: it should be a picture")
        return Form((Upload("", bytes(self._data)),), {})


@dataclass
class _Part:
    disposition: bytearray = field(default_factory=bytearray)
    name: str = ""
    file_name: str | None = None
    data: bytearray = field(default_factory=bytearray)


class _FormReader:
    """Collects the parts of a form while the parser finds them."""

    def __init__(self, boundary: bytes, text_fields: tuple[str, ...], max_files: int) -> None:
        self._fields = (_FILE_FIELD, *text_fields)
        self._max_files = max_files
        self._files: list[Upload] = []
        self._texts: dict[str, str] = {}
        self._header = bytearray()
        self._part = _Part()
        self._parts = 0
        self._is_complete = False
        self._parser = MultipartParser(boundary, self._callbacks())  # type: ignore[arg-type]

    def write(self, data: bytes) -> None:
        """Goes on with what has arrived; FormParserError: it is no such form."""
        self._parser.write(data)

    def _callbacks(self) -> dict[str, object]:
        """What the parser is to call; it passes slices of what it was given."""
        return {
            "on_part_begin": self._begin_part,
            "on_header_begin": self._header.clear,
            "on_header_field": self._add_to_header,
            "on_header_value": self._add_to_value,
            "on_headers_finished": self._check_part,
            "on_part_data": self._add_data,
            "on_part_end": self._end_part,
            "on_end": self._end,
        }

    def form(self) -> Form:
        """What was found, once all of the body has been parsed."""
        if not self._is_complete:
            raise RequestError("the form is broken: it ends in the middle")
        if not self._files:
            raise RequestError(f"there is no file in the field {_FILE_FIELD!r}")
        return Form(tuple(self._files), self._texts)

    def _begin_part(self) -> None:
        # One more: what browsers send for a file field that nobody filled.
        most = self._max_files + len(self._fields)
        self._parts += 1
        if self._parts > most:
            raise BodyTooLargeError(f"the form has too many parts: at most {most} are read here")
        self._part = _Part()

    def _add_to_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _add_to_value(self, data: bytes, start: int, end: int) -> None:
        if self._header.lower() == b"content-disposition":
            self._part.disposition += data[start:end]

    def _check_part(self) -> None:
        part, known, most = self._part, self._fields, self._max_files
        disposition = bytes(part.disposition)
        options = parse_options_header(disposition)[1]
        part.name = _text(options.get(b"name", b""))
        part.file_name = _file_name(disposition, options)
        is_file, belongs_there = part.file_name is not None, part.name == _FILE_FIELD
        if part.name not in known:
            raise RequestError(f"unknown field {part.name[:100]!r}; known are: {', '.join(known)}")
        if is_file and not belongs_there:
            raise RequestError(f"the field {part.name!r} must hold text, and holds a file")
        if belongs_there and not is_file:
            raise RequestError(
                f"the field {part.name!r} must hold a file, and holds text; "
                "addresses and encoded pictures are not read"
            )
        if part.name in self._texts:
            raise RequestError(f"the field {part.name!r} stands there twice")
        if is_file and len(self._files) == most:
            raise BodyTooLargeError(f"too many files: at most {most} in one request here")

    def _add_data(self, data: bytes, start: int, end: int) -> None:
        self._part.data += data[start:end]
        if self._part.file_name is None and len(self._part.data) > _MAX_TEXT_BYTES:
            name = self._part.name
            raise BodyTooLargeError(
                f"the field {name!r} is too long: at most {_MAX_TEXT_BYTES} bytes are read"
            )

    def _end_part(self) -> None:
        part = self._part
        if part.file_name is None:
            self._texts[part.name] = _text(part.data)
        # Without a name and empty: what browsers send for a file field that nobody filled.
        elif part.file_name or part.data:
            self._files.append(Upload(part.file_name, bytes(part.data)))

    def _end(self) -> None:
        self._is_complete = True


def _file_name(disposition: bytes, options: dict[bytes, bytes]) -> str | None:
    if b"filename" in options:
        return _text(options[b"filename"])
    extended = _EXTENDED_FILE_NAME.search(disposition.decode("latin-1"))
    return unquote(extended[1]) if extended else None


def _text(data: bytes | bytearray) -> str:
    return data.decode("utf-8", errors="replace")
