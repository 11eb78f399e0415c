"""The rater's page in other languages: the whole way in French, 320 pixels of German, a Russian keyboard; surrounds."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

import pytest
from axe_playwright_python.sync_playwright import Axe
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Rater, Rating, Study
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_open
from tests.browser.steps import READY, TRIALS
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.browser

KEY = """([key, code]) => document.activeElement.dispatchEvent(
    new KeyboardEvent("keydown", { key, code, bubbles: true, cancelable: true }))"""
Speaking = Callable[..., Page]
DESK, NARROW = (1280, 800), (320, 640)


@pytest.fixture
def speaking(browser: Browser) -> Iterator[Speaking]:
    """A page that the test gives a language."""
    pages: list[Page] = []

    def open_page(locale: str, size: tuple[int, int] = DESK, scheme: str = "light") -> Page:
        context = browser.new_context(
            locale=locale,
            viewport={"width": size[0], "height": size[1]},
            color_scheme="dark" if scheme == "dark" else "light",
        )
        page = context.new_page()
        page.set_default_timeout(15_000)
        pages.append(page)
        return page

    yield open_page
    for page in pages:
        page.context.close()


def typed(page: Page, key: str, code: str) -> None:
    """Press a key of another layout: what it writes, and where it is."""
    page.evaluate(KEY, [key, code])


def test_the_whole_way_in_french_on_a_french_keyboard(
    speaking: Speaking, live_server: LiveServer, study: Study
) -> None:
    page: Page = speaking("fr-FR")
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study, completion_code='FIN-1').key}")
    assert page.evaluate("document.documentElement.lang") == "fr"
    expect(page.get_by_role("heading", level=1)).to_have_text("Quelles images préférez-vous\u202f?")
    page.get_by_role("button", name="J’accepte").click()
    expect(page).to_have_title("Comment ça marche")
    page.get_by_role("button", name=f"Commencer ({TRIALS} comparaisons)").click()
    for number in range(1, TRIALS + 1):
        page.wait_for_selector(READY)
        expect(page.locator("#progress-text")).to_have_text(f"Comparaison {number} sur {TRIALS}")
        typed(page, "&", "Digit1")  # the unshifted digit row
        typed(page, '"', "Digit3")
        expect(page.locator("input:checked")).to_have_count(2)
        page.keyboard.press("Enter")
    expect(page.locator("#done-heading")).to_have_text("Toutes les comparaisons sont terminées")
    expect(page.locator("#saved")).to_have_text("Toutes les réponses sont enregistrées")
    page.get_by_role("button", name="Terminer").click()
    expect(page.locator("#completion-code")).to_have_text("FIN-1")
    assert "Vous avez terminé l’étude" in page.content()
    assert Rater.objects.get().language == "fr"
    widths = Rating.objects.values_list("shown_width", "shown_device_width", "theme").distinct()
    assert Rating.objects.count() == 2 * TRIALS
    assert all((width or 0) > 100 and width == device and theme == "light" for width, device, theme in widths)


def test_german_words_fit_into_320_pixels(speaking: Speaking, live_server: LiveServer, study: Study) -> None:
    page: Page = speaking("de-CH", NARROW)

    def fits(what: str) -> None:
        assert page.evaluate("document.documentElement.scrollWidth") == NARROW[0], f"{what} scrolls sideways"

    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    fits("the consent")
    page.get_by_role("button", name="Ich bin einverstanden").click()
    fits("the instructions")
    page.get_by_role("button", name="Beginnen").click()
    page.wait_for_selector(READY)
    fits("a comparison")
    for key, what in (("?", "the help"), ("z", "an enlarged image")):
        page.keyboard.press(key)
        expect(page.locator("dialog[open]")).to_be_visible()
        fits(what)
        page.keyboard.press("Escape")
    page.context.set_offline(True)
    for key in ("1", "2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#saved")).to_contain_text("noch nicht gespeichert")
    fits("a comparison without a connection")
    page.context.set_offline(False)
    page.goto(f"{live_server.url}/r/withdraw")
    fits("leaving")


def test_a_russian_page_and_keyboard(speaking: Speaking, live_server: LiveServer, study: Study) -> None:
    page: Page = speaking("en-US", DESK, "dark")
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}?lang=ru")
    page.get_by_role("button", name="Я даю согласие").click()
    page.get_by_role("button", name=f"Начать ({TRIALS} сравнения)").click()
    page.wait_for_selector(READY)
    expect(page.locator("#go")).to_contain_text("Далее")
    typed(page, "я", "KeyZ")
    expect(page.locator("#zoom")).to_be_visible()
    expect(page.locator("#zoom-close")).to_have_text("Закрыть")
    page.keyboard.press("Escape")
    page.route("**/r/rate", lambda route: route.abort())
    for key in ("1", "2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#saved")).to_contain_text("2 ответа ещё не сохранены")
    found = Axe().run(page)
    assert found.violations_count == 0, found.generate_report()


def test_a_page_from_right_to_left_keeps_the_sides_of_the_sets(
    speaking: Speaking, live_server: LiveServer, study: Study
) -> None:
    """None of our languages runs so yet; the styles are ready."""
    page: Page = speaking("en-GB", (390, 844))
    turn = "document.documentElement.dir = 'rtl'"
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    page.evaluate(turn)
    for name in ("agree", "Begin"):
        assert page.evaluate("document.documentElement.scrollWidth") == 390
        page.get_by_role("button", name=name).click()
        page.evaluate(turn)
    page.wait_for_selector(READY)
    page.evaluate(turn)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    left, right = (page.locator(f"section[data-side={side}]").bounding_box() for side in ("left", "right"))
    assert left is not None and right is not None and left["x"] < right["x"]
    undo, progress = page.locator("#undo").bounding_box(), page.locator("#progress-text").bounding_box()
    assert undo is not None and progress is not None and undo["x"] < progress["x"]


@pytest.mark.parametrize(
    ("surround", "scheme", "ground", "theme"),
    [
        ("light", "dark", "rgb(242, 242, 242)", "light"),
        ("grey", "dark", "rgb(128, 128, 128)", "grey"),
        ("dark", "light", "rgb(23, 23, 23)", "dark"),
        ("system", "dark", "rgb(23, 23, 23)", "dark"),
    ],
)
def test_the_surround_is_the_studys_and_its_contrast_is_enough(
    speaking: Speaking, live_server: LiveServer, surround: str, scheme: str, ground: str, theme: str
) -> None:
    suite = a_suite({"Colors": 2})
    runs = [a_run(suite, name, samples=2) for name in ("one", "other")]
    draft = StudyDraft(name="around", runs=runs, raters_per_panel=1, surround=surround)
    study = study_open(study=study_create(draft))
    page: Page = speaking("en-GB", DESK, scheme)
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    page.get_by_role("button", name="agree").click()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector(READY)
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == ground
    for keys in ("1", "?"):
        page.keyboard.press(keys)
        found = Axe().run(page)
        assert found.violations_count == 0, found.generate_report()
    page.keyboard.press("Escape")
    for key in ("2", "Enter"):
        page.keyboard.press(key)
    expect(page.locator("#saved")).to_have_text("All answers saved")
    assert set(Rating.objects.values_list("theme", flat=True)) == {theme}


def test_images_that_stand_too_small_are_not_rated_until_they_are_larger(
    speaking: Speaking, live_server: LiveServer
) -> None:
    suite = a_suite({"Colors": 2})
    runs = [a_run(suite, name, samples=2) for name in ("one", "other")]
    draft = StudyDraft(name="large", runs=runs, raters_per_panel=1, smallest_width=200)
    study = study_open(study=study_create(draft))
    page: Page = speaking("en-GB", (390, 700))
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    assert "each image needs 200 pixels in width" in page.content()
    page.get_by_role("button", name="agree").click()
    page.get_by_role("button", name="Begin").click()
    small = page.locator("#small")
    expect(small).to_contain_text(re.compile(r"each image is 1\d\d pixels wide, and this study needs at least 200"))
    page.keyboard.press("1")
    expect(page.locator("fieldset[data-question]:not([disabled])")).to_have_count(0)
    assert page.evaluate("document.documentElement.scrollWidth") == 390
    page.set_viewport_size({"width": 1280, "height": 800})
    page.wait_for_selector(READY)
    expect(small).to_be_hidden()
    for key in ("1", "2", "Enter"):
        page.keyboard.press(key)
    page.wait_for_selector(READY)
    expect(page.locator("#saved")).to_have_text("All answers saved")
    assert not Rating.objects.exclude(shown_width__gte=200).exists()
    page.set_viewport_size({"width": 390, "height": 700})
    expect(small).to_be_visible()
    assert Rater.objects.get().dropped_at is None
