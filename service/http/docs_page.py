"""The page at `/docs` on which the routes can be tried out: Swagger UI, without a network.

Its program comes with BentoML; BentoML's own page around it would load a tracker from elsewhere.
"""

from pathlib import Path
from typing import Final

import bentoml._internal.server
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

_OURS: Final = Path(__file__).parents[1] / "api_docs"

_SWAGGER_UI: Final = Path(bentoml._internal.server.__file__).parent / "static_content"  # noqa: SLF001

_FILES: Final = {
    "start.js": _OURS,
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
}


class DocsPage:
    """The page and its files, read once: a path from a client never meets the file system."""

    def __init__(self) -> None:
        self._index = (_OURS / "index.html").read_bytes()
        self._files = {name: (folder / name).read_bytes() for name, folder in _FILES.items()}

    async def index(self, _: Request) -> Response:
        """GET /docs."""
        return Response(self._index, media_type="text/html")

    async def file(self, request: Request) -> Response:
        """GET /docs/NAME."""
        name = request.path_params["file"]
        if name not in self._files:
            raise HTTPException(404)
        media_type = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(self._files[name], media_type=media_type)
