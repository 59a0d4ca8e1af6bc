"""Answers without HTTP: a real bundle, real processes."""

import asyncio
import io
from collections.abc import Awaitable, Callable

import pytest
from PIL import Image
from prometheus_client import REGISTRY

from models.errors import ImageError, TransferError, UnknownClassError
from models.map_quality import MapQuality, Margin
from models.session import Prediction
from service.http.replies import (
    as_numbers,
    classified,
    classified_or_refused,
    describe,
    picture_headers,
    sketch_of,
)
from service.http.schemas import Classified, ModelDescription, Refused
from service.inference.answers import answer, answer_each, draw
from service.inference.runtime import Engine
from service.inference.served_model import ServedModel
from service.inference.upload import Upload
from service.settings import Settings
from tests.conftest import encoded

Scenario = Callable[[Engine, ServedModel], Awaitable[None]]


def play(tag: str, scenario: Scenario) -> None:
    async def whole() -> None:
        engine = Engine(Settings(model=tag, provider="cpu", decode_workers=1, max_batch=2))
        await engine.open()
        try:
            await scenario(engine, engine.models.default)
        finally:
            await engine.close()

    asyncio.run(whole())


def refused(reason: type[Exception]) -> float:
    """How many pictures were refused for a reason, as Prometheus hears it."""
    name, labels = "transfer_refused_pictures_total", {"reason": reason.__name__}
    return REGISTRY.get_sample_value(name, labels) or 0


def test_strangers_and_sizes_of_sets_are_counted_by_model(tag: str, png: bytes) -> None:
    labels = {"model": tag}
    names = ("transfer_unfamiliar_answers_total", "transfer_prediction_set_classes_count")

    def counted() -> list[float]:
        return [REGISTRY.get_sample_value(name, labels) or 0 for name in names]

    async def scenario(engine: Engine, model: ServedModel) -> None:
        before = counted()
        black = encoded(Image.new("RGB", (40, 30)))
        await answer_each(engine, model, [Upload("a", png), Upload("b", black)])
        assert [n - m for n, m in zip(counted(), before, strict=True)] == [1, 2]

    play(tag, scenario)


def test_several_are_answered_in_their_order_whatever_is_among_them(tag: str, png: bytes) -> None:
    async def scenario(engine: Engine, model: ServedModel) -> None:
        uploads = [Upload("a", png), Upload("b", b"no picture"), Upload("c", png)]
        first, second, third = await answer_each(engine, model, uploads)
        assert isinstance(second, ImageError)
        told = [
            classified_or_refused(upload, one)
            for upload, one in zip(uploads, (first, second, third), strict=True)
        ]
        assert [type(one) for one in told] == [Classified, Refused, Classified]
        assert [one.file_name for one in told] == ["a", "b", "c"]

    play(tag, scenario)


def test_numbers_headers_and_drawing_tell_the_same(
    tag: str, png: bytes, picture: Image.Image
) -> None:
    async def scenario(engine: Engine, model: ServedModel) -> None:
        answered = await answer(engine, model, Upload("a.png", png), model.class_index("screws"))
        numbers, headers = as_numbers(answered), picture_headers(answered, "overlay")
        assert (numbers.explained_class, headers["X-Class"]) == ("screws", "screws")
        assert headers["X-Class-Probability"] == f"{numbers.class_probability:.6f}"
        assert numbers.class_probability == numbers.probabilities["screws"]
        assert numbers.probabilities == classified(answered).probabilities
        sketch = sketch_of(answered, "heatmap", has_legend=False)
        shown = Image.open(io.BytesIO(await draw(engine, answered, sketch)))
        assert shown.size == (numbers.width, numbers.height) == picture.size

    play(tag, scenario)


def test_a_map_that_is_no_better_than_the_middle_says_so_wherever_it_is_shown(
    tag: str, png: bytes
) -> None:
    sure, unsure = Margin(1, 1, 2, (1, 3)), Margin(0, 0, 0, (-1, 1))
    quality = MapQuality(24, sure, unsure, sure, 0.1, (-0.1, 0.3))

    async def scenario(engine: Engine, model: ServedModel) -> None:
        metadata = model.metadata.model_copy(update={"map_quality": quality})
        model.session.metadata = metadata
        upload = Upload("a.png", png)
        answered = await answer(engine, model, upload)
        assert "pointing at the middle" in as_numbers(answered).map_doubt
        sketch = sketch_of(answered, "overlay", has_legend=True)
        assert sketch.note == quality.note
        assert sketch.texts["Doubt"] == as_numbers(answered).map_doubt
        assert describe(model, is_default=True).map_quality == quality
        occluded = await answer(engine, model, upload, method="occlusion")
        assert as_numbers(occluded).map_doubt == ""
        assert "Doubt" not in sketch_of(occluded, "overlay", has_legend=True).texts

    play(tag, scenario)


def test_a_model_says_what_it_is_and_which_classes_it_has(tag: str) -> None:
    async def scenario(_: Engine, model: ServedModel) -> None:
        described = describe(model, is_default=True)
        assert isinstance(described, ModelDescription)
        assert (described.model, described.name, described.is_default) == (tag, "drawn", True)
        with pytest.raises(UnknownClassError, match="unknown class 'bolts'; known are: nuts"):
            model.class_index("bolts")

    play(tag, scenario)


@pytest.mark.parametrize(("error", "more"), [(ImageError, 1), (TransferError, 0)])
def test_only_what_a_client_did_is_counted_as_refused(
    tag: str, png: bytes, error: type[TransferError], more: int
) -> None:
    def fail(*_: object) -> list[Prediction]:
        raise error("this")

    async def scenario(engine: Engine, model: ServedModel) -> None:
        model.batcher._predict = fail
        with pytest.raises(error, match="this"):
            await answer(engine, model, Upload("a", png))

    before = refused(error)
    play(tag, scenario)
    assert refused(error) == before + more
