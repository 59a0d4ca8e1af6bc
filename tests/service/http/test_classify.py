from concurrent.futures import ThreadPoolExecutor

import httpx
import numpy as np
import pytest
from PIL import Image

from models.preprocessing import read_pixels
from tests.conftest import encoded
from tests.service.conftest import Served

#: EXIF orientation → how a camera held that way stores the upright picture.
STORED_AS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def classify(client: httpx.Client, *files: tuple[str, bytes]) -> httpx.Response:
    return client.post("/classify", files=[("image", file) for file in files])


def test_a_picture_gets_what_the_network_says_of_it(served: Served, tag: str, png: bytes) -> None:
    response = classify(served.client, ("a.png", png))

    session = served.engine.models.default.session
    expected = session.predict(read_pixels(png, session.metadata.preprocessing)[None])[0]
    (answer,) = response.json()["predictions"]
    assert response.status_code == 200
    assert response.json()["model"] == tag
    assert answer["file_name"] == "a.png"
    assert answer["label"] == expected.label
    assert answer["warnings"] == []
    assert answer["familiar"] is True
    assert answer["familiarity"] == pytest.approx(expected.familiarity, abs=1e-4)
    assert answer["prediction_set"] == list(expected.prediction_set)
    assert answer["probability"] == answer["probabilities"][expected.label]
    assert list(answer["probabilities"]) == ["nuts", "screws", "Bäume & Co"]
    assert list(answer["probabilities"].values()) == pytest.approx(
        expected.probabilities.tolist(), abs=1e-5
    )


def test_a_picture_as_the_body_gets_the_same_answers_as_in_a_form(
    client: httpx.Client, png: bytes
) -> None:
    """As `curl --data-binary @picture.jpg -H 'Content-Type: image/jpeg'` sends it."""
    headers = {"Content-Type": "image/jpeg; charset=binary"}

    for route in ("/classify?top_k=1", "/explain?class=nuts&style=raw&top_k=2", "/explain"):
        alone = client.post(route, content=png, headers=headers)
        in_form = client.post(route, files={"image": ("a", png)})
        assert alone.status_code == 200
        named = b'"file_name":"a"', b'"file_name":""'
        assert alone.content == in_form.content.replace(*named)


def test_top_k_leaves_the_most_probable_classes(client: httpx.Client, png: bytes) -> None:
    def probabilities(top_k: int) -> dict[str, float]:
        answer = client.post(f"/classify?top_k={top_k}", files={"image": png}).json()
        found: dict[str, float] = answer["predictions"][0]["probabilities"]
        return found

    all_of_them = sorted(probabilities(9).items(), key=lambda pair: -pair[1])

    assert len(all_of_them) == 3
    assert list(probabilities(9).items()) == all_of_them
    assert list(probabilities(2).items()) == all_of_them[:2]


def test_a_picture_unlike_those_of_the_training_has_a_warning(
    client: httpx.Client, picture: Image.Image
) -> None:
    deep = encoded(Image.fromarray(np.asarray(picture.convert("L"), np.uint16) * 16))

    (answer,) = classify(client, ("deep.png", deep)).json()["predictions"]

    assert "greys of more than 8 bits" in answer["warnings"][-1]


def test_a_stranger_keeps_its_label_and_is_called_one(client: httpx.Client) -> None:
    black = encoded(Image.new("RGB", (40, 30)))

    (answer,) = classify(client, ("black.png", black)).json()["predictions"]

    assert answer["familiar"] is False
    assert answer["familiarity"] < 0.1
    assert answer["label"] in answer["prediction_set"]
    assert "unlike anything that the model learned from" in answer["warnings"][0]


def test_a_set_holds_the_label_first_and_the_others_by_probability(
    client: httpx.Client, png: bytes
) -> None:
    (answer,) = classify(client, ("a.png", png)).json()["predictions"]

    found = [answer["probabilities"][name] for name in answer["prediction_set"]]
    assert answer["prediction_set"][0] == answer["label"]
    assert found == sorted(found, reverse=True)
    assert set(answer["prediction_set"]) >= {
        name for name, probability in answer["probabilities"].items() if probability > 0.3
    }


def test_several_pictures_are_answered_in_their_order(
    client: httpx.Client, picture: Image.Image
) -> None:
    turned = picture.transpose(Image.Transpose.ROTATE_180)
    names = ["b.png", "ä\n.png", 'q"uote.png']

    response = classify(client, *[(name, encoded(turned)) for name in names])

    found = [answer["file_name"] for answer in response.json()["predictions"]]
    assert response.status_code == 200
    assert len(found) == 3
    assert found[0] == "b.png"


def test_a_file_name_beyond_ascii_comes_back_as_it_was(client: httpx.Client, png: bytes) -> None:
    response = classify(client, ("Käfer – 甲虫.png", png))

    assert response.json()["predictions"][0]["file_name"] == "Käfer – 甲虫.png"


def test_a_file_name_in_the_older_notation_is_understood(client: httpx.Client, png: bytes) -> None:
    body = (
        b"--b\r\nContent-Disposition: form-data; name=\"image\"; filename*=utf-8''K%C3%A4fer.png"
        b"\r\n\r\n" + png + b"\r\n--b--\r\n"
    )

    response = client.post(
        "/classify", content=body, headers={"Content-Type": "multipart/form-data; boundary=b"}
    )

    assert response.json()["predictions"][0]["file_name"] == "Käfer.png"


@pytest.mark.parametrize("charset", ["undefined", "utf-16", "punycode", "no-such", "idna"])
def test_a_charset_that_a_client_names_changes_nothing(
    client: httpx.Client, png: bytes, charset: str
) -> None:
    body = (
        '--b\r\nContent-Disposition: form-data; name="image"; filename="Käfer.png"\r\n\r\n'
    ).encode()
    headers = {"Content-Type": f"multipart/form-data; boundary=b; charset={charset}"}

    response = client.post("/classify", content=body + png + b"\r\n--b--\r\n", headers=headers)

    assert response.json()["predictions"][0]["file_name"] == "Käfer.png"


def test_a_broken_picture_among_others_stops_none_of_them(client: httpx.Client, png: bytes) -> None:
    alone = classify(client, ("a.png", png)).json()["predictions"][0]

    response = classify(client, ("a.png", png), ("b.png", png[:200]), ("c.txt", b"no"), ("d", png))

    first, second, third, fourth = response.json()["predictions"]
    assert response.status_code == 200
    assert first["probabilities"] == pytest.approx(alone["probabilities"], abs=1e-5)
    assert (second["file_name"], second["status"]) == ("b.png", 400)
    assert second["error"].startswith("the picture is broken")
    assert (third["error"], third["status"]) == (
        "this is text, not a picture",
        400,
    )
    assert fourth["label"] == alone["label"]


def test_several_pictures_of_which_none_can_be_answered_are_refused(client: httpx.Client) -> None:
    response = classify(client, ("a.txt", b"no"), ("b.txt", b"no"))

    assert response.status_code == 400
    assert response.json()["error"] == "none of the 2 pictures could be answered"
    assert [answer["file_name"] for answer in response.json()["predictions"]] == ["a.txt", "b.txt"]


@pytest.mark.parametrize("orientation", STORED_AS)
def test_a_turned_camera_changes_nothing(
    client: httpx.Client, picture: Image.Image, orientation: int
) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    stored = encoded(picture.transpose(STORED_AS[orientation]), exif=exif)
    upright = classify(client, ("a", encoded(picture))).json()["predictions"][0]

    turned = classify(client, ("a", stored)).json()["predictions"][0]

    assert turned["label"] == upright["label"]
    assert turned["probability"] == pytest.approx(upright["probability"], abs=1e-3)


def test_neighbours_in_a_batch_do_not_change_an_answer(served: Served) -> None:
    """The requests of 16 clients, some of them broken, against each picture alone."""
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 256, (24, 40, 40, 3), dtype=np.uint8)
    files = [encoded(Image.fromarray(pixels)) for pixels in noise]
    files[::8] = [b"not a picture"] * 3
    alone = [classify(served.client, ("a", data)).json() for data in files]

    with ThreadPoolExecutor(16) as clients:
        together = list(clients.map(lambda f: classify(served.client, ("a", f)).json(), files))

    for one, other in zip(alone, together, strict=True):
        assert one.keys() == other.keys()
        if "predictions" in one:
            expected = one["predictions"][0]["probabilities"]
            assert other["predictions"][0]["probabilities"] == pytest.approx(expected, abs=1e-5)
