"""The page is for everybody: by keyboard, by ear, on a phone, in the dark."""

import re
from typing import Any

import pytest
from axe_playwright_python.sync_playwright import Axe
from PIL import Image
from playwright.sync_api import Locator, expect

from tests.browsing import PHONE
from tests.conftest import encoded
from tests.service.conftest import Served
from tests.service.page.conftest import Open, Window, payload

#: In the page: how far everything moved by itself, as browsers measure it (0.1 counts as bad).
WATCH_SHIFTS = """() => {
  window.shift = 0;
  new PerformanceObserver((list) => {
    for (const entry of list.getEntries()) if (!entry.hadRecentInput) window.shift += entry.value;
  }).observe({ type: "layout-shift" });
}"""


def answered_and_refused(window: Window, png: bytes) -> None:
    """A picture with an answer and one with a sentence."""
    window.choose(payload(png, "good.png"), payload(b"no", f"bad {'x' * 150}.png"))
    expect(window.in_state("answered")).to_have_count(1)
    expect(window.in_state("refused")).to_have_count(1)


def press_until(window: Window, key: str, wanted: Locator) -> None:
    """Presses a key until something has the focus; fails if it never gets it."""
    for _ in range(20):
        window.page.keyboard.press(key)
        if wanted.evaluate("element => element === document.activeElement"):
            return
    pytest.fail(f"{wanted} is not reached with {key}")


def test_everything_is_done_by_keyboard(window: Window, png: bytes) -> None:
    # From the start: Playwright does not wait until the browser has begun to tell of choosers.
    window.page.on("filechooser", lambda _: None)
    choose = window.page.get_by_role("button", name="Choose pictures")
    press_until(window, "Tab", choose)
    with window.page.expect_file_chooser() as chooser:
        window.page.keyboard.press("Enter")
    chooser.value.set_files(payload(png))
    expect(window.in_state("answered")).to_have_count(1)

    press_until(window, "Tab", window.cards.locator("input[type=radio]:checked"))
    window.page.keyboard.press("ArrowDown")
    second = window.cards.locator("input[type=radio]").nth(1)
    expect(second).to_be_checked()
    value = second.get_attribute("value") or ""
    expect(window.cards.locator(".heat")).to_have_attribute("aria-label", re.compile(value))

    press_until(window, "Tab", window.page.get_by_role("slider"))
    window.page.keyboard.press("ArrowLeft")
    expect(window.page.locator("output")).to_have_text("65%")

    press_until(window, "Tab", window.page.get_by_role("button", name="Save PNG"))
    with window.page.expect_download():
        window.page.keyboard.press("Enter")

    press_until(window, "Shift+Tab", window.page.get_by_role("button", name="Remove a.png"))
    window.page.keyboard.press("Enter")
    expect(choose).to_be_focused()
    expect(window.cards).to_have_count(0)


def test_what_has_the_focus_is_seen(window: Window) -> None:
    choose = window.page.get_by_role("button", name="Choose pictures")
    press_until(window, "Tab", choose)

    expect(choose).to_have_css("outline-style", "solid")
    expect(choose).to_have_css("outline-width", "3px")


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(open_page: Open, served: Served, png: bytes, scheme: str) -> None:
    window = open_page(served, color_scheme=scheme, reduced_motion="reduce", bypass_csp=True)
    window.page.locator("#about").wait_for()

    empty = violations(window)
    answered_and_refused(window, png)
    full = violations(window)

    assert (empty, full) == ([], [])


def violations(window: Window) -> list[str]:
    found: Any = Axe().run(window.page).response
    return [f"{v['id']}: {node['html']}" for v in found["violations"] for node in v["nodes"]]


def test_a_screen_reader_hears_what_the_card_shows(window: Window, png: bytes) -> None:
    window.choose(payload(png, "nut.png"))
    expect(window.in_state("answered")).to_have_count(1)
    card = window.page.get_by_role("list", name="Pictures").get_by_role("listitem")

    expect(card.get_by_role("heading", name="nut.png")).to_be_visible()
    expect(card.get_by_role("group", name="Show where it looked for")).to_be_visible()
    expect(card.get_by_role("radio")).to_have_count(3)
    expect(card.get_by_role("img", name="nut.png")).to_be_visible()
    expect(card.get_by_role("img", name=re.compile("^Heatmap for .+: strongest"))).to_be_visible()
    expect(window.page.get_by_role("status").first).to_be_attached()
    label = card.locator(".label").inner_text()
    expect(window.page.locator("#status")).to_have_text(
        re.compile(rf"^nut\.png: {re.escape(label)}, .*\d")
    )


@pytest.mark.parametrize("is_full", [False, True])
def test_a_phone_scrolls_only_downwards_and_has_room_for_thumbs(
    open_page: Open, served: Served, png: bytes, is_full: bool
) -> None:
    window = open_page(served, PHONE, has_touch=True, is_mobile=True)
    window.page.locator("#about").wait_for()
    if is_full:
        answered_and_refused(window, png)

    width = window.page.evaluate("document.scrollingElement.scrollWidth")
    targets = window.page.locator("a, button, select, label.row, input[type=range]")

    assert width == PHONE["width"]
    for target in targets.all():
        if target.is_visible():
            box = target.bounding_box()
            assert box
            assert min(box["width"], box["height"]) >= 40, target.evaluate("e => e.outerHTML")
            assert box["x"] >= 0
            assert box["x"] + box["width"] <= PHONE["width"]


def test_nothing_jumps_while_answers_arrive(window: Window, picture: Image.Image) -> None:
    with window.without_answers():
        window.choose(*(payload(encoded(picture), f"{number}.png") for number in range(6)))
        expect(window.in_state("asking")).to_have_count(3)
        window.page.evaluate(WATCH_SHIFTS)

    expect(window.in_state("answered")).to_have_count(6)
    assert window.page.evaluate("window.shift") < 0.02


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_light_and_dark(open_page: Open, served: Served, scheme: str) -> None:
    window = open_page(served, color_scheme=scheme)

    colour = window.page.evaluate("getComputedStyle(document.body).backgroundColor")

    brightness = sum(map(int, re.findall(r"\d+", colour)))
    assert (brightness > 384) == (scheme == "light")
