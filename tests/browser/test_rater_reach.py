"""Whoever has no mouse, or only 320 pixels, gets everywhere on the rater's pages."""

import pytest
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Rater, Study
from evaluation.services.studies.invitation import invitation_create
from tests.browser.steps import READY, TRIALS, Enter, place, rate, saved, tab_to

pytestmark = pytest.mark.browser

NARROW = ViewportSize(width=320, height=640)
"""A small phone, or a window of 1280 pixels at 400 %, which WCAG 2.2 asks for (1.4.10)."""

FOCUS = """(() => {
    const focus = document.activeElement;
    return focus.querySelector('img')?.alt ?? focus.labels?.[0]?.innerText ?? focus.innerText;
})()"""


def test_tab_leads_through_a_comparison_in_the_order_in_which_it_is_read(page: Page, enter: Enter) -> None:
    enter(page)
    page.keyboard.press("1")
    page.keyboard.press("2")
    order: list[str] = []
    while not order or page.evaluate("document.activeElement !== document.body"):
        page.keyboard.press("Tab")
        assert page.evaluate("document.activeElement.matches(':focus-visible, body')"), page.evaluate(FOCUS)
        order.append(page.evaluate(FOCUS).split("\n")[0].strip())
        assert len(order) < 20, order
    images = [f"Set {name}, image {n} of 2" for name in "AB" for n in (1, 2)]
    from_images = order[order.index(images[0]) : -1]
    assert from_images == [*images, "I prefer set A", "I am indifferent", "Next", "Rather not"]
    order.clear()
    while len(order) < 2:  # round again, from the top
        page.keyboard.press("Tab")
        order.append(page.evaluate(FOCUS).split("\n")[0].strip())
    assert order == ["↶", "Help"]  # ↶ Undo


def test_help_opens_on_close_and_gives_the_focus_back(page: Page, enter: Enter) -> None:
    enter(page)
    tab_to(page, "Help")
    page.keyboard.press("Enter")
    expect(page.locator("#keys-close")).to_be_focused()
    page.keyboard.press("1")  # the page behind takes no keys
    page.keyboard.press("Enter")
    expect(page.locator("#keys")).to_be_hidden()
    expect(page.locator("#help")).to_be_focused()
    expect(page.locator("input:checked")).to_have_count(0)
    page.keyboard.press("?")
    expect(page.locator("#keys-close")).to_be_focused()
    page.keyboard.press("Escape")
    expect(page.locator("#help")).to_be_focused()


def test_an_enlarged_image_gives_the_focus_back(page: Page, enter: Enter) -> None:
    enter(page)
    while page.evaluate(FOCUS) != "Set B, image 1 of 2":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(page.locator("#zoom-name")).to_have_text("Set B, image 1 of 2")
    expect(page.locator("#zoom-close")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#zoom")).to_be_hidden()
    assert page.evaluate(FOCUS) == "Set B, image 1 of 2"


def test_a_button_that_has_done_its_work_hands_the_focus_on(page: Page, enter: Enter) -> None:
    """A disabled or hidden control loses the focus, and Tab would begin at the top of the page."""
    enter(page)
    page.keyboard.press("1")
    tab_to(page, "↶")  # Undo
    page.keyboard.press("Enter")
    expect(page.locator("input:checked")).to_have_count(0)
    expect(page.locator("#heading")).to_be_focused()
    page.route("**/r/i/*", lambda route: route.abort())
    page.reload()
    expect(page.locator("#notice")).to_be_visible(timeout=15_000)
    page.unroute("**/r/i/*")
    tab_to(page, "Reload images")
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    expect(page.locator("#heading")).to_be_focused()


def test_the_way_out_by_keyboard(page: Page, enter: Enter) -> None:
    """Staying comes before leaving; leaving is possible from the Help."""
    enter(page)
    rate(page)
    place(page, 2)
    saved(page)
    for answer in ("Stay in the study", "Leave, and don't use my answers"):
        page.keyboard.press("?")
        expect(page.locator("#keys-close")).to_be_focused()
        tab_to(page, "Leave the study")
        page.keyboard.press("Enter")
        page.wait_for_url("**/r/withdraw")
        page.keyboard.press("Tab")
        assert page.evaluate(FOCUS) == "Stay in the study"
        if page.evaluate(FOCUS) != answer:
            tab_to(page, answer)
        page.keyboard.press("Enter")
        if answer.startswith("Stay"):
            page.wait_for_selector(READY)
            place(page, 2)
    expect(page.get_by_role("heading", level=1)).to_have_text("You have left the study")
    assert Rater.objects.get().dropped_at is not None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_320_pixels_are_enough(browser: Browser, live_server: LiveServer, study: Study, scheme: str) -> None:
    context = browser.new_context(viewport=NARROW, color_scheme="dark" if scheme == "dark" else "light")
    page = context.new_page()

    def fits(what: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW["width"], f"{what} scrolls sideways"

    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study, completion_code='C' * 40).key}")
    fits("the consent")
    page.get_by_role("button", name="agree").click()
    fits("the instructions")
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector(READY)
    fits("a comparison")
    for key, what in (("?", "the help"), ("z", "an enlarged image")):
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()
        fits(what)
        page.keyboard.press("Escape")
    page.context.set_offline(True)
    rate(page)
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    fits("a comparison without a connection")
    page.context.set_offline(False)
    for _ in range(TRIALS - 1):
        rate(page)
    expect(page.get_by_role("button", name="Finish")).to_be_enabled(timeout=15_000)
    fits("the end of the comparisons")
    page.goto(f"{live_server.url}/r/withdraw")
    fits("leaving")
    page.goto(f"{live_server.url}/r/")
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#completion-code")).to_be_visible()
    fits("the end")
    context.close()
