"""Kinds of answers on the rater's page: taken back step by step, on 320 pixels, sound for axe, many at once."""

from __future__ import annotations

from typing import Literal

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Rating
from evaluation.protocols.claims import PromptClaim
from evaluation.suites.types import fold
from tests.browser.answering import Hand, trial
from tests.browser.small_studies import CLAIMS, OF_EVERY_KIND, OF_ORDERS, a_small_study, own
from tests.browser.steps import saved
from tests.browser.test_protocols import go_in

pytestmark = pytest.mark.browser

IN_SIGHT = """(selector) => {
    const box = document.querySelector(selector).getBoundingClientRect();
    const on = document.elementFromPoint(box.x + box.width / 2, box.y + box.height / 2);
    return box.top >= 0 && box.bottom <= innerHeight && document.querySelector(selector).contains(on);
}"""


def active(page: Page) -> str | None:
    """The id of the question that a key answers."""
    return page.evaluate("document.querySelector('fieldset.active')?.dataset.question ?? null")


def test_every_step_can_be_taken_back(browser: Browser, live_server: LiveServer) -> None:
    page = go_in(browser, live_server, a_small_study(own(OF_EVERY_KIND)), "keyboard")
    count, undo = page.locator("#count"), page.locator("#undo")
    page.wait_for_selector("fieldset.active")
    hand = Hand(page, "keyboard")
    hand.key("2", "6", "1", "3", "1")  # a choice, can't say, a scale, two claims
    expect(count).to_have_text("5 of 9 answered")
    hand.key("Space", "ArrowRight", "Space", "Enter")  # two words
    hand.key("Space", "Enter")  # a point
    hand.key("2", "Enter")  # a reason
    page.locator("textarea").focus()
    page.keyboard.type("u?1z")  # letters that are keys elsewhere
    expect(page.locator(".letters")).to_have_text("Optional. 4 of 40 characters")
    hand.key("Escape")
    expect(count).to_have_text("9 of 9 answered")
    for question, left in (("note", 8), ("why", 7), ("where", 6), ("missing", 6), ("missing", 5)):
        hand.key("u")
        expect(count).to_have_text(f"{left} of 9 answered")
        assert active(page) == question
    for question, left in (("claims:1", 4), ("claims:0", 3), ("fits", 2), ("quality", 1), ("look", 0)):
        hand.key("Backspace")
        expect(count).to_have_text(f"{left} of 9 answered")
        assert active(page) == question
    expect(undo).to_be_disabled()
    hand.key("1")
    hand.key("ArrowUp")  # back to a question that has its answer
    assert active(page) == "look"
    hand.key("3")
    expect(page.locator("[name=look][value=broken]")).to_be_checked()
    assert active(page) == "quality"
    page.locator("[data-question=why] legend").click()
    hand.key("3")
    expect(page.locator("[name=why][value=light]")).to_be_checked()
    assert not Rating.objects.exists()
    page.context.close()


@pytest.mark.parametrize(("text", "scheme"), [(OF_EVERY_KIND, "dark"), (OF_ORDERS, "light")], ids=["one", "three"])
def test_320_pixels_are_enough_for_every_kind(
    browser: Browser, live_server: LiveServer, text: str, scheme: Literal["dark", "light"]
) -> None:
    protocol = own(text)
    narrow = {"width": 320, "height": 640}
    page = go_in(browser, live_server, a_small_study(protocol), "mouse", viewport=narrow, color_scheme=scheme)
    page.emulate_media(reduced_motion="reduce")

    def sound() -> None:
        assert page.evaluate("document.documentElement.scrollWidth") == narrow["width"]
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()

    page.wait_for_selector("fieldset.active")
    sound()
    page.evaluate("document.querySelector('#go').type = 'button'")  # so that the answered page can be looked at
    trial(Hand(page, "mouse"), protocol, 0, claims=len(CLAIMS))
    expect(page.locator("#go")).to_be_enabled()
    sound()
    if page.locator("textarea").count():
        page.locator("textarea").fill("x" * 41)
        expect(page.locator("#go")).to_be_disabled()
        sound()
    page.keyboard.press("Escape")
    page.keyboard.press("?")
    sound()
    page.context.close()


@pytest.mark.parametrize("way", ["keyboard", "touch"])
def test_many_claims_are_answered_one_after_another(
    browser: Browser, live_server: LiveServer, way: Literal["keyboard", "touch"]
) -> None:
    prompt, n = "two birds in a tree", 14
    claims = {fold(prompt): tuple(PromptClaim(f"Is there bird {at}, and does it sit in the tree?") for at in range(n))}
    page = go_in(browser, live_server, a_small_study("questions", texts=(prompt,), claims=claims), way)
    for at in range(n):
        page.wait_for_selector(f"fieldset.active[data-question='claims:{at}']")
        for selector in ("fieldset.active .choices", ".tile"):
            assert page.evaluate(IN_SIGHT, selector), f"claim {at}: {selector} is out of sight"
        if way == "touch":
            page.locator("fieldset.active").get_by_role("radio", name="No").tap()
        else:
            page.keyboard.press("2")
    expect(page.locator("#count")).to_have_text(f"{n} of {n} answered")
    page.keyboard.press("Enter")
    expect(page.locator("#progress-text")).to_contain_text("2 of 2")
    saved(page)
    assert list(Rating.objects.values_list("shown_choice", flat=True)) == ["no"] * n
    page.context.close()


def test_a_phone_shows_several_sets_and_the_guide_one_at_a_time(browser: Browser, live_server: LiveServer) -> None:
    text = OF_ORDERS.replace("set_size: 1", "set_size: 2").replace("{sets: 3}", "{sets: 3, reference: guide}")
    page = go_in(browser, live_server, a_small_study(own(text)), "touch")
    first = page.locator("fieldset button").first
    for side in ("set-1", "set-0", "set-2"):
        expect(page.locator("#look")).to_be_visible()
        expect(first).to_be_disabled()
        page.locator(f"#switch [data-side={side}]").tap()
        expect(page.locator(f"#switch [data-side={side}]")).to_have_attribute("aria-pressed", "true")
    expect(first).to_be_enabled()
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    expect(page.get_by_label("Reference photograph", exact=True).locator(".tile")).to_have_count(1)
    expect(page.locator(".order").first.get_by_role("button")).to_have_count(3)  # the photograph is not rated
    page.locator("#set-2 .tile").last.tap()
    name = page.locator("#zoom-name")
    expect(name).to_have_text("Set C, image 2 of 2")
    page.get_by_role("button", name="Next set").tap()
    expect(name).to_have_text("Reference photograph")
    page.get_by_role("button", name="All sets").tap()
    expect(name).to_have_text("Reference photograph · Set A, image 2 of 2 · Set B, image 2 of 2 · Set C, image 2 of 2")
    page.context.close()
