"""What people say of pictures becomes an archive that training takes, and nothing else keeps it."""

import csv
import io
import zipfile
from collections import Counter
from pathlib import Path

import pytest
from playwright.sync_api import Locator, expect

from tests.service.page.conftest import Window, payload
from tests.training.conftest import draw_pets
from training.data.folder import scan_folder, scan_folders

HOSTILE = (
    "../../etc", "a/b", "train", "con", ".hidden", "=cmd|'C calc'!A1", "'=x", "\u202egnp.exe",
    "猫 ",
)  # fmt: skip


def say(card: Locator, what: str, name: str = "") -> None:
    """Says what a picture is."""
    choice = card.locator(".correction select")
    choice.focus()  # which is when names of others are offered
    choice.select_option(label=what)
    if name:
        card.locator(".correction input").fill(name)
        card.locator(".correction input").press("Tab")


def saved(window: Window, folder: Path) -> Path:
    """The archive of all corrections."""
    with window.page.expect_download() as download:
        window.page.get_by_role("button", name="Save ", exact=False).filter(
            has_text="correction"
        ).click()
    assert download.value.suggested_filename == "corrections.zip"
    download.value.save_as(folder / "corrections.zip")
    return folder / "corrections.zip"


def brought(window: Window, png: bytes, *names: str) -> list[Locator]:
    """Cards with answers, in the order of the names."""
    window.choose(*(payload(png, name) for name in names))
    expect(window.in_state("answered")).to_have_count(len(names))
    return window.cards.all()


def test_what_was_put_right_is_read_by_training_from_archive_and_folder(
    window: Window, png: bytes, tmp_path: Path
) -> None:
    first, second, _ = brought(window, png, "a.png", "b.png", "c.png")
    say(first, "nuts")
    say(second, "Bäume & Co")

    packed = saved(window, tmp_path)

    zipfile.ZipFile(packed).extractall(tmp_path / "unpacked")
    for found in (scan_folder(packed), scan_folder(tmp_path / "unpacked")):
        labels = {e.name: found.classes[e.class_index] for e in found.examples}
        assert labels == {"nuts/a.png": "nuts", "B\u00e4ume_Co/b.png": "Bäume & Co"}
    assert scan_folder(packed).read(tmp_path / "corrections.zip" / "nuts" / "a.png") == png


def test_several_folders_and_corrections_are_learned_from_together(
    window: Window, png: bytes, tmp_path: Path
) -> None:
    pets = draw_pets(tmp_path / "pets")
    first, second, third = brought(window, png, "a.png", "a.png", "c.png")
    say(first, "another class …", "cat")
    say(second, "cat")
    say(third, "none of these")

    found = scan_folders((pets, saved(window, tmp_path)))

    assert Counter(found.classes[e.class_index] for e in found.examples) == {"cat": 14, "dog": 12}
    assert [unused.files for unused in found.unused if "empty label" in unused.reason] == [
        ("corrections.zip/none_of_these/c.png",)
    ]


@pytest.mark.parametrize(
    "name",
    [
        "../../etc",
        "a/b",
        "train",
        "con",
        ".hidden",
        "=cmd|'C calc'!A1",
        "'=x",
        "\u202egnp.exe",
        "猫 ",
    ],
)
def test_a_hostile_name_becomes_a_safe_folder_and_the_same_class(
    window: Window, png: bytes, tmp_path: Path, name: str
) -> None:
    first, second = brought(window, png, "../x.png", "b.png")
    say(first, "another class …", name)
    say(second, "another class …", "test")

    packed = saved(window, tmp_path)

    found = scan_folder(packed)
    assert set(found.classes) == {"test", name.strip().replace("\u202e", r"\u202e")}
    inside = zipfile.ZipFile(packed).namelist()
    assert all(".." not in each and not each.startswith(("/", ".")) for each in inside)
    assert all(each.count("/") < 2 for each in inside)


def test_names_that_differ_by_case_only_stay_apart_where_systems_would_join_them(
    window: Window, png: bytes, tmp_path: Path
) -> None:
    first, second, third = brought(window, png, "a.png", "a.png", "A.png")
    say(first, "another class …", "Emu")
    say(second, "another class …", "emu")
    say(third, "emu")

    names = zipfile.ZipFile(saved(window, tmp_path)).namelist()

    assert names == ["Emu/a.png", "emu-2/a.png", "emu-2/A-2.png", "corrections.csv"]


def test_what_was_said_is_counted_taken_back_and_told(window: Window, png: bytes) -> None:
    (card,) = brought(window, png, "a.png")
    button = window.page.locator("#save-corrections")
    expect(button).to_be_hidden()

    say(card, "nuts")
    expect(button).to_have_text("Save 1 correction")
    say(card, "another class …")
    expect(button).to_be_hidden()
    say(card, "another class …", "emu")
    expect(button).to_have_text("Save 1 correction")
    say(card, "not said")

    expect(button).to_be_hidden()


def test_the_service_is_sent_nothing_of_it(window: Window, png: bytes, tmp_path: Path) -> None:
    (card,) = brought(window, png, "a.png")
    before = [address for address in window.addresses if not address.startswith("blob:")]

    say(card, "another class …", "a secret")
    packed = saved(window, tmp_path)

    asked = [address for address in window.addresses if not address.startswith("blob:")]
    assert asked == before
    table = zipfile.ZipFile(packed).read("corrections.csv").decode("utf-8-sig")
    assert list(csv.reader(io.StringIO(table))) == [
        ["file", "label"],
        ["a_secret/a.png", "a secret"],
    ]


def test_corrections_are_made_by_keyboard_and_told_by_ear(
    window: Window, png: bytes, tmp_path: Path
) -> None:
    (card,) = brought(window, png, "a.png")
    choice = card.get_by_role("combobox", name="It is (a.png)")

    choice.press("End")
    field = card.get_by_role("textbox", name="Name of another class (a.png)")
    expect(field).to_be_focused()
    window.page.keyboard.type("emu")
    window.page.keyboard.press("Tab")
    saved(window, tmp_path)

    expect(window.page.locator("#status")).to_have_text("1 correction saved as corrections.zip.")
