import logging

import pytest
from pydantic import ValidationError

from models.errors import UsageError
from service.settings import Settings, read_settings


def test_every_setting_has_a_default_and_says_what_it_is() -> None:
    Settings()

    assert all(field.description for field in Settings.model_fields.values())


def test_settings_are_read_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_MODEL", "screws_nuts:abc")
    monkeypatch.setenv("TRANSFER_MAX_BATCH", "3")
    monkeypatch.setenv("TRANSFER_PROVIDER", "")

    settings = read_settings()

    assert settings.model == "screws_nuts:abc"
    assert settings.max_batch == 3
    assert settings.provider == "auto"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TRANSFER_QUEUE_SIZE", "many"),
        ("TRANSFER_THREADS", "0"),
        ("TRANSFER_PROVIDER", "gpu"),
    ],
)
def test_a_wrong_value_is_refused_by_its_name(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=f"{name} is '{value}'"):
        read_settings()


def test_a_request_must_fit_into_the_queue(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRANSFER_QUEUE_SIZE", "3")

    with pytest.raises(UsageError, match=r"^TRANSFER_MAX_PICTURES \(32\) is above"):
        read_settings()


def test_a_misspelt_name_is_reported(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("TRANSFER_MODLE", "x")

    with caplog.at_level(logging.WARNING):
        read_settings()

    assert "TRANSFER_MODLE is no setting" in caplog.text


def test_settings_do_not_change() -> None:
    with pytest.raises(ValidationError, match="frozen"):
        Settings().max_batch = 2  # type: ignore[misc]
