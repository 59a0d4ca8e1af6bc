"""FastAPI and uvicorn, as fastapi.tiangolo.com shows it: a plain function, run on its threads.

RIVAL_BUNDLE=bundle.onnx RIVAL_WORKERS=2 uvicorn --workers 2 fastapi_server:app
"""

from typing import Annotated, Any

from fastapi import FastAPI, File
from network import Network

app = FastAPI()
network = Network()


@app.post("/classify")
def classify(image: Annotated[bytes, File()]) -> dict[str, Any]:
    """One picture a request; many may run at once."""
    return network.classify([network.read(image)])[0]


@app.get("/health")
def health() -> str:
    """Says that the network is loaded."""
    return "ok"
