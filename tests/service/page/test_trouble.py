"""What goes wrong is said in a sentence, beside the picture that it concerns."""

from typing import Any

from PIL import Image
from playwright.sync_api import Route, expect

from tests.conftest import encoded
from tests.service.conftest import Serve, Served
from tests.service.page.conftest import Open, Window, payload

#: What an overloaded service answers.
BUSY: dict[str, Any] = {
    "status": 503,
    "headers": {"Retry-After": "1"},
    "json": {"error": "the queue is full"},
}


def test_a_broken_picture_has_its_sentence_beside_it(
    window: Window, served: Served, png: bytes
) -> None:
    broken = png[: len(png) // 2]
    error = served.client.post("/explain", files={"image": broken}).json()["error"]

    window.choose(payload(png, "good.png"), payload(broken, "bad.png"), payload(png, "too.png"))

    expect(window.in_state("answered")).to_have_count(2)
    refused = window.in_state("refused")
    expect(refused.locator(".name")).to_have_text("bad.png")
    expect(refused.locator(".problem-words")).to_have_text(f"{error[0].upper()}{error[1:]}.")
    expect(refused.get_by_role("button", name="Try again")).to_be_hidden()
    expect(window.page.locator("#status")).to_have_text("2 pictures answered, 1 could not be.")


def test_a_single_broken_picture_is_read_out(window: Window) -> None:
    window.choose(payload(b"no picture", "notes.txt"))

    expect(window.in_state("refused")).to_have_count(1)
    sentence = window.cards.locator(".problem-words").inner_text()
    expect(window.page.locator("#status")).to_have_text(f"notes.txt: {sentence}")


def test_a_body_that_is_too_large_is_refused_in_words(
    open_page: Open, serve: Serve, picture: Image.Image
) -> None:
    with serve(max_body_bytes=2000) as served:
        window = open_page(served)

        window.choose(payload(encoded(picture.resize((400, 300)))))

        expect(window.in_state("refused").locator(".problem-words")).to_have_text(
            "The body is too large: at most 2,000 bytes are read."
        )


def test_a_busy_service_is_asked_again_until_it_answers(window: Window, png: bytes) -> None:
    window.page.route("**/explain", lambda route: route.fulfill(**BUSY), times=2)

    window.choose(payload(png))

    expect(window.cards.locator(".state")).to_contain_text("The service is busy")
    expect(window.in_state("answered")).to_have_count(1)


def test_a_service_that_stays_busy_is_left_alone_when_cancelled(window: Window, png: bytes) -> None:
    window.page.route("**/explain", lambda route: route.fulfill(**BUSY))
    window.choose(payload(png, "1.png"), payload(png, "2.png"))
    expect(window.cards.get_by_text("The service is busy")).to_have_count(2)

    window.page.get_by_role("button", name="Cancel").click()

    expect(window.in_state("cancelled")).to_have_count(2)


def test_a_service_that_is_gone_is_said_and_can_be_tried_again(
    open_page: Open, serve: Serve, png: bytes
) -> None:
    with serve() as served:
        window = open_page(served)
        window.page.locator("#about").wait_for()
        window.page.route("**/explain", lambda route: route.abort("connectionrefused"))

        window.choose(payload(png))

        expect(window.cards.locator(".problem-words")).to_have_text(
            "There is no answer: the service cannot be reached, or did not take it."
        )
        window.page.unroute("**/explain")
        window.page.get_by_role("button", name="Try again").click()
        expect(window.in_state("answered")).to_have_count(1)
        window.complaints.clear()  # the browser's own word for the refused connection


def test_a_service_that_wants_a_key_gets_it_and_is_asked_again(window: Window, png: bytes) -> None:
    def want_key(route: Route) -> None:
        """What stands before a service and lets nobody in without a key."""
        if route.request.headers.get("authorization") == "Bearer right":
            route.fallback()
        else:
            route.fulfill(
                status=401,
                json={"error": "no key that is known here"},
                headers={"WWW-Authenticate": "Bearer"},
            )

    window.page.route("**/explain", want_key)
    window.choose(*(payload(png, f"{number}.png") for number in range(3)))

    key = window.page.get_by_label("API key")
    expect(key).to_be_focused()
    expect(window.page.locator("#key-why")).to_have_text(
        "This service answers only with a key. Whoever runs it can give you one."
    )
    key.fill("wrong")
    key.press("Enter")
    expect(window.page.locator("#key-why")).to_have_text("That key was not accepted.")
    key.fill(" right ")
    key.press("Enter")
    expect(window.in_state("answered")).to_have_count(3)
    expect(key).to_be_hidden()

    window.page.reload()
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)  # this tab still has it


def test_a_word_that_is_not_ours_is_put_into_a_sentence(window: Window, png: bytes) -> None:
    window.page.route("**/explain", lambda route: route.fulfill(status=502, body="<h1>Bad</h1>"))

    window.choose(payload(png))

    expect(window.in_state("refused").locator(".problem-words")).to_have_text(
        "The service answered 502 and gave no reason."
    )


def test_a_class_that_cannot_be_asked_about_leaves_the_answer_where_it_is(
    window: Window, png: bytes
) -> None:
    window.choose(payload(png))
    expect(window.in_state("answered")).to_have_count(1)
    window.page.route("**/explain", lambda route: route.fulfill(status=500, json={"error": "no"}))

    window.cards.locator("input[type=radio]:not(:checked)").first.check()

    expect(window.cards.locator(".problem-words")).to_have_text("No.")
    expect(window.cards.locator(".verdict")).to_be_visible()
    window.page.unroute("**/explain")
    window.page.get_by_role("button", name="Try again").click()
    expect(window.cards.locator(".problem")).to_be_hidden()
    expect(window.page.locator("#status")).to_contain_text("Heatmap for")
