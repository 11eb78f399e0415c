"""What stands where on the rater's page: questions under both sets, large images, every script and key."""

from __future__ import annotations

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Prompt, Study, Suite
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from tests.browser.steps import READY, TRIALS, Enter, place, rate, saved, standing
from tests.studies.world import a_run, an_open_study

pytestmark = pytest.mark.browser

BOX = "(selector) => { const box = document.querySelector(selector).getBoundingClientRect(); return box.toJSON(); }"
TEXT_SIDE = "(selector) => getComputedStyle(document.querySelector(selector)).direction"
ARABIC = "كلب أزرق و cat أحمر."


def box(page: Page, selector: str) -> dict[str, float]:
    """Where an element is, in CSS pixels of the window."""
    found: dict[str, float] = page.evaluate(BOX, selector)
    return found


def go_in(page: Page, live_server: LiveServer, study: Study) -> None:
    """From an invitation to the first trial, whether it can be answered or not."""
    page.set_default_timeout(15_000)
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    page.get_by_role("button", name="agree").click()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector("#trial[aria-busy=false]")


def phone(browser: Browser, width: int = 390, height: int = 844) -> BrowserContext:
    """A phone: narrow, touched, with more pixels than it says."""
    return browser.new_context(
        viewport={"width": width, "height": height}, has_touch=True, is_mobile=True, device_scale_factor=3
    )


@pytest.fixture
def full(live_server: LiveServer) -> Study:
    """A study whose sets hold eight images, as DrawBench's do."""
    return an_open_study({"Colors": 3}, name="full", samples=8, size=(64, 64))


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (1024, 768), (390, 844)])
def test_each_question_stands_under_both_sets(page: Page, enter: Enter, width: int, height: int) -> None:
    page.set_viewport_size({"width": width, "height": height})
    enter(page)
    left, right = box(page, "#left"), box(page, "#right")
    for question in ("fidelity", "alignment"):
        asked = box(page, f"fieldset[data-question={question}]")
        assert asked["left"] < left["left"] + left["width"] / 2
        assert asked["right"] > right["left"] + right["width"] / 2 or width < 1000 and asked["right"] > right["left"]
        assert asked["top"] >= max(left["bottom"], right["bottom"])


@pytest.mark.parametrize(("width", "height", "least"), [(1440, 900, 165), (1280, 720, 145), (390, 844, 115)])
def test_eight_images_a_set_are_as_large_as_the_window_allows(
    browser: Browser, live_server: LiveServer, full: Study, width: int, height: int, least: int
) -> None:
    context = phone(browser) if width < 700 else browser.new_context(viewport={"width": width, "height": height})
    page = context.new_page()
    go_in(page, live_server, full)
    assert box(page, ".tile")["width"] >= least
    assert page.evaluate("document.documentElement.scrollWidth") == width
    context.close()


def test_a_phone_shows_one_set_at_a_time_and_wants_both_to_be_seen(
    browser: Browser, live_server: LiveServer, full: Study
) -> None:
    context = phone(browser)
    page = context.new_page()
    go_in(page, live_server, full)
    radio, look = page.locator("[name=fidelity]").first, page.locator("#look")
    for number in (1, 2, 3):
        expect(page.locator("#progress-text")).to_have_text(f"Comparison {number} of 3")
        expect(page.locator("#switch [data-side=left]")).to_have_attribute("aria-pressed", "true")
        expect(look).to_be_visible()
        expect(radio).to_be_disabled()
        page.keyboard.press("1")
        expect(page.locator("input:checked")).to_have_count(0)
        if number == 2:  # a swipe, as the browser tells it
            page.evaluate("document.getElementById('sets').scrollBy({left: innerWidth})")
        else:
            page.locator("#switch [data-side=right]").tap()
        expect(page.locator("#switch [data-side=right]")).to_have_attribute("aria-pressed", "true")
        expect(look).to_be_hidden()
        expect(radio).to_be_enabled()
        if number == 3:  # and back: what was seen stays seen
            page.locator("#switch [data-side=left]").tap()
            expect(page.locator("#switch [data-side=left]")).to_have_attribute("aria-pressed", "true")
        for question in ("fidelity", "alignment"):
            page.locator(f"[name={question}][value=right]").tap()
        page.locator("#go").tap()
    expect(page.get_by_role("button", name="Finish")).to_be_enabled(timeout=15_000)
    assert [choice for _, _, choice in standing()] == ["right"] * 6
    context.close()


def test_turning_the_phone_keeps_the_comparison_open(browser: Browser, live_server: LiveServer, full: Study) -> None:
    """Wide enough for both sets: nothing has to be swiped."""
    context = phone(browser)
    page = context.new_page()
    go_in(page, live_server, full)
    expect(page.locator("[name=fidelity]").first).to_be_disabled()
    page.set_viewport_size({"width": 844, "height": 390})
    expect(page.locator("#switch")).to_be_hidden()
    expect(page.locator("[name=fidelity]").first).to_be_enabled()
    page.set_viewport_size({"width": 390, "height": 844})  # and back: the first set is in view again
    expect(page.locator("#switch [data-side=left]")).to_have_attribute("aria-pressed", "true")
    context.close()


@pytest.mark.parametrize(
    ("key", "code", "choice"),
    [
        ("&", "Digit1", "left"),  # French
        ("é", "Digit2", "indifferent"),
        ('"', "Digit3", "right"),
        ("1", "Digit1", "left"),  # French with Shift
        ("2", "Numpad2", "indifferent"),
        ("+", "Digit1", "left"),  # Czech
        ("٣", "Digit3", "right"),  # Arabic digits
    ],
)
def test_digits_answer_by_their_place_on_the_keyboard(
    page: Page, enter: Enter, key: str, code: str, choice: str
) -> None:
    enter(page)
    press(page, key, code)
    expect(page.locator(f"[name=fidelity][value={choice}]")).to_be_checked()


@pytest.mark.parametrize(
    ("key", "code", "opens"),
    [
        ("я", "KeyZ", True),  # Russian
        ("ז", "KeyZ", True),  # Hebrew
        ("z", "KeyY", True),  # German: Z is where an English keyboard has Y
        ("y", "KeyZ", False),
        ("w", "KeyZ", False),  # French: the key at the place of Z says W
    ],
)
def test_letters_go_by_what_they_say_or_else_by_their_place(
    page: Page, enter: Enter, key: str, code: str, opens: bool
) -> None:
    enter(page)
    press(page, key, code)
    expect(page.locator("dialog#zoom[open]")).to_have_count(int(opens))


def test_shift_and_a_digit_is_no_answer_where_it_writes_a_sign(page: Page, enter: Enter) -> None:
    enter(page)
    press(page, "!", "Digit1", shift=True)
    press(page, "?", "Minus", shift=True)  # German
    expect(page.locator("#keys")).to_be_visible()
    expect(page.locator("input:checked")).to_have_count(0)


def press(page: Page, key: str, code: str, *, shift: bool = False) -> None:
    """A key of a layout that the test machine doesn't have."""
    page.evaluate(
        "([key, code, shiftKey]) => document.body.dispatchEvent("
        "new KeyboardEvent('keydown', {key, code, shiftKey, bubbles: true}))",
        [key, code, shift],
    )


def test_a_prompt_keeps_the_direction_of_its_script(page: Page, live_server: LiveServer) -> None:
    suite = Suite.objects.create(name="rtl", version_hash=f"{'rtl':0<64}", content_hash="c" * 64)
    Prompt.objects.create(suite=suite, number=0, text=ARABIC, category="Colors")
    runs = [a_run(suite, name) for name in ("one", "other")]
    go_in(page, live_server, study_open(study=study_create(StudyDraft(name="rtl", runs=runs))))
    assert page.evaluate(TEXT_SIDE, "#caption") == "rtl"
    legend = "fieldset[data-question=alignment] legend"
    assert page.evaluate(TEXT_SIDE, legend) == "ltr"
    assert page.evaluate(TEXT_SIDE, f"{legend} bdi") == "rtl"
    expect(page.locator(legend)).to_have_text(
        f"Which set of images better represents the text caption : “{ARABIC}”?", use_inner_text=False
    )
    page.keyboard.press("z")
    assert page.evaluate(TEXT_SIDE, "#zoom-caption") == "rtl"
    expect(page.locator("#zoom-caption")).to_have_text(ARABIC)


def test_the_title_names_the_comparison(page: Page, enter: Enter) -> None:
    enter(page)
    expect(page).to_have_title(f"Comparison 1 of {TRIALS}")
    rate(page)
    place(page, 2)
    expect(page).to_have_title(f"Comparison 2 of {TRIALS}")
    saved(page)


def test_both_sets_are_enlarged_in_step_and_pixel_for_pixel(page: Page, enter: Enter) -> None:
    enter(page)
    page.wait_for_selector(READY)
    page.keyboard.press("z")
    name, left, right = (page.locator(f"#zoom-{part}") for part in ("name", "left", "right"))
    expect(page.locator("#zoom-caption")).to_contain_text("prompt")
    expect(right).to_be_hidden()
    in_place = box(page, "#zoom-left")
    page.keyboard.press("ArrowDown")
    expect(name).to_have_text("Set B, image 1 of 2")
    assert box(page, "#zoom-right") == in_place
    page.keyboard.press("b")
    expect(left).to_be_visible()
    page.keyboard.press("ArrowRight")
    expect(name).to_have_text("Set A, image 2 of 2 · Set B, image 2 of 2")
    assert box(page, "#zoom-left")["width"] > 300
    page.keyboard.press("1")
    assert box(page, "#zoom-left")["width"] == box(page, "#zoom-right")["width"] == 16  # as the study's images are
    expect(page.locator("input:checked")).to_have_count(0)
    page.get_by_role("button", name="Actual size").click()
    page.get_by_role("button", name="Both sets").click()
    expect(name).to_have_text("Set B, image 2 of 2")
    page.get_by_role("button", name="Other set").click()
    expect(name).to_have_text("Set A, image 2 of 2")
