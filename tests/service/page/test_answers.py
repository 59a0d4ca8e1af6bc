"""A picture goes in; its classes and its heatmap come out, as the service says."""

import io

import httpx
import numpy as np
import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.conftest import encoded
from tests.service.conftest import Serve, Served
from tests.service.page.conftest import Open, Window, answer_with, payload, pixels

ORIENTATION = 0x0112

#: How a picture must be stored for each EXIF orientation to make it upright again.
STORED_FOR = {
    1: None,
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_90,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_270,
}


def test_every_class_is_there_with_its_probability(
    window: Window, served: Served, png: bytes
) -> None:
    answer = served.client.post("/classify", files={"image": png}).json()["predictions"][0]

    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".label")).to_have_text(answer["label"])
    expected = sorted(answer["probabilities"].items(), key=lambda pair: -pair[1])
    assert window.cards.locator(".row-name").all_inner_texts() == [name for name, _ in expected]
    shown = window.cards.locator(".row-percent").all_inner_texts()
    assert shown == [f"{p * 100:.1f}%" for _, p in expected]
    widths = [box.evaluate("e => e.style.width") for box in window.cards.locator(".bar-fill").all()]
    assert [float(w[:-1]) for w in widths] == pytest.approx([p * 100 for _, p in expected], 1e-4)


def test_cards_name_the_model_that_answered_and_the_page_says_once_how_good_it_is(
    window: Window, tag: str, png: bytes
) -> None:
    window.choose(payload(png), payload(png))

    expect(window.in_state("answered")).to_have_count(2)
    assert window.cards.locator(".by").all_inner_texts() == [tag, tag]
    expect(window.cards.get_by_text("50.0%")).to_have_count(0)
    expect(window.page.get_by_text("50.0% came out right")).to_have_count(1)


def test_what_speaks_against_an_answer_stands_in_the_card(window: Window) -> None:
    window.choose(payload(encoded(Image.new("RGB", (40, 30)))))

    expect(window.cards.locator(".note")).to_contain_text("The picture is all one colour")


def test_a_stranger_is_called_one_before_its_label_and_never_vouched_for(window: Window) -> None:
    window.choose(payload(encoded(Image.new("RGB", (40, 30)))))

    expect(window.in_state("answered")).to_have_count(1)
    words = window.cards.locator(".answer").inner_text()
    label = window.cards.locator(".label").inner_text()
    assert words.index("Unlike anything it learned from") < words.index(label)
    assert "%" in words
    assert "50.0%" not in words  # the model's accuracy
    assert "label and probability mean little" not in words  # it has been said
    expect(window.page.locator("#status")).to_contain_text("unlike anything it learned from, ")


def test_a_familiar_picture_is_not_called_a_stranger(window: Window, png: bytes) -> None:
    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".stranger")).to_be_hidden()


@pytest.mark.parametrize(
    ("possible", "said"),
    [
        (["nuts"], ""),
        (["nuts", "screws"], "could also be screws"),
        (["nuts", "screws", "Bäume & Co"], "could also be screws and Bäume & Co"),
        (["nuts", *"abcdefg"], "could also be a, b, c and 4 more"),
    ],
)
def test_what_else_a_picture_could_be_stands_before_the_probability(
    window: Window, png: bytes, possible: list[str], said: str
) -> None:
    answer_with(window, label="nuts", prediction_set=possible)

    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".could-be")).to_have_text(said)
    expect(window.cards.locator(".could-be")).to_be_visible(visible=bool(said))
    verdict = window.cards.locator(".verdict").inner_text()
    assert verdict.index("nuts") <= verdict.index(said) < verdict.index("%")


@pytest.mark.parametrize(
    ("decision", "said"),
    [
        ({"label": "screws", "refer": False, "reason": "operating_point"}, "Decided: screws"),
        ({"label": None, "refer": True, "reason": "familiarity"}, "A person must look at this"),
    ],
)
def test_what_becomes_of_an_answer_stands_before_its_label(
    window: Window, png: bytes, decision: dict[str, object], said: str
) -> None:
    answer_with(window, label="nuts", decision=decision)

    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    words = window.cards.locator(".answer").inner_text()
    assert words.index(said) < words.index("nuts")
    expect(window.page.locator("#status")).to_contain_text(said)


def test_nothing_is_decided_where_no_operating_point_was_asked_for(
    window: Window, png: bytes
) -> None:
    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".decision")).to_be_hidden()
    expect(window.page.locator("#point")).to_be_hidden()


def test_an_empty_page_says_what_is_served(window: Window) -> None:
    lead = window.page.locator("#lead")

    expect(lead).to_contain_text("drawn tells apart nuts, screws and Bäume & Co.")
    expect(window.page.locator("#accuracy")).to_have_text("50.0%")
    expect(window.page.locator("#accuracy-note")).to_have_text(
        "95% interval 40.0% to 60.0%, on 100 pictures it had not seen"
    )


def test_the_heatmap_is_the_services(window: Window, served: Served, png: bytes) -> None:
    files = {"image": png}
    raw = served.client.post("/explain", files=files, data={"style": "raw"}).json()
    drawn = served.client.post("/explain", files=files, data={"style": "heatmap"})

    window.choose(payload(png))

    expect(window.in_state("answered")).to_have_count(1)
    heat = pixels(window, ".heat")
    box = tuple(round(edge) for edge in raw["box"])
    size = (heat.shape[1], heat.shape[0])
    whole = Image.open(io.BytesIO(drawn.content))
    expected = np.asarray(whole.crop(box).resize(size, Image.Resampling.BICUBIC), int)
    seen = heat[..., 3] > 100  # a canvas keeps the colour of what is nearly clear only roughly
    assert seen.any()
    assert np.abs(heat[..., :3].astype(int) - expected)[seen].mean() < 4
    rows = np.array(raw["heatmap"])
    middle = heat[heat.shape[0] // 2, heat.shape[1] // 2, 3] / 255
    assert rows.min() - 0.01 <= middle <= rows.max() + 0.01


def test_another_class_has_another_heatmap_and_the_same_label(window: Window, png: bytes) -> None:
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)
    label = window.cards.locator(".label").inner_text()
    first = pixels(window, ".heat")

    radio = window.cards.locator("input[type=radio]:not(:checked)").first
    other = radio.get_attribute("value") or ""
    window.page.get_by_role("radio", name=other).check()

    described = f"Heatmap for {other}: "
    expect(window.page.get_by_role("img", name=described)).to_be_visible()
    expect(window.page.locator("#status")).to_contain_text(described)
    assert not np.array_equal(pixels(window, ".heat"), first)
    expect(window.cards.locator(".label")).to_have_text(label)


def test_a_remark_of_the_service_stands_on_the_card(window: Window, png: bytes) -> None:
    answer_with(window, warnings=["its greys are darker than those of the training"])

    window.choose(payload(png))

    expect(window.cards.locator(".note .warning")).to_have_text(
        "Its greys are darker than those of the training."
    )


def turned(picture: Image.Image, orientation: int, kind: str) -> bytes:
    """A file that is upright once its EXIF orientation has been followed."""
    exif = Image.Exif()
    exif[ORIENTATION] = orientation
    way = STORED_FOR[orientation]
    stored = picture if way is None else picture.transpose(way)
    return encoded(stored, kind, exif=exif)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_turned_camera_is_shown_upright_and_its_heatmap_covers_it(
    window: Window, picture: Image.Image, kind: str
) -> None:
    window.choose(*(payload(turned(picture, way, kind), f"{way}.{kind}") for way in STORED_FOR))

    expect(window.in_state("answered")).to_have_count(len(STORED_FOR))
    if kind == "WEBP":  # which Chromium does not turn
        expect(window.cards.get_by_text("this is the service's picture")).to_have_count(8)
        return
    for index in range(len(STORED_FOR)):
        shown = pixels(window, ".picture", index)[..., :3].astype(int)
        name = window.cards.nth(index).locator(".name").inner_text()
        assert np.abs(shown - np.asarray(picture, int)).mean() < 12, name
        assert window.cards.nth(index).locator(".heat").is_visible(), name


def test_the_heatmap_lies_where_the_network_looked(
    window: Window, served: Served, picture: Image.Image
) -> None:
    tall = encoded(picture.resize((60, 150)))
    raw = served.client.post("/explain", files={"image": tall}, data={"style": "raw"}).json()

    window.choose(payload(tall))

    expect(window.in_state("answered")).to_have_count(1)
    whole = window.cards.locator(".picture").bounding_box()
    heat = window.cards.locator(".heat").bounding_box()
    assert whole
    assert heat
    scale = whole["width"] / 60
    assert whole["height"] == pytest.approx(150 * scale, abs=1)
    left, top, right, bottom = raw["box"]
    assert heat["x"] - whole["x"] == pytest.approx(left * scale, abs=1)
    assert heat["y"] - whole["y"] == pytest.approx(top * scale, abs=1)
    assert heat["width"] == pytest.approx((right - left) * scale, abs=1)
    assert heat["height"] == pytest.approx((bottom - top) * scale, abs=1)
    expect(window.cards.locator(".unseen")).to_be_visible()
    expect(window.cards.locator(".note")).to_have_text("What is grey was not shown to the network.")


def test_what_the_browser_cannot_show_is_shown_as_the_service_draws_it(
    window: Window, picture: Image.Image
) -> None:
    window.choose(payload(encoded(picture, "TIFF"), "a.tif"))

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".note")).to_contain_text("this is the service's picture")
    expect(window.cards.locator(".heat")).to_be_hidden()
    first = pixels(window, ".picture")
    assert first.shape[:2] == (picture.height, picture.width)
    window.cards.locator("input[type=radio]:not(:checked)").first.check()
    expect(window.cards.locator("input[type=radio]:disabled")).to_have_count(0)


def test_of_many_classes_the_first_are_shown_and_then_all(
    open_page: Open, serve: Serve, tag_of_many: str, png: bytes
) -> None:
    with serve(model=tag_of_many) as served:
        window = open_page(served)
        window.choose(payload(png))
        expect(window.in_state("answered")).to_have_count(1)
        expect(window.cards.locator(".row:visible")).to_have_count(5)

        more = window.page.get_by_role("button", name="Show all 30")
        more.click()

        expect(window.cards.locator(".row:visible")).to_have_count(30)
        names = window.cards.locator(".row-name").all_inner_texts()
        assert {"<img src=x onerror=alert(1)>", "__proto__", "10", "2"} <= set(names)
        fewer = window.page.get_by_role("button", name="Show the first 5")
        expect(fewer).to_have_attribute("aria-expanded", "true")
        expect(window.page.locator("#all-classes li")).to_have_count(30)


def test_classes_below_one_per_cent_are_folded(window: Window, png: bytes) -> None:
    likely = {"nuts": 0.982, "screws": 0.009, "Bäume & Co": 0.009}
    answer_with(window, **{"label": "nuts", "class": "nuts", "probabilities": likely})

    window.choose(payload(png))

    expect(window.cards.locator(".row-name:visible")).to_have_text(["nuts"])
    window.page.get_by_role("button", name="2 more below 1%").click()
    expect(window.cards.locator(".row-name:visible")).to_have_text(["nuts", "screws", "Bäume & Co"])
    window.page.unroute_all()
    window.page.get_by_role("radio", name="screws").check()
    window.page.get_by_role("button", name="Show the first only").click()
    expect(window.cards.locator(".row-name:visible")).to_have_text(["nuts", "screws"])


def test_names_are_text_and_nothing_else(window: Window, png: bytes) -> None:
    hostile = "<img src=x onerror=alert(1)> \u202egnp.exe" + "y" * 150

    window.choose(payload(png, hostile))

    expect(window.in_state("answered")).to_have_count(1)
    shown = window.cards.locator(".name").inner_text()
    assert shown.startswith("<img src=x onerror=alert(1)> \ufffdgnp.exe")
    assert window.page.locator(".pictures img").count() == 1


def test_a_picture_costs_one_request(window: Window, png: bytes) -> None:
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)

    asked = [httpx.URL(address).path for address in window.addresses]
    assert asked.count("/explain") == 1
    assert asked.count("/models") == 1


def test_of_several_models_the_chosen_one_answers(
    open_page: Open, serve: Serve, tag: str, tag_of_many: str, png: bytes
) -> None:
    with serve(model=f"{tag},{tag_of_many}") as served:
        window = open_page(served)
        chooser = window.page.get_by_label("Model", exact=True)
        expect(chooser).to_have_value("drawn")
        window.choose(payload(png))
        expect(window.cards.locator(".by-tag")).to_have_text(tag)
        expect(window.in_state("answered")).to_have_count(1)

        chooser.select_option("many")

        expect(window.page.locator("#lead")).to_contain_text("many tells apart 30 classes")
        expect(window.in_state("answered")).to_have_count(1)
        expect(window.cards.locator(".by-tag")).to_have_text(tag_of_many)
        expect(window.page.get_by_role("button", name="Show all 30")).to_be_visible()
