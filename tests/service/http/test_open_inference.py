"""What platforms that know the Open Inference Protocol ask."""

import httpx
import pytest

from models.session import Prediction
from models.signature import INPUTS
from tests.service.conftest import Served


@pytest.mark.parametrize("state", ["live", "ready"])
def test_health_is_said_as_the_protocol_has_it(client: httpx.Client, state: str) -> None:
    answer = client.get(f"/v2/health/{state}")

    assert (answer.status_code, answer.json()) == (200, {state: True})


def test_a_service_whose_network_fails_is_not_ready_and_then_is_again(
    served: Served, png: bytes
) -> None:
    def fail(*_: object) -> list[Prediction]:
        raise RuntimeError("the network fails")

    batcher = served.engine.models.default.batcher
    batcher._predict, original = fail, batcher._predict
    try:
        served.client.post("/classify", files={"image": png})
        answer = served.client.get("/v2/health/ready")
    finally:
        batcher._predict = original

    assert (answer.status_code, answer.json()) == (503, {"ready": False})
    assert served.client.get("/v2/health/ready").json() == {"ready": True}


@pytest.mark.parametrize("by", ["name", "tag"])
def test_a_model_is_described_as_its_graph_is(served: Served, by: str) -> None:
    model = served.engine.models.default

    told = served.client.get(f"/v2/models/{getattr(model, by)}").json()

    assert (told["name"], told["versions"]) == (model.name, [model.tag.rpartition(":")[2]])
    assert [each["name"] for each in told["inputs"]] == [value.name for value in INPUTS]
    side = model.metadata.preprocessing
    assert told["inputs"][0] == {
        "name": "image", "datatype": "UINT8", "shape": [-1, side.height, side.width, 3],
    }  # fmt: skip
    assert told["outputs"][0]["shape"] == [-1, len(model.metadata.classes)]


def test_a_model_that_is_not_served_is_404(client: httpx.Client) -> None:
    answer = client.get("/v2/models/bolts")

    assert answer.status_code == 404
    assert "no model 'bolts' is served here" in answer.json()["error"]
