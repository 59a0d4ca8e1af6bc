import logging
import os
from pathlib import Path

import pytest
from PIL import Image

from models.errors import UsageError
from service.edge.access import Keys, keys_of
from service.settings import Settings, read_settings
from tests.conftest import encoded
from tests.service.conftest import Serve


def bearer(key: str) -> dict[str, str]:
    return {"Authorization": f"Bearer {key}"}


def test_without_a_key_nothing_is_answered_but_what_is_open(
    serve: Serve, picture: Image.Image
) -> None:
    files = {"image": encoded(picture)}

    with serve(api_keys="old, new") as served:
        refused = served.client.post("/classify", files=files)
        statuses = {
            key: served.client.post("/classify", files=files, headers=bearer(key)).status_code
            for key in ("old", "new", "ol", "oldd", "old, new")
        }
        assert served.client.get("/docs.json").status_code == 200
        assert served.client.get("/models").status_code == 401
        assert served.client.get("/nothing").status_code == 401
        assert served.client.get("/models", headers={"Authorization": "old"}).status_code == 401

    assert refused.status_code == 401
    assert refused.json() == {
        "error": "this service needs a key: send the header Authorization: Bearer KEY"
    }
    assert refused.headers["WWW-Authenticate"] == "Bearer"
    assert statuses == {"old": 200, "new": 200, "ol": 401, "oldd": 401, "old, new": 401}


def test_a_key_may_hold_any_letters() -> None:
    keys = Keys(["Schlüssel"], None)

    assert keys.open_for("Schlüssel".encode().decode("latin-1"))  # as it comes in a header
    assert not keys.open_for("Schlussel")


def test_a_changed_file_of_keys_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("# line 1\n\nfirst\n", encoding="utf-8")
    keys = Keys(["fixed"], file)
    assert keys.open_for("first")

    with caplog.at_level(logging.INFO):
        other = tmp_path / "new"
        other.write_text("first\nsecond\n", encoding="utf-8")
        other.replace(file)
        assert keys.open_for("second")
        file.write_text("second\n", encoding="utf-8")
        os.utime(file, ns=(1, 1))
        assert not keys.open_for("first")
    assert keys.open_for("fixed")
    assert "second" not in caplog.text


def test_keys_go_on_while_their_file_is_away_and_end_when_it_is_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("first", encoding="utf-8")
    keys = Keys([], file)
    file.unlink()

    assert keys.open_for("first")
    assert keys.open_for("first")
    file.write_bytes(b"\xff\xfe")
    assert keys.open_for("first")
    file.write_text("", encoding="utf-8")

    assert not keys.open_for("first")
    assert caplog.text.count("the keys cannot be read again, the last ones go on") == 2


@pytest.mark.parametrize(
    ("name", "value", "sentence"),
    [
        ("TRANSFER_API_KEYS", " , ", "no key stands there, so nobody could come in"),
        ("TRANSFER_API_KEYS_FILE", "/nowhere/keys", "TRANSFER_API_KEYS_FILE cannot be read"),
        ("TRANSFER_API_KEYS_FILE", os.devnull, "no key stands there, so nobody could come in"),
    ],
)
def test_keys_that_open_to_nobody_are_refused_at_start(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, sentence: str
) -> None:
    monkeypatch.setenv(name, value)

    with pytest.raises(UsageError, match=sentence):
        keys_of(read_settings())


def test_keys_are_not_in_what_settings_say_of_themselves() -> None:
    assert "hidden" not in repr(Settings.model_validate({"api_keys": "hidden"}))


def test_other_origins_may_ask_only_where_they_are_named(serve: Serve) -> None:
    asked = {"Origin": "https://lab.example", "Access-Control-Request-Method": "POST"}

    with serve() as served:
        assert "access-control-allow-origin" not in served.client.get("/", headers=asked).headers
    with serve(cors_origins="https://lab.example", api_keys="k") as served:
        preflight = served.client.options("/classify", headers=asked)
        refused = served.client.get("/models", headers=asked)
        stranger = served.client.get("/docs.json", headers={"Origin": "https://other.example"})

    assert preflight.status_code == 200
    assert "authorization" in preflight.headers["access-control-allow-headers"].lower()
    assert refused.status_code == 401
    assert refused.headers["access-control-allow-origin"] == "https://lab.example"
    assert "X-Model" in refused.headers["access-control-expose-headers"]
    assert "access-control-allow-origin" not in stranger.headers


def test_a_flood_of_wrong_keys_leaves_the_queue_alone(serve: Serve) -> None:
    with serve(api_keys="k", queue_size=1, max_pictures=1) as served:
        statuses = {served.client.post("/classify").status_code for _ in range(5)}
        assert served.engine.admission.pictures == 0

    assert statuses == {401}
