"""The Open Inference Protocol's questions about health and models, for platforms that ask them.

What they are for (KServe, Triton's clients) is to find and watch models; pictures go to our own
routes, as the protocol knows tensors alone. https://github.com/kserve/open-inference-protocol
"""

from typing import Final

from starlette.requests import Request
from starlette.responses import Response

from models.signature import INPUTS, OUTPUTS, Value
from service.http.application import json_answer
from service.http.schemas import Live, ModelMetadata, Ready, Tensor
from service.inference.runtime import Engine
from service.inference.served_model import ServedModel

_PLATFORM: Final = "onnx_onnxv1"

_DATATYPES: Final = {"uint8": "UINT8", "int64": "INT64", "float": "FP32", "bool": "BOOL"}

#: As a length: any.
_ANY: Final = -1


async def live(_: Request) -> Response:
    """GET /v2/health/live."""
    return json_answer(Live(live=True))


async def ready(request: Request) -> Response:
    """GET /v2/health/ready."""
    is_ready = await _engine(request).why_not_ready() is None
    return json_answer(Ready(ready=is_ready), 200 if is_ready else 503)


async def model_metadata(request: Request) -> Response:
    """GET /v2/models/NAME."""
    model = _engine(request).models.find(request.path_params["name"])
    return json_answer(
        ModelMetadata(
            name=model.name,
            versions=[model.tag.rpartition(":")[2]],
            platform=_PLATFORM,
            inputs=[_tensor(value, model) for value in INPUTS],
            outputs=[_tensor(value, model) for value in OUTPUTS],
        )
    )


def _tensor(value: Value, model: ServedModel) -> Tensor:
    preprocessing = model.metadata.preprocessing
    known = {"H": preprocessing.height, "W": preprocessing.width, "K": len(model.metadata.classes)}
    shape = [axis if isinstance(axis, int) else _ANY for axis in value.row(known)]
    return Tensor(name=value.name, datatype=_DATATYPES[value.type], shape=[_ANY, *shape])


def _engine(request: Request) -> Engine:
    engine: Engine = request.app.state.engine
    return engine
