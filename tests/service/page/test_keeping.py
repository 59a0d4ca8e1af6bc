"""What is kept is what is seen: a picture with its heatmap, and the answers as a table."""

import csv
import io
import re
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.conftest import encoded
from tests.service.conftest import Served
from tests.service.page.conftest import Window, answer_with, payload

FORMULA = "=HYPERLINK(1).png"


def answered(window: Window, data: bytes, name: str = "a.png") -> Locator:
    """A picture with its answer; the slider."""
    window.choose(payload(data, name))
    expect(window.in_state("answered")).to_have_count(1)
    return window.page.get_by_role("slider", name="Heatmap")


def saved(window: Window, folder: Path) -> npt.NDArray[np.int_]:
    """What "Save PNG" gives, (H, W, 3)."""
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save PNG").click()
    download.value.save_as(folder / "saved.png")
    with Image.open(folder / "saved.png") as png:
        assert png.format == "PNG"
        return np.asarray(png.convert("RGB"), int)


def table(window: Window, folder: Path) -> tuple[bytes, list[dict[str, str]]]:
    """What "Save CSV" gives: the bytes, and its rows."""
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save CSV").click()
    assert download.value.suggested_filename == "answers.csv"
    download.value.save_as(folder / "answers.csv")
    data = (folder / "answers.csv").read_bytes()
    return data, list(csv.DictReader(io.StringIO(data.decode("utf-8-sig"), newline="")))


def test_one_slider_says_how_much_all_heatmaps_cover(window: Window, png: bytes) -> None:
    window.choose(payload(png), payload(png))
    expect(window.in_state("answered")).to_have_count(2)
    slider = window.page.get_by_role("slider")  # which is one, or this fails

    for press, expected in (("End", "1"), ("Home", "0"), ("ArrowRight", "0.05")):
        slider.press(press)
        for heat in window.cards.locator(".heat").all():
            expect(heat).to_have_css("opacity", expected)

    expect(slider).to_have_attribute("aria-valuetext", "5%")
    window.page.reload()
    expect(window.page.locator("input[type=range]")).to_have_value("5")  # this tab keeps it


@pytest.mark.parametrize("size", [(96, 72), (1600, 1200), (60, 150)])
def test_without_its_heatmap_the_saved_picture_is_the_picture(
    window: Window, served: Served, picture: Image.Image, tmp_path: Path, size: tuple[int, int]
) -> None:
    data = encoded(picture.resize(size))
    raw = served.client.post("/explain", files={"image": data}, data={"style": "raw"}).json()
    left, top, right, bottom = map(int, raw["box"])
    answered(window, data).press("Home")

    kept = saved(window, tmp_path)

    expected = np.asarray(picture.resize(size), int)
    assert kept.shape == expected.shape
    seen = (slice(top + 1, bottom), slice(left + 1, right))  # edges lie between pixels
    assert np.array_equal(kept[seen], expected[seen])
    kept[top : bottom + 1, left : right + 1] = 0
    assert np.ptp(kept, axis=2).max() <= 2  # what the network was not shown is grey


def test_at_its_first_strength_the_saved_picture_is_the_services(
    window: Window, served: Served, picture: Image.Image, tmp_path: Path
) -> None:
    tall = encoded(picture.resize((240, 600)))
    drawn = served.client.post("/explain", files={"image": tall}, data={"style": "overlay"})
    slider = answered(window, tall)

    usual = saved(window, tmp_path)
    slider.press("End")
    strong = saved(window, tmp_path)

    expected = np.asarray(Image.open(io.BytesIO(drawn.content)), int)
    assert np.abs(usual - expected).mean() < 3
    assert np.abs(strong - expected).mean() > np.abs(usual - expected).mean() + 3


def test_what_is_transparent_is_saved_on_white(
    window: Window, picture: Image.Image, tmp_path: Path
) -> None:
    clear = picture.copy()
    clear.putalpha(0)
    answered(window, encoded(clear)).press("Home")

    assert (saved(window, tmp_path) == 255).all()


def test_the_saved_picture_is_called_as_the_service_calls_it(window: Window, png: bytes) -> None:
    answered(window, png, "my picture.jpg")
    window.page.get_by_role("radio", name="Bäume & Co").check()
    expect(window.cards.locator(".heat")).to_have_attribute("aria-label", re.compile("Bäume"))

    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save PNG").click()

    assert download.value.suggested_filename == "my_picture-Bäume_Co-overlay.png"


def test_a_picture_is_saved_with_the_class_that_is_marked_whatever_comes_then(
    window: Window, png: bytes
) -> None:
    answered(window, png)
    save = window.page.get_by_role("button", name="Save PNG")

    with window.page.expect_download() as download, window.without_answers():
        window.page.get_by_role("radio", name="Bäume & Co").check()
        save.click()
        window.page.get_by_role("radio", name="nuts").check()

    assert download.value.suggested_filename == "a-Bäume_Co-overlay.png"
    expect(window.page.get_by_role("img", name="Heatmap for nuts: ")).to_be_visible()


@pytest.mark.parametrize("kind", ["TIFF", "PNG"])
def test_where_the_services_picture_is_seen_that_is_saved(
    window: Window, served: Served, picture: Image.Image, tmp_path: Path, kind: str
) -> None:
    grey = Image.fromarray(np.asarray(picture.convert("L")).astype(np.uint16) * 16)
    data = encoded(grey, kind)  # 12 bits of 16, which a browser shows as black
    drawn = served.client.post("/explain", files={"image": data}, data={"style": "overlay"})

    answered(window, data).press("Home")

    expect(window.cards.locator(".note")).to_contain_text("which the slider does not change")
    expected = np.asarray(Image.open(io.BytesIO(drawn.content)).convert("RGB"), int)
    assert np.array_equal(saved(window, tmp_path), expected)


def test_answers_are_a_table_with_a_row_for_each_picture(
    window: Window, served: Served, png: bytes, tmp_path: Path
) -> None:
    answer = served.client.post("/classify", files={"image": png}).json()["predictions"][0]
    window.choose(payload(png, 'a, "b".png'), payload(png, FORMULA), payload(b"no", "bad.png"))
    expect(window.in_state("refused")).to_have_count(1)
    expect(window.in_state("answered")).to_have_count(2)

    data, rows = table(window, tmp_path)

    classes = [f"p({name})" for name in answer["probabilities"]]
    assert data.startswith(b"\xef\xbb\xbf")
    assert list(rows[0]) == ["file", "label", "probability", "error", *classes]
    assert [row["file"] for row in rows] == ['a, "b".png', f"./{FORMULA}", "bad.png"]
    assert [row["label"] for row in rows] == [answer["label"], answer["label"], ""]
    expected = [f"{p:.6f}" for p in answer["probabilities"].values()]
    assert [rows[1][name] for name in classes] == expected
    assert rows[2]["error"] == window.in_state("refused").locator(".problem-words").inner_text()


def cells(window: Window, card: dict[str, Any]) -> dict[str, str]:
    """A card as the row of a table, by the page's own program."""
    text = window.page.evaluate(
        "async (card) => (await import('/page/table.js')).asCsv([card])", {"problem": "", **card}
    )
    return next(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


@pytest.mark.parametrize("label", ["=1+1", "+1", "-1", "@a", "\t=1", "\r=1", "＝1"])
def test_no_cell_of_a_table_is_computed_by_a_spreadsheet(window: Window, label: str) -> None:
    answer = {"label": label, "probability": 0.9, "probabilities": {label: 0.9}}

    row = cells(window, {"path": f"{label}.png", "answer": answer})

    assert row == {
        "file": f"./{label}.png",
        "label": f"'{label}",
        "probability": "0.900000",
        f"p({label})": "0.900000",
    }


@pytest.mark.parametrize(
    "name", ['"', 'a";b', "two\nlines", "two\r\nlines", " a ", "a;=1+1", "א,ב"]
)
def test_a_table_gives_every_name_back(window: Window, name: str) -> None:
    answer = {"label": name, "probability": 1, "probabilities": {name: 1}, "warnings": [name, "b"]}

    row = cells(window, {"path": f"{name}/a.png", "answer": answer, "isRight": True})

    assert row["file"] == f"{name}/a.png"
    assert (row["label"], row["right"], row["warnings"]) == (name, "true", f"{name} b")
    assert row[f"p({name})"] == "1.000000"


def test_a_table_has_the_warnings(window: Window, png: bytes, tmp_path: Path) -> None:
    answer_with(window, warnings=["its greys are dark"])
    answered(window, png)

    _, rows = table(window, tmp_path)

    assert rows[0]["warnings"] == "its greys are dark"
