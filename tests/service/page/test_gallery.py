"""Many pictures: put in order, chosen from, opened large, and judged by their folders."""

import re
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, Route, expect

from tests.browsing import PHONE
from tests.conftest import encoded
from tests.service.conftest import Served
from tests.service.page.conftest import Open, Window, payload, pixels

#: What the service says of pictures here, by their names: a label and its probability.
SAID = {"1.png": ("nuts", 0.95), "2.png": ("screws", 0.7), "10.png": ("nuts", 0.999)}


def say(window: Window, tag: str) -> None:
    """Has the service say of each picture what stands in `SAID`."""

    def answer(route: Route) -> None:
        # Of a file on disk, Playwright knows no more than its name.
        name = re.search(rb'filename="([^"]*)"', route.request.post_data_buffer or b"")
        if name and name[1].decode() in SAID:
            route.fulfill(json=answer_of(tag, *SAID[name[1].decode()]))
        else:
            route.continue_()

    window.page.route("**/explain", answer)


def answer_of(tag: str, label: str, probability: float) -> dict[str, object]:
    rest = {"nuts": 0.0, "screws": 0.0, "Bäume & Co": 1 - probability}
    return {
        "model": tag,
        "label": label,
        "class": label,
        "probability": probability,
        "probabilities": rest | {label: probability},
        "familiar": True,
        "familiarity": 0.9,
        "prediction_set": [label],
        "width": 96,
        "height": 72,
        "box": [0, 0, 96, 72],
        "heatmap": [[0, 1], [0, 0.5]],
        "map_geometry": {"offset_x": 24, "offset_y": 18, "step_x": 48, "step_y": 36},
        "scale": 1,
    }


def names(window: Window) -> list[str]:
    return window.cards.locator(".name:visible").all_inner_texts()


@pytest.fixture
def four(window: Window, tag: str, png: bytes) -> Window:
    """A page with three answers and one picture without."""
    say(window, tag)
    window.choose(*(payload(png, name) for name in ("10.png", "2.png", "1.png")))
    expect(window.in_state("answered")).to_have_count(3)
    window.choose(payload(b"no", "3.txt"))
    expect(window.in_state("refused")).to_have_count(1)
    return window


def folder(root: Path, png: bytes) -> Path:
    """Pictures of which two of three are what their folder is called."""
    for name in ("NUTS/1.png", "NUTS/2.png", "screws/nuts/10.png", "other/a.png"):
        path = root / "test" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png)
    return root / "test"


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        ("As added", ["3.txt", "10.png", "2.png", "1.png"]),
        ("By name", ["1.png", "2.png", "3.txt", "10.png"]),
        ("By class", ["10.png", "1.png", "2.png", "3.txt"]),
        ("Least sure first", ["2.png", "1.png", "10.png", "3.txt"]),
    ],
)
def test_pictures_stand_in_the_order_that_is_chosen(
    four: Window, order: str, expected: list[str]
) -> None:
    four.page.get_by_label("Order", exact=True).select_option("By name")
    four.page.get_by_label("Order", exact=True).select_option(order)

    assert names(four) == expected


def test_pictures_are_chosen_by_class_and_by_how_sure_with_counts(four: Window) -> None:
    by_class, by_sureness = (
        four.page.get_by_label("Class", exact=True),
        four.page.get_by_label("How sure"),
    )

    assert by_class.locator("option").all_inner_texts() == [
        "All classes (4)", "nuts (2)", "screws (1)", "Without an answer (1)",
    ]  # fmt: skip
    by_class.select_option("nuts (2)")
    assert names(four) == ["10.png", "1.png"]
    by_sureness.select_option("Below 99% (1)")
    assert names(four) == ["1.png"]
    expect(four.page.locator("#shown")).to_have_text("1 of 4 pictures shown.")
    expect(four.page.locator("#status")).to_have_text("1 picture shown.")
    expect(four.page.get_by_role("button", name="Save CSV of 1")).to_be_visible()
    assert "Without an answer (0)" in by_class.locator("option").all_inner_texts()

    four.page.get_by_role("button", name="Show all 4").click()
    assert names(four) == ["3.txt", "10.png", "2.png", "1.png"]
    expect(by_class).to_be_focused()


def test_new_pictures_are_seen_whatever_was_chosen_before(four: Window, png: bytes) -> None:
    four.page.get_by_label("Class", exact=True).select_option("Without an answer (1)")
    assert names(four) == ["3.txt"]

    four.choose(payload(png, "new.png"))

    expect(four.page.get_by_role("heading", name="new.png")).to_be_visible()
    expect(four.page.locator("#shown")).to_have_text("")


def test_folders_called_like_classes_tell_how_many_were_right(
    window: Window, tag: str, png: bytes, tmp_path: Path
) -> None:
    say(window, tag)
    window.page.set_input_files("#folder-files", folder(tmp_path, png))
    expect(window.in_state("answered")).to_have_count(4)

    shown = window.page.locator("#shown")
    expect(shown).to_have_text("2 of 3 right (in folders called like classes).")
    expect(window.page.locator("#status")).to_have_text(
        "4 pictures answered. 2 of 3 right (in folders called like classes)."
    )
    wrong = window.page.get_by_label("Only those that were wrong (1)")
    wrong.check()
    assert names(window) == ["test/NUTS/2.png"]
    expect(window.cards.locator(".truth:visible")).to_contain_text("Wrong: its folder says")
    expect(shown).to_have_text(
        "1 of 4 pictures shown, 0 of 1 right; of all, 2 of 3 right "
        "(in folders called like classes)."
    )


def test_where_no_folder_tells_nothing_is_said_of_right_and_wrong(four: Window) -> None:
    expect(four.page.locator("#only-wrong")).to_be_hidden()
    expect(four.cards.locator(".truth:visible")).to_have_count(0)


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("cats/1.jpg", "Cats"),
        ("dogs/cats/1.jpg", "Cats"),
        ("cats/new/1.jpg", "Cats"),
        ("DOGS /1.jpg", "dogs"),
        ("ba\u0308ume/1.jpg", "B\u00e4ume"),
        ("Fox/1.jpg", "Fox"),
        ("fox/1.jpg", "fox"),
        ("FOX/cats.jpg", None),
        ("cats.jpg", None),
        ("scats/1.jpg", None),
    ],
)
def test_the_last_folder_called_like_a_class_tells_what_is_right(
    window: Window, path: str, expected: str | None
) -> None:
    classes = ["Cats", "dogs", "B\u00e4ume", "Fox", "fox"]

    found = window.page.evaluate(
        "async (of) => (await import('/page/folders.js')).classOfFolders(...of)", [path, classes]
    )

    assert found == expected


def opener(window: Window, name: str) -> Locator:
    return window.page.get_by_role("button", name=f"Show {name} large")


def test_a_picture_opens_large_and_by_arrow_keys_the_next(four: Window) -> None:
    dialog = four.page.get_by_role("dialog")
    opener(four, "10.png").press("Enter")

    expect(dialog).to_be_visible()
    expect(dialog.get_by_role("heading", name="10.png")).to_be_visible()
    expect(dialog.get_by_role("img", name="Heatmap for nuts")).to_be_visible()
    box = dialog.locator(".picture").bounding_box()
    assert box
    assert box["width"] > 700
    four.page.keyboard.press("ArrowRight")
    expect(dialog.get_by_role("heading", name="2.png")).to_be_visible()
    expect(dialog.locator("#large-status")).to_have_text("3 of 4. 2.png: screws, 70.0%")
    for _ in range(3):
        four.page.keyboard.press("ArrowLeft")
    expect(dialog.get_by_role("heading", name="1.png")).to_be_visible()
    four.page.keyboard.press("Escape")

    expect(dialog).to_be_hidden()
    expect(opener(four, "1.png")).to_be_focused()
    assert names(four) == ["3.txt", "10.png", "2.png", "1.png"]


def test_what_is_large_has_its_classes_and_the_slider(window: Window, png: bytes) -> None:
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)
    opener(window, "a.png").click()
    dialog = window.page.get_by_role("dialog")

    dialog.get_by_role("slider", name="Heatmap").press("Home")
    other = dialog.locator("input[type=radio]:not(:checked)").first.get_attribute("value") or ""
    dialog.get_by_role("radio", name=other).check()

    expect(dialog.get_by_role("img", name=f"Heatmap for {other}: ")).to_be_attached()
    expect(dialog.locator("#large-status")).to_contain_text(f"Heatmap for {other}: ")
    dialog.get_by_role("button", name="Close").click()
    expect(window.cards.locator(".heat")).to_have_css("opacity", "0")
    expect(window.page.locator("#add").get_by_role("slider")).to_be_visible()


def test_what_is_large_may_be_explained_in_another_way(window: Window, png: bytes) -> None:
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)
    by_gradient = pixels(window, ".heat")
    expect(window.page.locator(".method")).not_to_be_visible()
    opener(window, "a.png").click()

    with window.page.expect_response("**/explain") as answered:
        window.page.get_by_label("Found by").select_option("occlusion")

    assert answered.value.json()["method"] == "occlusion"
    expect(window.page.locator("#large-status")).to_contain_text("Heatmap for ")
    assert (pixels(window, ".heat") != by_gradient).any()


def test_what_is_large_has_all_of_its_pixels(window: Window, picture: Image.Image) -> None:
    window.choose(payload(encoded(picture.resize((1600, 1200)))))
    expect(window.in_state("answered")).to_have_count(1)
    assert pixels(window, ".picture").shape[:2] == (750, 1000)

    opener(window, "a.png").click()
    expect(window.page.locator("dialog .picture")).to_have_js_property("naturalWidth", 1600)
    window.page.keyboard.press("Escape")

    expect(window.cards.locator(".picture")).to_have_js_property("naturalWidth", 1000)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_in_a_gallery_nor_in_a_large_picture(
    open_page: Open, served: Served, tag: str, png: bytes, tmp_path: Path, scheme: str
) -> None:
    window = open_page(served, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    say(window, tag)
    window.page.set_input_files("#folder-files", folder(tmp_path, png))
    expect(window.in_state("answered")).to_have_count(4)

    gallery = Axe().run(window.page).response["violations"]
    opener(window, "test/NUTS/2.png").click()
    large = Axe().run(window.page).response["violations"]

    assert (gallery, large) == ([], [])


def test_on_a_phone_a_gallery_scrolls_only_downwards(
    open_page: Open, served: Served, png: bytes, tmp_path: Path
) -> None:
    window = open_page(served, PHONE, has_touch=True, is_mobile=True)
    window.page.set_input_files("#folder-files", folder(tmp_path, png))
    expect(window.in_state("answered")).to_have_count(4)
    window.page.locator("#only-wrong").check()

    assert window.page.evaluate("document.scrollingElement.scrollWidth") == PHONE["width"]
    for target in window.page.locator("button:visible, select:visible, label.check").all():
        box = target.bounding_box()
        assert box
        assert box["height"] >= 40
        assert box["x"] + box["width"] <= PHONE["width"]


def test_two_hundred_pictures_are_ordered_and_chosen_from(
    window: Window, picture: Image.Image
) -> None:
    small = encoded(picture.resize((16, 12)))
    window.choose(*(payload(small, f"{number}.png") for number in range(200)))
    expect(window.in_state("answered")).to_have_count(200, timeout=120_000)

    window.page.get_by_label("Order", exact=True).select_option("By name")
    opener(window, "199.png").press("Enter")
    window.page.keyboard.press("ArrowRight")

    expect(window.page.get_by_role("dialog").get_by_role("heading", name="0.png")).to_be_visible()
    expect(window.page.locator("#large-where")).to_have_text("1 of 200")
