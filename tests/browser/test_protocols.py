"""A whole session of every protocol, and of every kind of answer, by mouse, by keyboard and by touch: what arrives in
the database is what was chosen."""

from __future__ import annotations

from typing import Any

import pytest
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation import protocols
from evaluation.models import Rater, Rating, Study
from evaluation.protocols import AnswerValue
from evaluation.selectors.locked import locked_protocol
from evaluation.services.studies.invitation import invitation_create
from tests.browser.answering import Hand, Way, trial
from tests.browser.small_studies import CLAIMS, OF_EVERY_KIND, OF_ORDERS, a_small_study, own

pytestmark = pytest.mark.browser

WAYS: tuple[Way, ...] = ("mouse", "keyboard", "touch")


def go_in(browser: Browser, live_server: LiveServer, study: Study, way: Way, **context: object) -> Page:
    """A rater's page at the first trial: on a desktop, or on a phone for touch."""
    phone = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True}
    desktop = {"viewport": {"width": 1280, "height": 800}}
    page = browser.new_context(**{**(phone if way == "touch" else desktop), **context}).new_page()  # type: ignore[arg-type]
    page.set_default_timeout(15_000)
    page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
    page.get_by_role("button", name="agree").click()
    page.get_by_role("button", name="Begin").click()
    page.wait_for_selector("#trial[aria-busy=false]")
    return page


def session(page: Page, study: Study, way: Way) -> None:
    """Rate every trial of the study's only rater so far, finish, and hold the database against what was chosen."""
    protocol, rater = locked_protocol(study), Rater.objects.get(study=study)
    chosen: dict[tuple[int, str], AnswerValue] = {}
    for at in range(rater.trials):
        expect(page.locator("#progress-text")).to_contain_text(f"{at + 1} of {rater.trials}")
        answers = trial(Hand(page, way), protocol, at, claims=len(CLAIMS))
        chosen |= {(at, question): value for question, value in answers.items()}
    finish = page.get_by_role("button", name="Finish")
    expect(finish).to_be_enabled()
    finish.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    rows = Rating.objects.filter(rater=rater, retracted_at=None)
    columns = ("assignment__position", "question", "shown_choice", "value", "response_time_ms")
    kept = {
        (position, question): rounded(value) if choice is None else choice
        for position, question, choice, value, _ in rows.values_list(*columns)
    }
    assert kept == chosen
    assert all(0 <= ms < 60_000 for *_, ms in rows.values_list(*columns))
    page.context.close()


def rounded(value: Any) -> AnswerValue:
    """Places as a pointer hits them: to a hundredth of the image."""
    if isinstance(value, list):
        return [rounded(each) for each in value]
    return round(value, 2) if isinstance(value, float) else value


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("name", protocols.names())
def test_a_whole_session_of_each_protocol(browser: Browser, live_server: LiveServer, name: str, way: Way) -> None:
    study = a_small_study(name, prompts=2)
    faults: list[str] = []
    page = go_in(browser, live_server, study, way)
    page.on("pageerror", lambda error: faults.append(str(error)))
    session(page, study, way)
    assert faults == []


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("text", [OF_EVERY_KIND, OF_ORDERS], ids=["one-image", "three-images"])
def test_every_kind_of_answer_by_every_way(browser: Browser, live_server: LiveServer, way: Way, text: str) -> None:
    study = a_small_study(own(text))
    session(go_in(browser, live_server, study, way), study, way)
