"""Pictures come by every way that there is, one or many."""

from collections.abc import Callable
from pathlib import Path

import pytest
from PIL import Image
from playwright.sync_api import expect

from tests.conftest import encoded
from tests.service.page.conftest import Window, payload

#: In the page: an event with files, as a drop or a paste brings them. The bytes are a list.
BRING = """([type, files]) => {
  const transfer = new DataTransfer();
  for (const [name, data] of files) transfer.items.add(new File([new Uint8Array(data)], name));
  const event = type === "paste"
    ? new ClipboardEvent(type, { clipboardData: transfer, bubbles: true, cancelable: true })
    : new DragEvent(type, { dataTransfer: transfer, bubbles: true, cancelable: true });
  document.body.dispatchEvent(event);
}"""


def bring(window: Window, kind: str, *files: tuple[str, bytes]) -> None:
    """Drops or pastes files."""
    window.page.evaluate(BRING, [kind, [[name, list(data)] for name, data in files]])


@pytest.mark.parametrize("kind", ["drop", "paste"])
def test_pictures_are_dropped_and_pasted(window: Window, png: bytes, kind: str) -> None:
    bring(window, kind, ("a.png", png), ("b.png", png))

    expect(window.in_state("answered")).to_have_count(2)
    assert window.cards.locator(".name").all_inner_texts() == ["a.png", "b.png"]


@pytest.mark.parametrize(
    ("kind", "sentence"),
    [
        ("drop", "There was no file in what was dropped."),
        ("paste", "There is no picture in the clipboard."),
    ],
)
def test_what_holds_no_file_is_said(window: Window, kind: str, sentence: str) -> None:
    bring(window, kind)

    expect(window.page.locator("#message")).to_have_text(sentence)
    expect(window.cards).to_have_count(0)


def drop(window: Window, path: Path) -> None:
    """Drops a file or folder of this machine: only a drag of the system's own holds folders."""
    session = window.page.context.new_cdp_session(window.page)
    data = {"items": [], "files": [str(path)], "dragOperationsMask": 1}
    for kind in ("dragEnter", "dragOver"):
        session.send("Input.dispatchDragEvent", {"type": kind, "x": 300, "y": 300, "data": data})
    expect(window.page.locator("#veil")).to_be_visible()
    session.send("Input.dispatchDragEvent", {"type": "drop", "x": 300, "y": 300, "data": data})


def choose(window: Window, path: Path) -> None:
    """Chooses a folder by the button, as those do who drag nothing."""
    with window.page.expect_file_chooser() as chooser:
        window.page.get_by_role("button", name="Choose a folder").click()
    chooser.value.set_files(path)


@pytest.mark.parametrize("bring_folder", [drop, choose])
def test_a_folder_gives_the_pictures_in_it_with_their_paths(
    window: Window, png: bytes, tmp_path: Path, bring_folder: Callable[[Window, Path], None]
) -> None:
    inner = tmp_path / "folder" / "inner"
    inner.mkdir(parents=True)
    for path in (inner / "10.png", inner / "9.png", inner.parent / "a.png", inner / ".hidden"):
        path.write_bytes(png)

    bring_folder(window, inner.parent)

    expect(window.in_state("answered")).to_have_count(3)
    expected = ["folder/a.png", "folder/inner/9.png", "folder/inner/10.png"]
    assert window.cards.locator(".name").all_inner_texts() == expected
    expect(window.page.locator("#veil")).to_be_hidden()


def test_the_camera_takes_a_picture(window: Window) -> None:
    window.page.get_by_role("button", name="Take a picture").click()
    window.page.get_by_role("button", name="Take picture", exact=True).click()

    expect(window.in_state("answered")).to_have_count(1)
    expect(window.cards.locator(".name")).to_contain_text("camera ")
    assert window.page.evaluate("document.getElementById('camera-view').srcObject") is None


def test_a_camera_that_is_not_allowed_says_so(window: Window) -> None:
    window.page.evaluate(
        "() => { navigator.mediaDevices.getUserMedia = "
        "() => Promise.reject(new DOMException('no', 'NotAllowedError')); }"
    )

    window.page.get_by_role("button", name="Take a picture").click()

    expect(window.page.get_by_role("alert")).to_contain_text("The camera was not allowed.")
    window.page.keyboard.press("Escape")
    expect(window.page.get_by_role("dialog")).to_be_hidden()


def test_without_a_secure_context_the_camera_of_the_phone_is_asked(
    window: Window, png: bytes
) -> None:
    window.page.evaluate("Object.defineProperty(navigator, 'mediaDevices', { value: undefined })")

    with window.page.expect_file_chooser() as chooser:
        window.page.get_by_role("button", name="Take a picture").click()
    chooser.value.set_files(payload(png, "phone.jpg"))

    expect(window.in_state("answered")).to_have_count(1)


def test_many_pictures_show_how_far_they_are(window: Window, picture: Image.Image) -> None:
    progress = window.page.locator("#progress-words")
    status = window.page.locator("#status")

    with window.without_answers():
        window.choose(*(payload(encoded(picture), f"{number}.png") for number in range(7)))

        expect(progress).to_have_text("0 of 7")
        expect(status).to_have_text("7 pictures added.")
        expect(window.in_state("asking")).to_have_count(3)  # few at a time
        expect(window.in_state("waiting")).to_have_count(4)

    expect(window.in_state("answered")).to_have_count(7)
    expect(status).to_have_text("7 pictures answered.")
    expect(progress).to_be_hidden()


def test_what_is_going_on_can_be_cancelled_and_asked_again(window: Window, png: bytes) -> None:
    with window.without_answers():
        window.choose(*(payload(png, f"{number}.png") for number in range(5)))
        expect(window.in_state("asking")).to_have_count(3)

        window.page.get_by_role("button", name="Cancel").click()

        expect(window.in_state("cancelled")).to_have_count(5)
    expect(window.page.locator("#status")).to_have_text("0 pictures answered, 5 cancelled.")
    window.cards.first.get_by_role("button", name="Try again").click()
    expect(window.in_state("answered")).to_have_count(1)
    expect(window.in_state("cancelled")).to_have_count(4)


def test_what_is_removed_is_given_back(window: Window, png: bytes) -> None:
    window.page.evaluate(
        "() => { window.open_ = new Set();"
        "const { createObjectURL: make, revokeObjectURL: end } = URL;"
        "URL.createObjectURL = (blob) => { const url = make(blob); open_.add(url); return url; };"
        "URL.revokeObjectURL = (url) => { open_.delete(url); end(url); }; }"
    )
    window.choose(*(payload(png, f"{number}.png") for number in range(3)))
    expect(window.in_state("answered")).to_have_count(3)
    assert window.page.evaluate("open_.size") == 3

    window.page.get_by_role("button", name="Remove 1.png").click()
    expect(window.page.get_by_role("button", name="Remove 2.png")).to_be_focused()
    window.page.get_by_role("button", name="Remove all").click()

    expect(window.cards).to_have_count(0)
    expect(window.page.get_by_role("button", name="Choose pictures")).to_be_focused()
    assert window.page.evaluate("open_.size") == 0
