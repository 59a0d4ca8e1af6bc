"""The page at `/docs` on which the routes can be tried out: Swagger UI, without a network.

Its program comes with BentoML; BentoML's own page around it would load a tracker from elsewhere.
"""

from pathlib import Path
from typing import Final

import bentoml._internal.server
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Route

_OURS: Final = Path(__file__).parents[1] / "api_docs"

_SWAGGER_UI: Final = Path(bentoml._internal.server.__file__).parent / "static_content"  # noqa: SLF001

_FILES: Final = {
    "start.js": _OURS,
    "swagger-ui.css": _SWAGGER_UI,
    "swagger-ui-bundle.js": _SWAGGER_UI,
}


def docs_routes() -> list[BaseRoute]:
    """The page and its files, read once: a path from a client never meets the file system."""
    page = (_OURS / "index.html").read_bytes()
    files = {name: (folder / name).read_bytes() for name, folder in _FILES.items()}

    async def page_route(_: Request) -> Response:
        return Response(page, media_type="text/html")

    async def file_route(request: Request) -> Response:
        name = request.path_params["file"]
        if name not in files:
            raise HTTPException(404)
        media_type = "text/css" if name.endswith(".css") else "text/javascript"
        return Response(files[name], media_type=media_type)

    return [
        Route("/docs", page_route, methods=["GET"]),
        Route("/docs/{file}", file_route, methods=["GET"]),
    ]
