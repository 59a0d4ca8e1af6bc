"""The page at `/` and its files under `/page/`: read once, held in memory, never stale.

A browser keeps a file and asks each time whether it is still current; the ETag is a digest of its
bytes, so it cannot be wrong, whatever the file's time says. Only names that were there at start are
answered: a path from a client never meets the file system. Everything comes from this service and
nothing is loaded from elsewhere, so the page works without a network.
"""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Final

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

_INDEX: Final = "index.html"


@dataclass(frozen=True)
class _File:
    content: bytes
    media_type: str
    etag: str


class Page:
    """The page's files in memory, and what answers with them."""

    def __init__(self) -> None:
        self._files = _read_files(Path(__file__).parents[1] / "page")

    async def index(self, request: Request) -> Response:
        """GET /."""
        return _answer(request, self._files[_INDEX])

    async def file(self, request: Request) -> Response:
        """GET /page/NAME."""
        file = self._files.get(request.path_params["path"])
        if file is None:
            raise HTTPException(404)
        return _answer(request, file)


def _read_files(folder: Path) -> dict[str, _File]:
    return {path.name: _read(path) for path in folder.iterdir() if path.suffix in _MEDIA_TYPES}


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
