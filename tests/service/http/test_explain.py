import io
from urllib.parse import unquote

import httpx
import numpy as np
import pytest
from PIL import Image

from tests.conftest import encoded

SIZES = [(96, 72), (72, 96), (1, 1), (300, 2), (3, 200)]


def explain(client: httpx.Client, data: bytes, name: str = "a.png", **texts: str) -> httpx.Response:
    return client.post("/explain", files={"image": (name, data)}, data=texts)


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("style", ["overlay", "heatmap"])
def test_the_png_has_the_size_of_the_picture(
    client: httpx.Client, picture: Image.Image, style: str, size: tuple[int, int]
) -> None:
    response = explain(client, encoded(picture.resize(size)), style=style)

    with Image.open(io.BytesIO(response.content)) as shown:
        shown.load()
        assert (shown.format, shown.mode, shown.size) == ("PNG", "RGB", size)
    assert response.headers["content-type"] == "image/png"


def test_the_answer_is_that_of_classify(client: httpx.Client, png: bytes) -> None:
    classified = client.post("/classify", files={"image": png}).json()

    headers = explain(client, png).headers

    answer = classified["predictions"][0]
    assert headers["X-Model"] == classified["model"]
    assert unquote(headers["X-Label"]) == answer["label"]
    assert float(headers["X-Probability"]) == pytest.approx(answer["probability"], abs=1e-5)
    assert headers["X-Class"] == headers["X-Label"]


def test_what_speaks_against_an_answer_goes_with_it(client: httpx.Client) -> None:
    black = encoded(Image.new("RGB", (40, 30)))

    stranger, colour = explain(client, black, style="raw").json()["warnings"]

    assert "unlike anything" in stranger
    assert "all one colour" in colour
    assert unquote(explain(client, black).headers["X-Warnings"]) == f"{stranger}. {colour}"


def test_a_turned_camera_is_shown_upright(client: httpx.Client, picture: Image.Image) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    stored = encoded(picture.transpose(Image.Transpose.ROTATE_90), exif=exif)

    shown = Image.open(io.BytesIO(explain(client, stored).content))

    expected = Image.open(io.BytesIO(explain(client, encoded(picture)).content))
    assert shown.size == picture.size
    assert np.abs(np.asarray(shown, int) - np.asarray(expected, int)).max() <= 2


def test_another_class_has_its_own_heatmap_and_the_same_label(
    client: httpx.Client, png: bytes
) -> None:
    classes = client.get("/models").json()["models"][0]["classes"]

    answers = [explain(client, png, **{"class": name}, style="raw").json() for name in classes]

    assert [answer["class"] for answer in answers] == classes
    assert len({answer["label"] for answer in answers}) == 1
    assert sum(answer["class_probability"] for answer in answers) == pytest.approx(1, abs=1e-5)
    assert len({str(answer["heatmap"]) for answer in answers}) == 3


def test_a_class_name_beyond_ascii_is_percent_encoded_in_headers(
    client: httpx.Client, png: bytes
) -> None:
    headers = explain(client, png, **{"class": "Bäume & Co"}).headers

    assert headers["X-Class"] == "B%C3%A4ume%20%26%20Co"
    assert headers["Content-Disposition"] == (
        'attachment; filename="a-Baume_Co-overlay.png"; '
        "filename*=UTF-8''a-B%C3%A4ume_Co-overlay.png"
    )


def test_raw_says_where_the_heatmap_lies(
    client: httpx.Client, picture: Image.Image, png: bytes
) -> None:
    answer = explain(client, png, style="raw").json()

    heatmap = np.array(answer["heatmap"])
    left, top, right, bottom = answer["box"]
    assert (answer["width"], answer["height"]) == picture.size
    assert 0 <= left < right <= picture.width
    assert 0 <= top < bottom <= picture.height
    assert heatmap.ndim == 2
    assert heatmap.min() >= 0
    assert heatmap.max() in (0, 1)


def test_empty_texts_mean_the_default(client: httpx.Client, png: bytes) -> None:
    response = explain(client, png, **{"class": "", "style": ""})

    assert response.headers["content-type"] == "image/png"


def test_an_unknown_class_is_refused_with_the_known_ones(client: httpx.Client, png: bytes) -> None:
    response = explain(client, png, **{"class": "bolts"})

    assert response.status_code == 422
    assert response.json() == {
        "error": "unknown class 'bolts'; known are: nuts, screws, Bäume & Co"
    }


def test_an_unknown_style_is_refused_with_the_known_ones(client: httpx.Client, png: bytes) -> None:
    response = explain(client, png, style="jet")

    assert response.status_code == 422
    assert response.json() == {"error": "unknown style 'jet'; known are: overlay, heatmap, raw"}


@pytest.mark.parametrize(
    "asked", [{"style": "raw"}, {"class": "Bäume & Co", "style": "raw"}, {"legend": "1"}]
)
def test_an_option_may_stand_in_the_query_or_in_the_form(
    client: httpx.Client, png: bytes, asked: dict[str, str]
) -> None:
    in_form = explain(client, png, **asked)

    in_query = client.post("/explain", params=asked, files={"image": ("a.png", png)})
    in_both = client.post("/explain", params=asked, files={"image": ("a.png", png)}, data=asked)

    assert in_form.status_code == 200
    assert in_query.content == in_both.content == in_form.content


def test_the_model_may_stand_in_the_form_too(client: httpx.Client, png: bytes) -> None:
    assert explain(client, png, model="absent").status_code == 404
    name = client.get("/models").json()["models"][0]["name"]
    assert explain(client, png, model=name).status_code == 200


@pytest.mark.parametrize(
    ("query", "form"),
    [
        ({"style": "raw"}, {"style": "overlay"}),
        ({"class": "nuts"}, {"class": "screws"}),
        ({"legend": ["0", "1"]}, {}),
    ],
)
def test_two_values_that_differ_are_refused(
    client: httpx.Client, png: bytes, query: dict[str, str], form: dict[str, str]
) -> None:
    response = client.post("/explain", params=query, files={"image": png}, data=form)

    assert response.status_code == 422
    assert "is asked for twice, as " in response.json()["error"]


def test_a_png_says_in_itself_what_it_shows(client: httpx.Client, png: bytes) -> None:
    response = explain(client, png, **{"class": "Bäume & Co"}, legend="1")

    with Image.open(io.BytesIO(response.content)) as shown:
        shown.load()
        found = shown.info
    name, version = response.headers["X-Model"].split(":")
    assert (found["Model"], found["Version"]) == (name, version)
    assert (found["Class"], found["Method"]) == ("Bäume & Co", "Grad-CAM")
    assert found["Probability"] == response.headers["X-Class-Probability"]


def test_a_class_glows_as_much_as_speaks_for_it(client: httpx.Client, png: bytes) -> None:
    classes = client.get("/models").json()["models"][0]["classes"]

    answers = {
        name: explain(client, png, **{"class": name}, style="raw").json() for name in classes
    }

    label = answers[classes[0]]["label"]
    peak = answers[label]["heatmap_peak"]
    for answer in answers.values():
        assert answer["scale"] == pytest.approx(min(1, answer["heatmap_peak"] / peak), abs=1e-3)
    assert answers[label]["scale"] == 1


def test_raw_says_where_each_cell_looks(client: httpx.Client, png: bytes) -> None:
    answer = explain(client, png, style="raw").json()

    places, (left, top, right, bottom) = answer["map_geometry"], answer["box"]
    rows, columns = np.shape(answer["heatmap"])
    middle_x = places["offset_x"] + places["step_x"] * (columns - 1) / 2
    middle_y = places["offset_y"] + places["step_y"] * (rows - 1) / 2
    assert middle_x == pytest.approx((left + right) / 2, abs=places["step_x"])
    assert middle_y == pytest.approx((top + bottom) / 2, abs=places["step_y"])


def test_only_one_picture_is_explained_at_a_time(client: httpx.Client, png: bytes) -> None:
    response = client.post("/explain", files=[("image", png), ("image", png)])

    assert response.status_code == 413
    assert response.json() == {"error": "too many files: at most 1 in one request here"}


def test_occlusion_is_another_map_of_the_same_answer(client: httpx.Client, png: bytes) -> None:
    gradient = explain(client, png, style="raw").json()

    occluded = explain(client, png, style="raw", method="occlusion").json()

    assert (gradient["method"], occluded["method"]) == ("gradcam", "occlusion")
    assert occluded["probabilities"] == pytest.approx(gradient["probabilities"], abs=1e-5)
    assert np.array(occluded["heatmap"]).shape == (7, 7)
    assert 0 <= occluded["heatmap_peak"] <= 1
    left, _, right, _ = occluded["box"]
    places = occluded["map_geometry"]
    assert places["offset_x"] + 3 * places["step_x"] == pytest.approx((left + right) / 2)


def test_occlusion_may_be_drawn_for_any_class_and_the_png_says_so(
    client: httpx.Client, png: bytes
) -> None:
    asked = {"class": "screws", "legend": "1", "method": "occlusion"}

    drawn = Image.open(io.BytesIO(explain(client, png, **asked).content))

    assert drawn.info["Method"] == "occlusion"
    assert drawn.info["Class"] == "screws"


def test_an_unknown_method_is_refused_with_the_known_ones(client: httpx.Client, png: bytes) -> None:
    response = explain(client, png, method="lime")

    assert response.status_code == 422
    assert response.json() == {"error": "unknown method 'lime'; known are: gradcam, occlusion"}
