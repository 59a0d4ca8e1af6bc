import json
import re

import httpx
import pytest
from openapi_spec_validator import validate
from PIL import Image
from pydantic import BaseModel

from service.http.openapi import WORDS, document
from service.http.routes import all_routes
from service.http.schemas import (
    STYLES,
    Classification,
    Explanation,
    Live,
    ModelMetadata,
    Models,
    NothingClassified,
    Ready,
)
from tests.conftest import encoded

ROUTES = all_routes()

DOCUMENT = document(ROUTES)

#: What the pages load, and BentoML's own document.
UNDESCRIBED = {"/page/{path}", "/docs/{file}", "/schema.json"}


def test_the_document_has_every_route_and_no_other(client: httpx.Client) -> None:
    paths = client.get("/docs.json").json()["paths"]

    described = {(path, method.upper()) for path, item in paths.items() for method in item}
    routed = {(r.template, r.method) for r in ROUTES if r.template not in UNDESCRIBED}
    assert described == routed


def test_the_document_is_valid() -> None:
    validate(DOCUMENT)


def test_examples_are_of_their_types() -> None:
    examples = WORDS["examples"]
    types: tuple[type[BaseModel], ...] = (
        *(Classification, Explanation, Models, NothingClassified),
        *(Live, ModelMetadata, Ready),
    )

    assert examples.keys() == {each.__name__ for each in types}
    for each in types:
        each.model_validate_json(json.dumps(examples[each.__name__]), strict=True)


def test_the_words_know_every_style_and_the_first_is_the_default() -> None:
    operation = DOCUMENT["paths"]["/explain"]["post"]

    form = operation["requestBody"]["content"]["multipart/form-data"]["schema"]
    style = form["properties"]["style"]
    assert (style["enum"], style["default"]) == (list(STYLES), STYLES[0])
    assert f"({', '.join(STYLES)})" in operation["summary"]


def test_every_answer_has_the_requests_id_and_every_refusal_an_example() -> None:
    operations = [o for item in DOCUMENT["paths"].values() for o in item.values()]
    answers = [(s, a) for o in operations for s, a in o["responses"].items()]

    assert all("X-Request-ID" in answer["headers"] for _, answer in answers)
    refusals = [a["content"] for status, a in answers if status != "200"]
    for content in refusals:
        assert "text/plain" in content or content["application/json"].keys() & {
            "example",
            "examples",
        }


def test_keys_are_asked_for_where_they_are_needed() -> None:
    guarded = {
        path
        for path, item in DOCUMENT["paths"].items()
        if any("security" not in operation for operation in item.values())
    }

    assert guarded == DOCUMENT["paths"].keys() - {
        route.template for route in ROUTES if route.is_open
    }
    assert all("401" in o["responses"] for p in guarded for o in DOCUMENT["paths"][p].values())


@pytest.mark.parametrize("path", ["/classify", "/explain"])
def test_the_document_names_every_refusal(path: str) -> None:
    responses = DOCUMENT["paths"][path]["post"]["responses"]

    assert {"200", "400", "401", "404", "413", "415", "422", "500", "503"} <= responses.keys()
    assert "Retry-After" in responses["503"]["headers"]


def test_every_reference_of_the_document_is_in_it() -> None:
    schemas = DOCUMENT["components"]["schemas"]

    used = set(re.findall(r"#/components/schemas/(\w+)", repr(DOCUMENT)))
    assert used == schemas.keys() | used
    assert used <= schemas.keys()


def test_answers_are_what_the_document_says(client: httpx.Client, picture: Image.Image) -> None:
    files = [("image", encoded(picture)), ("image", b"no")]

    Classification.model_validate_json(client.post("/classify", files=files).content, strict=True)
    NothingClassified.model_validate_json(client.post("/classify", files=files[1:] * 2).content)
    raw = client.post("/explain", files=files[:1], data={"style": "raw"})
    Explanation.model_validate_json(raw.content, strict=True)


def test_models_says_what_is_served(client: httpx.Client, tag: str) -> None:
    answer = client.get("/models")

    (model,) = Models.model_validate_json(answer.content, strict=True).models
    assert model.model == tag
    assert model.provider == "cpu"
    assert model.classes == ("nuts", "screws", "Bäume & Co")
    assert model.accuracy_interval == (0.4, 0.6)
    assert re.fullmatch("[0-9a-f]{64}", model.digest)
