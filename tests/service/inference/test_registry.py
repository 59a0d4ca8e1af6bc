"""Which models are served, and how new versions are taken up while others answer."""

import asyncio
import logging
import os
from collections.abc import Callable
from pathlib import Path

import bentoml
import onnx
import pytest
from bentoml._internal.configuration.containers import BentoMLContainer
from bentoml._internal.models import ModelStore
from prometheus_client import REGISTRY

from models import store
from models.bundle import Bundle, bundle_bytes
from models.errors import BundleError, StoreError, UnknownModelError
from service.inference.registry import ModelRegistry
from service.observability import metrics
from tests.conftest import noise_pictures, resealed
from tests.service.conftest import wait_until
from tests.service.inference.registries import play, put, put_at, reached, tags

pytestmark = pytest.mark.usefixtures("empty_store")


def test_a_new_version_of_a_name_is_taken_up(bundle: Bundle) -> None:
    put(bundle, "a", "abc")

    async def scenario(models: ModelRegistry) -> None:
        old = models.default
        new = put(bundle, "a", "cab")
        await models.refresh()
        assert tags(models) == [new.tag]
        assert models.default.is_newest
        assert models.default.session.classes == ("c", "a", "b")
        assert not old.batcher.is_open

    play("a", scenario)


def test_the_first_model_answers_before_it_is_warm_and_even_where_its_largest_batch_fails(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    put(bundle, "a")
    pixels = noise_pictures(bundle.metadata.preprocessing, 1)[0]

    async def scenario(models: ModelRegistry) -> None:
        assert (await models.default.batcher.answer(pixels)).label in bundle.metadata.classes

    play("a", scenario, max_batch=10**10)  # no machine has the memory

    assert "the largest batch failed before anybody asked" in caplog.text


def test_the_figures_of_a_model_begin_at_0_when_it_is_served(bundle: Bundle) -> None:
    """Else the first event of each would be no increase, and no alarm would hear of it."""
    stored = put(bundle, "begins", "xyz")

    async def scenario(_: ModelRegistry) -> None:
        answers = {"model": stored.tag, "label": "z"}
        assert REGISTRY.get_sample_value("transfer_answers_total", answers) == 0
        refused = {"name": "begins"}
        assert REGISTRY.get_sample_value("transfer_refused_bundles_total", refused) == 0

    play("begins", scenario)


@pytest.mark.parametrize("asked", ["a", "all", None])
def test_a_version_with_other_classes_is_kept_back_and_said_once(
    bundle: Bundle, asked: str | None, caplog: pytest.LogCaptureFixture
) -> None:
    old = put(bundle, "a", "abc")

    async def scenario(models: ModelRegistry) -> None:
        new = put(bundle, "a", "abx")
        await models.refresh()
        await models.refresh()
        assert tags(models) == [old.tag]
        assert not models.default.is_newest
        assert metrics.KEPT_BACK.labels("a")._value.get() == 1
        (record,) = caplog.records
        assert f"{new.tag} is not taken up: its classes are others" in record.getMessage()
        with pytest.raises(UnknownModelError, match="waits for TRANSFER_MODEL or a new start"):
            models.find(new.tag)

    with caplog.at_level(logging.WARNING):
        play(asked, scenario)


def test_a_later_version_with_the_served_classes_is_taken_up(bundle: Bundle) -> None:
    put(bundle, "a", "abc")

    async def scenario(models: ModelRegistry) -> None:
        put(bundle, "a", "abcd"[1:])
        await models.refresh()
        right = put(bundle, "a", "bca")
        await models.refresh()
        assert tags(models) == [right.tag]
        assert metrics.KEPT_BACK.labels("a")._value.get() == 0

    play("a", scenario)


def test_who_asks_for_other_classes_by_version_gets_them_without_a_word(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    put(bundle, "a", "abc")
    new = put(bundle, "a", "xyz")

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [new.tag]

    with caplog.at_level(logging.WARNING):
        play(new.tag, scenario)

    assert not caplog.records


def test_a_new_start_takes_other_classes_up_and_says_so(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    old, new = put_at(1, bundle, "abc"), put_at(2, bundle, "xyz")

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [new.tag]

    with caplog.at_level(logging.WARNING):
        play("a", scenario)

    (record,) = caplog.records
    assert f"{new.tag} has other classes (x, y, z) than {old.tag}" in record.getMessage()


def test_a_version_that_was_named_never_changes(bundle: Bundle) -> None:
    pinned = put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        put(bundle, "a")
        await models.refresh()
        assert tags(models) == [pinned.tag]

    play(pinned.tag, scenario)


def test_unset_means_the_newest_bundle_and_then_its_name(bundle: Bundle) -> None:
    put(bundle, "a")
    newest = put(bundle, "b")
    os.utime(newest.path, (2e9, 2e9))

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [newest.tag]
        put(bundle, "a")
        newer = put(bundle, "b")
        await models.refresh()
        assert tags(models) == [newer.tag]

    play(None, scenario)


def test_of_several_the_first_is_the_default_and_each_is_found_by_name_and_tag(
    bundle: Bundle,
) -> None:
    a, b = put(bundle, "a"), put(bundle, "b")

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [b.tag, a.tag]
        for asked, found in ((None, b), ("", b), ("a", a), (a.tag, a), ("a:latest", a)):
            assert models.find(asked).tag == found.tag
        with pytest.raises(UnknownModelError, match=f"no model 'c' .*: {b.tag}, {a.tag}"):
            models.find("c")

    play(f"b, {a.tag}", scenario)


def test_all_follows_every_name_and_takes_up_those_that_appear(bundle: Bundle) -> None:
    a = put(bundle, "a")
    (b := put(bundle, "b")).path.touch()

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [b.tag, a.tag]
        c, newer = put(bundle, "c"), put(bundle, "a")
        await models.refresh()
        assert tags(models) == [b.tag, newer.tag, c.tag]

    play("all", scenario)


def test_the_version_that_latest_names_answers_even_if_it_is_older(
    bundle: Bundle, empty_store: Path
) -> None:
    old, new = put(bundle, "a"), put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [new.tag]
        (empty_store / "a" / "latest").write_text(old.tag.partition(":")[2])
        await models.refresh()
        assert tags(models) == [old.tag]

    play("a", scenario)


def other_format(bundle: Bundle) -> bytes:
    model = onnx.load_model_from_string(bundle.data)
    return bundle_bytes(model, bundle.metadata.model_copy(update={"format_version": 3}))


def other_answers(bundle: Bundle) -> bytes:
    first = bundle.metadata.self_check[0]
    wrong = first.model_copy(update={"probabilities": tuple(reversed(first.probabilities))})
    return resealed(bundle, self_check=(wrong, *bundle.metadata.self_check[1:])).data


BAD = {
    "half written": (lambda b: b.data[: len(b.data) // 2], "is not an ONNX file, or only a part"),
    "damaged": (lambda b: b.data[:-3] + b"xyz", "its SHA-256 does not fit"),
    "of another format": (other_format, "is of format 3; this program reads 2"),
    "failing its self-check": (other_answers, "fails its self-check on cpu"),
    "empty": (lambda _: b"", "is not an ONNX file"),
}


@pytest.mark.parametrize(("make", "reason"), BAD.values(), ids=BAD)
def test_a_bad_bundle_is_refused_once_by_name_and_the_old_one_goes_on(
    bundle: Bundle,
    make: Callable[[Bundle], bytes],
    reason: str,
    caplog: pytest.LogCaptureFixture,
) -> None:
    good = put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        bad = store.put(make(bundle), "a")
        with caplog.at_level(logging.WARNING):
            await models.refresh()
            await models.refresh()
        assert tags(models) == [good.tag]
        (record,) = caplog.records
        assert record.getMessage().startswith(f"{bad.tag} is refused, {good.tag} goes on: ")
        assert reason in record.getMessage()
        await models.default.batcher.answer(noise_pictures(bundle.metadata.preprocessing, 1)[0])

    play("a", scenario)


def test_a_bundle_that_was_half_written_is_taken_up_when_it_is_whole(bundle: Bundle) -> None:
    put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        half = store.put(bundle.data[:1000], "a")
        await models.refresh()
        half.path.write_bytes(bundle.data)
        await models.refresh()
        assert tags(models) == [half.tag]

    play("a", scenario)


@pytest.mark.parametrize("damage", ["name: [unclosed\n\0", "{}", "name: 3"])
def test_a_version_whose_description_is_damaged_is_taken_up_when_it_is_whole(
    bundle: Bundle, damage: str, caplog: pytest.LogCaptureFixture
) -> None:
    old = put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        new = put(bundle, "a")
        description = new.path.with_name("model.yaml")
        whole = description.read_bytes()
        description.write_text(damage)
        await models.refresh()
        assert tags(models) == [old.tag]
        description.write_bytes(whole)
        await models.refresh()
        assert tags(models) == [new.tag]

    play("a", scenario)

    assert "a in the model store cannot be read" in caplog.text


def test_a_watch_outlives_whatever_goes_wrong(
    bundle: Bundle, empty_store: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """A store that cannot be looked at for a while, as on a disk of the network."""
    put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        watch = asyncio.create_task(models.watch())
        BentoMLContainer.model_store.set(None)  # type: ignore[arg-type]
        await reached(lambda: "could not be looked at" in caplog.text)
        BentoMLContainer.model_store.set(ModelStore(empty_store))
        newer = put(bundle, "a")
        await reached(lambda: tags(models) == [newer.tag])
        watch.cancel()

    play("all", scenario, watch_seconds=0.05)


def test_a_name_that_leaves_the_store_goes_on_and_is_said_once(
    bundle: Bundle, caplog: pytest.LogCaptureFixture
) -> None:
    stored = put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        bentoml.models.delete(stored.tag)
        await models.refresh()
        await models.refresh()
        assert tags(models) == [stored.tag]
        newer = put(bundle, "a")
        await models.refresh()
        assert tags(models) == [newer.tag]

    with caplog.at_level(logging.WARNING):
        play("a", scenario)

    (record,) = caplog.records
    assert record.getMessage().endswith(f"{stored.tag} goes on")


def test_of_all_a_bad_one_is_left_out(bundle: Bundle, caplog: pytest.LogCaptureFixture) -> None:
    good, bad = put(bundle, "a"), store.put(b"no bundle", "b")

    async def scenario(models: ModelRegistry) -> None:
        assert tags(models) == [good.tag]

    play("all", scenario)

    assert f"{bad.tag} is refused, it is not served: " in caplog.text


@pytest.mark.parametrize("model", ["a,b", "b"])
def test_a_bad_one_that_was_named_is_an_error(bundle: Bundle, model: str) -> None:
    put(bundle, "a")
    store.put(b"no bundle", "b")

    with pytest.raises(BundleError, match="is not an ONNX file"):
        play(model, lambda _: asyncio.sleep(0))


def test_all_of_which_none_is_good_is_an_error() -> None:
    store.put(b"no bundle", "b")

    with pytest.raises(BundleError, match="is not an ONNX file"):
        play("all", lambda _: asyncio.sleep(0))


def test_all_of_nothing_is_an_error() -> None:
    with pytest.raises(StoreError, match="holds no bundle yet"):
        play("all", lambda _: asyncio.sleep(0))


def test_who_uses_the_old_version_is_answered_by_it(bundle: Bundle) -> None:
    """A request that decodes while its model is exchanged must not meet a closed batcher."""
    put(bundle, "a", "abc")

    async def scenario(models: ModelRegistry) -> None:
        model = models.default
        with model.in_use():
            new = put(bundle, "a", "bca")
            exchange = asyncio.create_task(models.refresh())
            await asyncio.to_thread(wait_until, lambda: tags(models) == [new.tag])
            answer = await model.batcher.answer(noise_pictures(bundle.metadata.preprocessing, 1)[0])
            assert answer.label == "abc"[answer.probabilities.argmax()]
            assert model.batcher.is_open
        await exchange
        assert not model.batcher.is_open
        assert tags(models) == [new.tag]

    play("a", scenario)


def test_a_network_that_fails_is_not_ready_until_it_answers_again(bundle: Bundle) -> None:
    put(bundle, "a")
    pixels = noise_pictures(bundle.metadata.preprocessing, 1)[0]

    def fail(*_: object) -> list[object]:
        raise RuntimeError("the GPU has fallen off the bus")

    async def scenario(models: ModelRegistry) -> None:
        model = models.default
        assert await model.why_not_ready() is None
        model.batcher._predict, works = fail, model.batcher._predict  # type: ignore[assignment]
        with pytest.raises(RuntimeError, match="fallen off"):
            await model.batcher.answer(pixels)
        reason = await model.why_not_ready()
        assert reason == f"{model.tag}: the network fails: the GPU has fallen off the bus"
        model.batcher._predict = works
        assert await model.why_not_ready() is None

    play("a", scenario)
