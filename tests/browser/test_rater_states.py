"""The rater's page is in one named state at a time, and what comes late does not lead out of it."""

import pytest
from playwright.sync_api import Page, Route, expect

from evaluation.models import Study
from evaluation.services.studies.open import study_close
from tests.browser.steps import READY, TRIALS, Enter, place, rate, saved, standing

pytestmark = pytest.mark.browser


def in_state(page: Page, name: str) -> None:
    expect(page.locator("body")).to_have_attribute("data-state", name)


class Held:
    """Requests to the addresses of `pattern` are held back until `release`."""

    def __init__(self, page: Page, pattern: str) -> None:
        self.routes: list[Route] = []
        self._released = False
        page.route(pattern, lambda route: route.continue_() if self._released else self.routes.append(route))

    def release(self) -> None:
        self._released = True
        for route in self.routes:
            route.continue_()


def test_from_waiting_to_done(page: Page, enter: Enter) -> None:
    enter(page)
    held = Held(page, "**/r/next*")
    page.reload()
    in_state(page, "waiting")
    page.keyboard.press("1")  # nothing to answer yet
    held.release()
    in_state(page, "comparing")
    for _ in range(TRIALS):
        rate(page)
    in_state(page, "done")
    expect(page.get_by_role("button", name="Finish")).to_be_enabled()
    assert len(standing()) == 2 * TRIALS


def test_while_the_server_is_asked_for_an_undo_nothing_else_is_taken(page: Page, enter: Enter) -> None:
    enter(page)
    rate(page)
    place(page, 2)
    saved(page)
    held = Held(page, "**/r/undo")
    page.keyboard.press("u")
    in_state(page, "asking")
    page.keyboard.press("1")
    page.keyboard.press("u")
    expect(page.locator("#answers input").first).to_be_disabled()
    expect(page.locator("input:checked")).to_have_count(0)
    assert len(held.routes) == 1
    held.routes.pop().abort()
    expect(page.locator("#saved")).to_contain_text("Undo needs a connection")
    in_state(page, "comparing")  # where it was, to be answered or undone again
    held.release()
    page.keyboard.press("u")
    place(page, 1)
    in_state(page, "comparing")
    assert not standing()


def test_an_undo_that_fails_at_the_end_leaves_the_finish_open(page: Page, enter: Enter) -> None:
    enter(page)
    for _ in range(TRIALS):
        rate(page)
    in_state(page, "done")
    page.route("**/r/undo", lambda route: route.abort())
    page.get_by_role("button", name="Undo the last answer").click()
    expect(page.locator("#saved")).to_contain_text("Undo needs a connection")
    in_state(page, "done")
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


def test_a_late_word_of_the_end_does_not_take_an_undone_comparison_away(page: Page, enter: Enter) -> None:
    enter(page)
    for _ in range(TRIALS - 1):
        rate(page)
    place(page, TRIALS)
    held = Held(page, "**/r/next*")
    rate(page)
    in_state(page, "done")
    page.wait_for_timeout(300)
    page.get_by_role("button", name="Undo the last answer").click()
    place(page, TRIALS)
    page.wait_for_selector(READY)
    page.keyboard.press("3")
    assert held.routes
    held.release()  # the server names the undone comparison as open
    page.wait_for_timeout(500)
    expect(page.locator("input:checked")).to_have_count(1)
    in_state(page, "comparing")


def test_a_page_that_was_stopped_stays_so(page: Page, enter: Enter, study: Study) -> None:
    enter(page)
    page.route("**/r/next*", lambda route: route.abort())
    for _ in range(TRIALS - 2):  # then one comparison lies ahead, and more are asked for, in vain
        rate(page)
    place(page, TRIALS - 1)
    saved(page)
    study_close(study=study)
    rate(page)
    in_state(page, "stopped")
    page.keyboard.press("u")
    page.wait_for_timeout(3500)  # the next attempts to load comparisons fail meanwhile
    in_state(page, "stopped")
    expect(page.locator("#stopped")).to_be_visible()
    expect(page.locator("#waiting")).to_be_hidden()
