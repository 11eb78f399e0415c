"""The rater's page in a real Chromium: each way through it, and each thing that goes wrong on the way."""

import re
from collections import Counter

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Assignment, Rater, Rating, Study
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close
from tests.browser.steps import READY, TRIALS, Enter, ask_until, place, rate, saved, standing, tab_to

pytestmark = pytest.mark.browser


def test_by_mouse_from_the_invitation_to_the_end(page: Page, enter: Enter, live_server: LiveServer) -> None:
    requests: list[str] = []
    faults: list[str] = []
    page.on("request", lambda request: requests.append(request.url))
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    enter(page)
    for number in range(1, TRIALS + 1):
        place(page, number)
        for question, answer in enumerate(("I prefer set A", "I am indifferent")):
            page.wait_for_selector(READY)
            page.locator("fieldset").nth(question).get_by_role("radio", name=answer).click()
        page.get_by_role("button", name="Next").click()
    page.get_by_role("button", name="Finish").click()
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    expected = [(n, q, c) for n in range(TRIALS) for q, c in (("alignment", "indifferent"), ("fidelity", "left"))]
    assert standing() == expected
    assert Rater.objects.get().finished_at is not None
    times = list(Rating.objects.values_list("response_time_ms", flat=True))
    assert all(time is not None and 0 <= time < 60_000 for time in times)
    assert not faults and all(url.startswith(live_server.url) for url in requests)
    seen = Counter(url for url in requests if "/r/i/" in url)
    assert len(seen) == TRIALS * 4 and set(seen.values()) == {1}, "each image is fetched once"
    assert not [url for url in requests if re.search("plain|guided|Secret", url)]


def test_by_keyboard_alone(page: Page, live_server: LiveServer, study: Study) -> None:
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    tab_to(page, "I agree and want to take part")
    page.keyboard.press("Enter")
    page.wait_for_url("**/instructions")
    tab_to(page, f"Begin ({TRIALS} comparisons)")
    page.keyboard.press("Enter")
    page.wait_for_selector(READY)
    # zoom, neighbours, the other set, and back to where the focus was
    page.keyboard.press("z")
    name = page.locator("#zoom-name")
    expect(name).to_have_text("Set A, image 1 of 2")
    page.keyboard.press("ArrowLeft")
    expect(name).to_have_text("Set A, image 2 of 2")
    page.keyboard.press("ArrowDown")
    expect(name).to_have_text("Set B, image 2 of 2")
    page.keyboard.press("Escape")
    expect(page.locator("#zoom")).to_be_hidden()
    # an answer taken back on the page, then another
    page.keyboard.press("1")
    page.keyboard.press("u")
    expect(page.locator("input:checked")).to_have_count(0)
    rate(page, "31")
    place(page, 2)
    # the last trial taken back, and answered otherwise
    page.keyboard.press("Backspace")
    place(page, 1)
    expect(page.locator("input:checked")).to_have_count(0)
    rate(page, "22")
    place(page, 2)
    # with Tab and the arrows, as screen readers do
    tab_to(page, "I prefer set A")
    page.keyboard.press("Space")
    page.keyboard.press("Tab")
    page.keyboard.press("ArrowRight")
    page.keyboard.press("Enter")
    for number in range(3, TRIALS + 1):
        place(page, number)
        rate(page, "13")
    expect(page.get_by_role("button", name="Finish")).to_be_enabled()
    tab_to(page, "Finish")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    choices = {(position, question): choice for position, question, choice in standing()}
    assert choices[0, "fidelity"] == choices[0, "alignment"] == "indifferent"
    assert (choices[1, "fidelity"], choices[1, "alignment"]) == ("left", "indifferent")
    assert len(choices) == 2 * TRIALS and Rating.objects.count() == 2 * TRIALS + 2, "what was undone is kept, retracted"


def test_a_reload_goes_on_where_it_was_and_can_still_undo(page: Page, enter: Enter) -> None:
    enter(page)
    rate(page)
    place(page, 2)
    saved(page)
    page.reload()
    page.wait_for_selector(READY)
    place(page, 2)
    page.get_by_role("button", name="Undo").click()
    place(page, 1)
    rate(page, "33")
    place(page, 2)
    saved(page)
    assert standing() == [(0, "alignment", "right"), (0, "fidelity", "right")]


def test_a_double_click_and_a_lost_reply_save_once(page: Page, enter: Enter) -> None:
    enter(page)
    lost: list[str] = []

    def lose_the_reply(route: Route) -> None:
        if lost:
            route.continue_()
        else:
            lost.append(route.fetch().text())  # the server has it; the browser never hears of it
            route.abort()

    page.route("**/r/rate", lose_the_reply)
    page.keyboard.press("1")
    page.keyboard.press("3")
    page.get_by_role("button", name="Next").dblclick()
    place(page, 2)
    saved(page)
    assert '"saved"' in lost[0]
    assert Counter(Rating.objects.values_list("assignment__position", "retracted_at")) == {(0, None): 2}


def test_a_second_tab_cannot_rate_twice(page: Page, enter: Enter, live_server: LiveServer) -> None:
    enter(page)
    second = page.context.new_page()
    second.goto(f"{live_server.url}/r/")
    second.wait_for_selector(READY)
    rate(page, "11")
    saved(page)
    rate(second, "33")
    place(second, 2)
    expect(second.locator("#saved")).to_have_text("Already answered in another tab; that answer counts")
    assert standing() == [(0, "alignment", "left"), (0, "fidelity", "left")]
    rate(second, "22")
    place(second, 3)


def test_answers_wait_for_the_connection_and_are_then_saved(page: Page, enter: Enter) -> None:
    enter(page)
    images = "performance.getEntriesByType('resource').filter((e) => e.name.includes('/r/i/')).length"
    ask_until(page, images, lambda loaded: loaded >= 12)
    page.context.set_offline(True)
    rate(page, "12")
    place(page, 2)
    expect(page.locator("#saved")).to_contain_text("2 answers not saved yet")
    rate(page, "13")
    place(page, 3)
    assert not standing()
    page.context.set_offline(False)
    saved(page)
    assert len(standing()) == 4


def test_answers_kept_in_the_browser_survive_a_reload(page: Page, enter: Enter) -> None:
    enter(page)
    page.route("**/r/rate", lambda route: route.abort())
    rate(page, "12")
    expect(page.locator("#saved")).to_contain_text("not saved yet")
    page.unroute("**/r/rate")
    page.reload()
    page.wait_for_selector(READY)
    saved(page)
    place(page, 2)
    assert standing() == [(0, "alignment", "indifferent"), (0, "fidelity", "left")]


def test_an_image_that_fails_is_never_rated_blind(page: Page, enter: Enter) -> None:
    enter(page)
    place(page, 1)
    blocked: list[str] = []

    def block(route: Route) -> None:
        url = route.request.url.split("?")[0]
        if not blocked:
            blocked.append(url)
        if url in blocked:
            route.abort()
        else:
            route.continue_()

    page.route("**/r/i/*", block)
    page.reload()
    expect(page.locator("#notice")).to_contain_text("1 image could not be loaded.", timeout=15_000)
    expect(page.locator("#answers input").first).to_be_disabled()
    page.keyboard.press("1")
    expect(page.locator("input:checked")).to_have_count(0)
    blocked.append("none")
    blocked.pop(0)
    page.get_by_role("button", name="Reload images").click()
    page.wait_for_selector(READY)
    expect(page.locator("#notice")).to_be_hidden()
    # and one that never comes is reported and passed over
    blocked.clear()
    page.reload()
    page.get_by_role("button", name="Report and skip").click()
    place(page, 2)
    skipped = Assignment.objects.get(skipped_at__isnull=False)
    assert (skipped.position, skipped.skip_reason) == (0, "1 of 4 images did not load")


def test_a_study_closed_meanwhile_says_so(page: Page, enter: Enter, study: Study) -> None:
    enter(page)
    study_close(study=study)
    rate(page)
    expect(page.locator("#stopped")).to_contain_text("This study is closed")
    expect(page.locator("#saved")).to_contain_text("Not saved")
    assert not standing()


@pytest.fixture
def phone(browser: Browser) -> BrowserContext:
    return browser.new_context(
        viewport={"width": 390, "height": 844}, has_touch=True, is_mobile=True, device_scale_factor=2
    )


def test_on_a_phone_by_touch_both_sets_are_seen_alike(phone: BrowserContext, enter: Enter) -> None:
    page = phone.new_page()
    enter(page)
    boxes = [page.locator(each).bounding_box() for each in ("#left", "#right")]
    assert boxes[0] and boxes[1]
    assert (boxes[0]["width"], boxes[0]["height"]) == (boxes[1]["width"], boxes[1]["height"])
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[1]["y"] + boxes[1]["height"] <= 844
    assert page.evaluate("document.documentElement.scrollWidth") == 390, "nothing to scroll sideways"
    page.locator("#right .tile").first.tap()
    expect(page.locator("#zoom-name")).to_have_text("Set B, image 1 of 2")
    page.get_by_role("button", name="Close").tap()
    for question in range(2):
        label = page.locator("fieldset").nth(question).locator("label").nth(2)
        box = label.bounding_box()
        assert box and box["height"] >= 44
        label.tap()
    page.get_by_role("button", name="Next").tap()
    place(page, 2)
    saved(page)
    assert standing() == [(0, "alignment", "right"), (0, "fidelity", "right")]
    phone.close()


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_on_any_page(page: Page, live_server: LiveServer, study: Study, scheme: str) -> None:
    page.emulate_media(color_scheme="dark" if scheme == "dark" else "light", reduced_motion="reduce")
    axe = Axe()

    def check() -> None:
        result = axe.run(page)
        assert result.violations_count == 0, f"{page.url}\n{result.generate_report()}"

    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study, completion_code='CODE').key}")
    check()
    page.get_by_role("button", name="agree").click()
    check()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector(READY)
    check()
    page.keyboard.press("1")
    check()
    page.keyboard.press("?")
    check()
    page.keyboard.press("Escape")
    page.keyboard.press("z")
    check()
    page.keyboard.press("Escape")
    page.keyboard.press("1")
    page.keyboard.press("Enter")
    for _ in range(1, TRIALS):
        rate(page)
    expect(page.get_by_role("button", name="Finish")).to_be_enabled()
    check()
    page.get_by_role("button", name="Finish").click()
    expect(page.locator("#completion-code")).to_have_text("CODE")
    check()
