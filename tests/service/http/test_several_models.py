"""Several models over HTTP, and new versions of one under load."""

import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import permutations

import httpx
import numpy as np
import pytest
from PIL import Image
from prometheus_client import REGISTRY

from models import store
from models.bundle import Bundle, OperatingPoint
from tests.conftest import encoded, operating_point, resealed
from tests.service.conftest import Serve, Served, wait_until


def version(bundle: Bundle, mark: str, point: OperatingPoint | None = None) -> bytes:
    """The same network, whose classes say which version answers."""
    classes = tuple(f"{mark}-{number}" for number in range(3))
    return resealed(bundle, classes=classes, operating_point=point).data


@pytest.fixture(scope="module")
def two(serve: Serve, bundle: Bundle) -> Iterator[tuple[Served, str, str]]:
    first = store.put(version(bundle, "first"), "first").tag
    point = operating_point("second-0", 0.0)
    second = store.put(version(bundle, "second", point), "second").tag
    with serve(model="first,second") as served:
        yield served, first, second


def test_every_model_is_described_and_the_first_is_the_default(
    two: tuple[Served, str, str],
) -> None:
    served, first, second = two

    models = served.client.get("/models").json()["models"]

    found = [(model["model"], model["name"], model["is_default"]) for model in models]
    assert found == [(first, "first", True), (second, "second", False)]


def test_only_a_model_with_an_operating_point_decides(
    two: tuple[Served, str, str], png: bytes
) -> None:
    client = two[0].client
    first, second = client.get("/models").json()["models"]

    without, (answer,) = (
        client.post(f"/classify?model={name}", files={"image": png}).json()["predictions"]
        for name in ("first", "second")
    )
    explained = client.post("/explain?model=second&style=raw", files={"image": png}).json()

    assert "operating_point" not in first
    assert second["operating_point"] == operating_point("second-0", 0.0).model_dump(mode="json")
    assert "decision" not in without[0]
    expected = {"label": "second-0", "refer": False, "reason": "operating_point"}
    assert answer["decision"] == explained["decision"] == expected


def test_what_is_left_to_a_person_is_counted_by_model(two: tuple[Served, str, str]) -> None:
    served, first, second = two
    noise = np.random.default_rng(0).integers(0, 256, (40, 40, 3), np.uint8)
    stranger = encoded(Image.fromarray(noise))

    for name in ("first", "second"):
        (answer,) = served.client.post(f"/classify?model={name}", files={"image": stranger}).json()[
            "predictions"
        ]

    assert answer["decision"]["refer"]
    name = "transfer_referred_answers_total"
    counted = [REGISTRY.get_sample_value(name, {"model": tag}) for tag in (first, second)]
    assert counted == [0, 1]


@pytest.mark.parametrize(
    ("query", "expected"),
    [("", "first"), ("?model=", "first"), ("?model=first", "first"), ("?model=second", "second")],
)
def test_the_address_chooses_the_model(
    two: tuple[Served, str, str], png: bytes, query: str, expected: str
) -> None:
    client = two[0].client

    classified = client.post(f"/classify{query}", files={"image": png}).json()
    explained = client.post(f"/explain{query}", files={"image": png})

    assert classified["model"].startswith(f"{expected}:")
    assert classified["predictions"][0]["label"].startswith(f"{expected}-")
    assert explained.headers["X-Model"] == classified["model"]
    assert explained.headers["X-Label"].startswith(f"{expected}-")


def test_a_version_can_be_asked_for(two: tuple[Served, str, str], png: bytes) -> None:
    served, _, second = two

    response = served.client.post("/classify", params={"model": second}, files={"image": png})

    assert response.json()["model"] == second


@pytest.mark.parametrize("route", ["/classify", "/explain"])
def test_an_unknown_model_is_refused_with_those_that_are_served(
    two: tuple[Served, str, str], png: bytes, route: str
) -> None:
    served, first, second = two

    response = served.client.post(f"{route}?model=bolts:1", files={"image": png})

    assert response.status_code == 404
    assert response.json() == {
        "error": f"no model 'bolts:1' is served here; served are: {first}, {second}"
    }


@pytest.mark.usefixtures("empty_store")
def test_of_all_a_refused_bundle_is_not_among_the_models_and_the_log_says_why(
    serve: Serve, bundle_data: bytes, caplog: pytest.LogCaptureFixture
) -> None:
    bad, good = store.put(b"no bundle", "bad").tag, store.put(bundle_data, "good").tag

    with serve(model="all") as served:
        models = served.client.get("/models").json()["models"]

    assert [model["model"] for model in models] == [good]
    (refused,) = (record for record in caplog.records if "is refused" in record.getMessage())
    assert refused.getMessage().startswith(f"{bad} is refused, it is not served: ")
    assert "is not an ONNX file" in refused.getMessage()


def test_new_versions_under_load_lose_no_request(serve: Serve, bundle: Bundle, png: bytes) -> None:
    """Every answer names its version, and its classes are in that version's order."""
    orders = list(permutations(("nuts", "screws", "bolts")))
    data = [resealed(bundle, classes=order).data for order in orders]
    versions = [store.put(data[0], "followed").tag]
    over = threading.Event()

    def ask(client: httpx.Client) -> list[httpx.Response]:
        answers = []
        while not over.is_set():
            answers.append(client.post("/classify", files={"image": png}))
        return answers

    with serve(model="followed", watch_seconds=0.01) as served, ThreadPoolExecutor(4) as clients:
        asking = [clients.submit(ask, served.client) for _ in range(4)]
        for each in data[1:]:
            versions.append(store.put(each, "followed").tag)
            wait_until(lambda: served.engine.models.default.tag == versions[-1])
            after = served.client.post("/classify", files={"image": png})
            assert after.json()["model"] == versions[-1]
        over.set()
        answers = [answer for one in asking for answer in one.result()]

    assert {answer.status_code for answer in answers} == {200}
    for answer in answers:
        order = orders[versions.index(answer.json()["model"])]
        assert tuple(answer.json()["predictions"][0]["probabilities"]) == order
    assert answers
