"""Kind to raters, in the browser: covered images, "Rather not", a break, the time left, another device."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Assignment, Rating, Study, Uncovering
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.browser.steps import READY, TRIALS, Enter, ask_until, place, rate, saved
from tests.browser.test_rater_layout import go_in
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.browser

PAUSE = 1200
"""Milliseconds of a break."""
KEPT = "Object.keys(localStorage).filter((key) => key.startsWith('drawbench-uncovered-')).length"


def a_study(**given: object) -> Study:
    suite = a_suite({"Colors": TRIALS})
    runs = [a_run(suite, "one"), a_run(suite, "two")]
    return study_open(study=study_create(StudyDraft(name="kind", runs=runs, raters_per_panel=2, **given)))  # type: ignore[arg-type]


def sound(page: Page) -> None:
    """axe finds nothing, at 320 pixels and as it is, light and dark; nothing has to be scrolled sideways."""
    wide = page.viewport_size
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme, reduced_motion="reduce")
        page.set_viewport_size({"width": 320, "height": 640})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    page.emulate_media(color_scheme="light")
    if wide is not None:
        page.set_viewport_size(wide)


def test_covered_images_and_what_one_would_rather_not_see_by_keyboard(page: Page, live_server: LiveServer) -> None:
    every = tuple({"prompt_id": str(number), "run": "two", "sample": ""} for number in range(TRIALS))
    study = a_study(flagged=every)
    go_in(page, live_server, study)
    assert page.locator(".tile.covered").count() == 4
    assert "blur" in page.evaluate("getComputedStyle(document.querySelector('.tile.covered img')).filter")
    expect(page.locator(READY)).to_have_count(0)
    page.keyboard.press("1")
    page.keyboard.press("z")
    expect(page.locator("input:checked")).to_have_count(0)
    expect(page.locator("#zoom")).to_be_hidden()
    sound(page)
    page.keyboard.press("v")
    page.wait_for_selector(READY)
    expect(page.locator(".tile.covered")).to_have_count(0)
    expect(page.locator("#covers")).to_be_hidden()
    rate(page)
    place(page, 2)
    ask_until(page, KEPT, lambda entries: entries == 0)
    first = Assignment.objects.get(rater__study=study, position=0)
    assert set(Uncovering.objects.values_list("assignment", "image")) == {
        (first.pk, key) for key in first.comparison.covered
    }
    page.keyboard.press("s")  # covered still: it can be refused without having been seen
    expect(page.locator("#refusal")).to_be_visible()
    page.keyboard.press("1")  # the page behind takes no keys
    sound(page)
    page.keyboard.press("Space")
    page.keyboard.press("ArrowDown")
    page.keyboard.press("Enter")
    place(page, 3)
    skipped = Assignment.objects.get(rater__study=study, position=1)
    assert (skipped.skip_kind, skipped.skip_reason) == ("refused", "violent")
    page.keyboard.press("s")
    page.keyboard.press("Escape")
    expect(page.locator("#refusal")).to_be_hidden()
    page.locator(".tile.covered").first.click()
    page.wait_for_selector(READY)
    saved(page)
    assert Rating.objects.filter(assignment__rater__study=study).count() == 2


def test_a_break_counts_in_no_time_and_the_time_left_is_told_when_it_is_known(
    page: Page, live_server: LiveServer
) -> None:
    study = a_study(break_trials=2)
    go_in(page, live_server, study)
    expect(page.locator("#time-left")).to_be_hidden()
    for number in (1, 2):
        place(page, number)
        rate(page)
    expect(page.locator("#break")).to_be_visible()
    expect(page.locator("#break-over")).to_be_focused()
    sound(page)
    page.wait_for_timeout(PAUSE)
    page.keyboard.press("1")  # nothing is answered meanwhile
    page.keyboard.press("Enter")
    expect(page.locator("#break")).to_be_hidden()
    rate(page)
    place(page, 4)
    expect(page.locator("#break")).to_be_hidden()
    expect(page.locator("#time-left")).to_have_text("less than a minute left")
    sound(page)
    saved(page)
    times = Rating.objects.filter(assignment__position=2).values_list("response_time_ms", flat=True)
    assert len(times) == 2 and all(each is not None and each < PAUSE for each in times), list(times)


def test_a_code_leads_on_to_another_device(page: Page, browser: Browser, enter: Enter, live_server: LiveServer) -> None:
    enter(page)
    rate(page)
    place(page, 2)
    saved(page)
    page.keyboard.press("?")
    page.get_by_role("link", name="Continue on another device").click()
    page.get_by_role("button", name="Get a code").click()
    code = page.locator("#device-code").inner_text()
    expect(page.locator(".qr")).to_be_visible()
    sound(page)
    with browser.new_context() as context:
        other = context.new_page()
        other.set_default_timeout(15_000)
        other.goto(f"{live_server.url}/r/continue#{code}")
        expect(other.get_by_label("Code")).to_have_value(code)
        assert "#" not in other.url
        sound(other)
        other.keyboard.press("Tab")
        other.get_by_role("button", name="Continue here").press("Enter")
        other.wait_for_selector(READY)
        place(other, 2)
        rate(other)
        place(other, 3)
        saved(other)
        page.get_by_role("link", name="Back to the study").click()
        place(page, 3)
        again = context.new_page()
        again.goto(f"{live_server.url}/r/continue")
        again.get_by_label("Code").fill(code)
        again.keyboard.press("Enter")
        expect(again.get_by_role("alert")).to_contain_text("used already")
        sound(again)
