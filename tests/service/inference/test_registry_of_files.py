"""Bundle files that are served from where they lie, and what changes them."""

import asyncio
import logging
from pathlib import Path

import pytest

from models.bundle import Bundle
from models.errors import StoreError, UsageError
from service.inference.registry import ModelRegistry
from tests.conftest import resealed
from tests.service.inference.registries import play, put, tags

pytestmark = pytest.mark.usefixtures("empty_store")


def file_with(folder: Path, bundle: Bundle, mark: str, name: str = "pets.onnx") -> Path:
    path = folder / name
    path.write_bytes(resealed(bundle, classes=tuple(mark)).data)
    return path


def test_a_file_is_served_by_its_name_beside_the_store(bundle: Bundle, tmp_path: Path) -> None:
    file, stored = file_with(tmp_path, bundle, "xyz", "My Pets.ONNX"), put(bundle, "a")

    async def scenario(models: ModelRegistry) -> None:
        served = models.default
        assert served.name == "my_pets"
        assert served.tag == f"my_pets:{served.session.digest[:12]}"
        assert served.is_newest
        assert models.find("my_pets") is models.find(served.tag) is served
        assert models.find("a").tag == stored.tag

    play(f"{file}, a", scenario)


def test_a_file_that_changes_is_taken_up_when_it_is_whole(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_with(tmp_path, bundle, "xyz")
    new = resealed(bundle, classes=tuple("zyx")).data

    async def scenario(models: ModelRegistry) -> None:
        (old,) = tags(models)
        for state in (None, new[:1000], new[:2000]):
            file.unlink() if state is None else file.write_bytes(state)
            await models.refresh()
            await models.refresh()
            assert tags(models) == [old]
        file.write_bytes(new)
        await models.refresh()
        assert models.default.session.classes == tuple("zyx")
        assert tags(models) != [old]

    with caplog.at_level(logging.WARNING):
        play(str(file), scenario)

    said = [record.getMessage() for record in caplog.records]
    assert ["is refused" in line for line in said] == [False, True, True]
    assert "pets.onnx cannot be read" in said[0]


def test_a_file_with_other_classes_is_kept_back(
    bundle: Bundle, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = file_with(tmp_path, bundle, "xyz")

    async def scenario(models: ModelRegistry) -> None:
        file_with(tmp_path, bundle, "abc")
        await models.refresh()
        assert models.default.session.classes == tuple("xyz")

    with caplog.at_level(logging.WARNING):
        play(str(file), scenario)

    assert "which goes on (x, y, z). A new start serves it" in caplog.text


def test_two_models_of_one_name_are_refused_before_either_answers_for_the_other(
    bundle: Bundle, tmp_path: Path
) -> None:
    (tmp_path / "b").mkdir()
    files = file_with(tmp_path, bundle, "xyz"), file_with(tmp_path / "b", bundle, "abc")
    put(bundle, "pets")

    for model in (f"{files[0]},{files[1]}", f"pets,{files[0]}"):
        with pytest.raises(UsageError, match=r"pets\.onnx would be served as 'pets', as would"):
            play(model, lambda _: asyncio.sleep(0))


def test_a_file_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match=r"gone\.onnx cannot be read: No such file"):
        play(str(tmp_path / "gone.onnx"), lambda _: asyncio.sleep(0))
