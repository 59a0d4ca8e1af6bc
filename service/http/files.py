"""The files of the pages at `/` and `/docs`: read once, held in memory, never stale.

A browser keeps a file and asks each time whether it is still current; the ETag is a digest of its
bytes, so it cannot be wrong, whatever the file's time says. Only names that were there at start are
answered: a path from a client never meets the file system. Everything comes from this service and
nothing is loaded from elsewhere, so the pages work without a network.
"""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Final

import bentoml._internal.server
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

#: Said here because the system's own table of types may say otherwise, and browsers then refuse.
_MEDIA_TYPES: Final = {
    ".html": "text/html",
    ".css": "text/css",
    ".js": "text/javascript",
    ".svg": "image/svg+xml",
}

_SERVICE: Final = Path(__file__).parents[1]

#: Its program comes with BentoML; BentoML's own page around it would load a tracker from elsewhere.
_SWAGGER_UI: Final = Path(bentoml._internal.server.__file__).parent / "static_content"  # noqa: SLF001


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str
    etag: str


class Page:
    """A page and the files under it, in memory, and what answers with them."""

    def __init__(self, index: Path, files: Iterable[Path]) -> None:
        self._index = _read(index)
        self._files = {path.name: _read(path) for path in files}

    async def index(self, request: Request) -> Response:
        """GET the page."""
        return _answer(request, self._index)

    async def file(self, request: Request) -> Response:
        """GET a file of it, by the one parameter of the path."""
        (name,) = request.path_params.values()
        if name not in self._files:
            raise HTTPException(404)
        return _answer(request, self._files[name])


def page_for_people() -> Page:
    """Reads the page at `/`."""
    folder = _SERVICE / "page"
    return Page(folder / "index.html", (p for p in folder.iterdir() if p.suffix in _MEDIA_TYPES))


def page_to_try_out() -> Page:
    """Reads the page at `/docs`, on which the routes can be tried out: Swagger UI."""
    ours = _SERVICE / "api_docs"
    theirs = (_SWAGGER_UI / name for name in ("swagger-ui.css", "swagger-ui-bundle.js"))
    return Page(ours / "index.html", (ours / "start.js", *theirs))


def _read(path: Path) -> _File:
    content = path.read_bytes()
    etag = f'"{hashlib.sha256(content).hexdigest()}"'
    return _File(content, _MEDIA_TYPES[path.suffix], etag)


def _answer(request: Request, file: _File) -> Response:
    headers = {"ETag": file.etag, "Cache-Control": "no-cache"}
    known = request.headers.get("If-None-Match", "").replace("W/", "").split(",")
    if file.etag in map(str.strip, known):
        return Response(status_code=304, headers=headers)
    return Response(file.content, media_type=file.media_type, headers=headers)
