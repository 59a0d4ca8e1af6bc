"""Answers without HTTP: a real bundle, real processes."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from PIL import Image

from models import store
from models.errors import ImageError, UnknownClassError
from service.http.replies import (
    as_numbers,
    classified,
    classified_or_refused,
    describe,
    picture_headers,
)
from service.http.schemas import Classified, ModelDescription, Refused
from service.inference.answers import Upload, answer, answer_each, draw
from service.inference.pictures import Pictures
from service.inference.served_model import ServedModel, load_session
from service.settings import Settings

Scenario = Callable[[Pictures, ServedModel], Awaitable[None]]


def play(tag: str, scenario: Scenario) -> None:
    async def whole() -> None:
        settings = Settings(provider="cpu", decode_workers=1, max_batch=2)
        pictures = Pictures(settings)
        with ThreadPoolExecutor(1) as thread:
            session = load_session(store.get(tag), settings)
            model = ServedModel(tag, session, settings.max_batch, thread)
            try:
                await scenario(pictures, model)
            finally:
                await model.retire()
                await pictures.close()

    asyncio.run(whole())


def test_several_are_answered_in_their_order_whatever_is_among_them(tag: str, png: bytes) -> None:
    async def scenario(pictures: Pictures, model: ServedModel) -> None:
        uploads = [Upload("a", png), Upload("b", b"no picture"), Upload("c", png)]
        first, second, third = await answer_each(pictures, model, uploads)
        assert isinstance(second, ImageError)
        told = [
            classified_or_refused(model, upload, one)
            for upload, one in zip(uploads, (first, second, third), strict=True)
        ]
        assert [type(one) for one in told] == [Classified, Refused, Classified]
        assert [one.file_name for one in told] == ["a", "b", "c"]

    play(tag, scenario)


def test_numbers_headers_and_drawing_tell_the_same(
    tag: str, png: bytes, picture: Image.Image
) -> None:
    async def scenario(pictures: Pictures, model: ServedModel) -> None:
        answered = await answer(pictures, model, Upload("a.png", png), model.class_index("screws"))
        numbers, headers = as_numbers(model, answered), picture_headers(model, answered, "overlay")
        assert (numbers.explained_class, headers["X-Class"]) == ("screws", "screws")
        assert headers["X-Class-Probability"] == f"{numbers.class_probability:.6f}"
        assert numbers.class_probability == numbers.probabilities["screws"]
        assert numbers.probabilities == classified(model, answered).probabilities
        shown = Image.open(io.BytesIO(await draw(pictures, model, answered, "heatmap")))
        assert shown.size == (numbers.width, numbers.height) == picture.size

    play(tag, scenario)


def test_a_model_says_what_it_is_and_which_classes_it_has(tag: str) -> None:
    async def scenario(_: Pictures, model: ServedModel) -> None:
        described = describe(model, is_default=True)
        assert isinstance(described, ModelDescription)
        assert (described.model, described.name, described.is_default) == (tag, "drawn", True)
        with pytest.raises(UnknownClassError, match="unknown class 'bolts'; known are: nuts"):
            model.class_index("bolts")

    play(tag, scenario)
