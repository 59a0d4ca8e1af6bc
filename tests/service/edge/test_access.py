import logging
import os
from pathlib import Path

import pytest
from PIL import Image
from prometheus_client import REGISTRY

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

    assert keys.name_of("Schlüssel".encode().decode("latin-1")) == ""  # as it comes in a header
    assert keys.name_of("Schlussel") is None


LONG = "0123456789abcdef"


@pytest.mark.parametrize(
    ("entry", "opened"),
    [
        (f"anna={LONG}", {LONG: "anna", f"anna={LONG}": "anna"}),
        (f"{LONG}==", {f"{LONG}==": ""}),  # Base64
        (f"a=b={LONG}", {f"b={LONG}": "a", f"a=b={LONG}": "a"}),
        (f"{LONG}=12345", {f"{LONG}=12345": ""}),
        (f"line 3={LONG}", {f"line 3={LONG}": ""}),
    ],
)
def test_a_key_may_have_a_name_and_one_without_goes_on_as_it_was(
    entry: str, opened: dict[str, str]
) -> None:
    keys = Keys([entry], None)

    asked = {*opened, *entry.split("="), LONG, "12345", ""}
    assert {key: name for key in asked if (name := keys.name_of(key)) is not None} == opened


def test_who_asks_is_counted_and_logged_by_name_and_address(
    serve: Serve, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO, "service.access")
    here = bearer(LONG) | {"X-Forwarded-For": "junk here, 198.51.100.7, 10.0.0.9"}

    with serve(api_keys=f"anna={LONG},other", proxies="10.0.0.0/8") as served:
        served.client.get("/models", headers=here)
        served.client.get("/models", headers=bearer("other") | {"X-Forwarded-For": "a b"})

    named, other = (r.__dict__["fields"] for r in caplog.records if r.name == "service.access")
    assert (named["name"], named["client"]) == ("anna", "198.51.100.7")
    assert ("name" in other, other["client"]) == (False, "unknown")
    assert LONG not in caplog.text
    sample = "transfer_named_requests_total", {"name": "anna", "status": "200"}
    assert REGISTRY.get_sample_value(*sample) == 1


def test_one_name_takes_no_more_places_than_it_has_and_others_are_answered(
    serve: Serve, png: bytes
) -> None:
    keys = f"anna={LONG},other"

    with serve(api_keys=keys, queue_size_by_name=1, max_pictures=1) as served:
        with served.engine.admission.admit(1, "anna"):
            refused = served.client.post("/classify", files={"image": png}, headers=bearer(LONG))
            other = served.client.post("/classify", files={"image": png}, headers=bearer("other"))
        after = served.client.post("/classify", files={"image": png}, headers=bearer(LONG))

    assert (refused.status_code, other.status_code, after.status_code) == (503, 200, 200)
    assert "the keys of anna: of its 1 places 1 are taken" in refused.json()["error"]


def test_a_changed_file_of_keys_is_read_again(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("# line 1\n\nfirst\n", encoding="utf-8")
    keys = Keys(["fixed"], file)
    assert keys.name_of("first") == ""

    with caplog.at_level(logging.INFO):
        other = tmp_path / "new"
        other.write_text("first\nsecond\n", encoding="utf-8")
        other.replace(file)
        assert keys.name_of("second") == ""
        file.write_text("second\n", encoding="utf-8")
        os.utime(file, ns=(1, 1))
        assert keys.name_of("first") is None
    assert keys.name_of("fixed") == ""
    assert "second" not in caplog.text


def test_keys_go_on_while_their_file_is_away_and_end_when_it_is_empty(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    file = tmp_path / "keys"
    file.write_text("first", encoding="utf-8")
    keys = Keys([], file)
    file.unlink()

    assert keys.name_of("first") == ""
    assert keys.name_of("first") == ""
    file.write_bytes(b"\xff\xfe")
    assert keys.name_of("first") == ""
    file.write_text("", encoding="utf-8")

    assert keys.name_of("first") is None
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
