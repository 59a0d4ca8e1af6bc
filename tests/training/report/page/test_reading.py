"""The report is read by everybody: offline, on a phone, in the dark, on paper, by ear."""

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Page, expect

from models.session import Session
from tests.browsing import PHONE
from tests.training.report.drawn_told import HOSTILE, told_of, with_findings
from tests.training.report.page.conftest import See
from training.inspection.finding import Finding
from training.inspection.inspection import CurvePoint, Inspection, LearningCurve, MeanMap
from training.report.page import write_report
from training.report.record import Record

TWINS = Finding("near_duplicate", ("cat/0.png", "dog/1.png"), 0.9, "the same, in two classes")
SUSPECT = Finding("suspect_label", ("cat/2.png",), 0.9, "looks like dog")


def test_the_first_screen_holds_verdict_accuracy_and_matrix(
    see: See, record: Record, of_few: Session
) -> None:
    page = see(told_of(record, of_few, 40)).page

    expect(page.get_by_role("heading", level=1)).to_be_in_viewport()
    expect(page.locator(".lead")).to_be_in_viewport()
    expect(page.locator(".accuracy")).to_be_in_viewport()
    expect(page.locator("table.matrix")).to_be_in_viewport(ratio=1)


@pytest.mark.parametrize("count", [40, pytest.param(5000, marks=pytest.mark.slow)])
def test_a_report_of_few_classes_is_small_and_whole(
    see: See, record: Record, of_few: Session, tmp_path: Path, count: int
) -> None:
    seen = see(told_of(record, of_few, count))

    assert (tmp_path / "report.html").stat().st_size < 5e6
    expect(seen.page.locator(".class .tile")).to_have_count(24)
    assert broken_pictures(seen.page) == 0


def test_names_that_want_to_be_more_than_text_are_text(
    see: See, record: Record, of_few: Session
) -> None:
    page = see(told_of(record, of_few, 40, HOSTILE)).page

    assert page.evaluate("window.hit") is None
    for name in HOSTILE:
        expect(page.get_by_text(name, exact=True).first).to_be_attached()


@pytest.mark.parametrize("count", [360, pytest.param(5000, marks=pytest.mark.slow)])
def test_many_classes_with_hostile_names_are_read(
    see: See, record: Record, of_many: Session, tmp_path: Path, count: int
) -> None:
    page = see(told_of(record, of_many, count)).page

    assert page.evaluate("window.hit") is None
    assert (tmp_path / "report.html").stat().st_size < 5e6
    expect(page.locator("table.matrix")).to_have_count(0)
    page.get_by_text("All 120 classes as a matrix").click()
    expect(page.locator("svg.all")).to_be_visible()
    page.locator("summary").get_by_text(HOSTILE[0], exact=True).click()
    expect(page.locator("details.class[open]")).to_have_count(1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("many", [False, True])
def test_axe_finds_nothing(
    see: See, record: Record, of_few: Session, of_many: Session, *, scheme: str, many: bool
) -> None:
    told = told_of(record, of_many, 240) if many else told_of(record, of_few, 40, HOSTILE)
    # Axe is a script, which the page would not let in.
    seen = see(with_findings(told, TWINS, SUSPECT), color_scheme=scheme, bypass_csp=True)

    found: Any = Axe().run(seen.page).response

    assert [f"{v['id']}: {n['html']}" for v in found["violations"] for n in v["nodes"]] == []


@pytest.mark.parametrize("many", [False, True])
def test_a_phone_scrolls_only_downwards(
    see: See, record: Record, of_few: Session, of_many: Session, *, many: bool
) -> None:
    told = told_of(record, of_many, 240) if many else told_of(record, of_few, 40, HOSTILE)

    page = see(with_findings(told, TWINS), viewport=PHONE).page

    assert page.evaluate("document.scrollingElement.scrollWidth") == PHONE["width"]


def test_all_of_it_is_there_without_scripts(see: See, record: Record, of_few: Session) -> None:
    page = see(told_of(record, of_few, 40), java_script_enabled=False).page

    expect(page.locator("#mistakes .tile .heat").first).to_be_visible()
    page.get_by_label("Heatmaps").uncheck()
    expect(page.locator("#mistakes .tile .heat").first).to_have_css("opacity", "0")


def test_paper_is_white_and_shows_what_is_unfolded(
    see: See, record: Record, of_few: Session
) -> None:
    page = see(told_of(record, of_few, 40), color_scheme="dark").page
    page.emulate_media(media="print", color_scheme="dark")

    expect(page.locator(".class .tile").first).to_be_visible()
    expect(page.locator(".places")).to_be_hidden()
    paper = page.evaluate("getComputedStyle(document.body).getPropertyValue('--paper')")
    assert paper == "#f7f7f5"


def test_what_was_found_is_told_with_its_pictures(
    see: See, record: Record, of_few: Session
) -> None:
    page = see(with_findings(told_of(record, of_few, 40), SUSPECT, TWINS)).page

    expect(page.locator("#twins .tile")).to_have_count(2)
    expect(page.locator("#twins")).to_contain_text("the same, in two classes")
    expect(page.locator("#labels .tile")).to_have_count(1)
    expect(page.get_by_role("link", name="Look first at")).to_have_attribute("href", "#labels")


def test_where_it_looks_and_whether_more_pictures_would_help_is_told(
    see: See, record: Record, of_few: Session
) -> None:
    told = told_of(record, of_few, 40)
    points = [CurvePoint(n, 0.9, (0.8, 1.0)) for n in (10, 20, 40)]
    curve = LearningCurve(tuple(points[:2]), points[2], (0, 0))
    maps = tuple(MeanMap(label, np.eye(3, dtype=np.float32), 9) for label in ("cat", "dog"))
    inspection = Inspection((), learning_curve=curve, mean_maps=maps)

    page = see(replace(told, record=replace(told.record, inspection=inspection))).page

    expect(page.locator("#more svg")).to_be_visible()
    expect(page.locator("#more")).to_contain_text("with twice as many")
    expect(page.locator("#shortcuts .mean")).to_have_count(2)
    assert broken_pictures(page) == 0


def broken_pictures(page: Page) -> int:
    """How many pictures the browser could not decode."""
    found: int = page.evaluate(
        "Promise.all([...document.images].map(i => i.decode().then(() => 0, () => 1)))"
        ".then(all => all.reduce((a, b) => a + b))"
    )
    return found


def test_a_page_without_pictures_names_no_file(
    record: Record, of_few: Session, tmp_path: Path
) -> None:
    told = with_findings(told_of(record, of_few, 40), SUSPECT, TWINS)

    write_report(tmp_path / "report.html", told, with_pictures=False)

    page = (tmp_path / "report.html").read_text()
    assert 'class="photo"' not in page
    assert "data:image" not in page.replace('class="mean" src="data:image', "")
    assert ".png" not in page
    assert str(tmp_path) not in page
    assert "in these lines of it" in page
    assert "Labels that look wrong" in page
