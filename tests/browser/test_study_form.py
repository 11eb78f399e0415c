"""A researcher words a protocol on the page, sees only what it needs, plays it as a rater, edits and copies it."""

from __future__ import annotations

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Rating, Study
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from tests.browser.steps import READY
from tests.browser.test_researcher import AXE_RULES
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.browser


def test_a_stranger_makes_a_protocol_on_the_page(live_server: LiveServer, page: Page) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name, samples=1)
    page.set_default_timeout(20_000)
    page.goto(live_server.url + sign_in_link_create(user=User.objects.create_user("ada", password="engine-of-1843")))
    page.goto(f"{live_server.url}/studies/new/")

    own = page.get_by_role("group", name="Questions of your own")
    photographs = page.get_by_label("Run of reference photographs")
    expect(own).to_be_hidden()
    page.get_by_label("Photorealism", exact=False).first.check()
    expect(photographs).to_be_visible()
    page.get_by_role("radio", name="Questions of your own").check()
    expect(photographs).to_be_hidden()
    expect(own).to_be_visible()

    page.get_by_label("one", exact=False).first.check()
    page.get_by_label("two", exact=False).first.check()
    page.get_by_label("Name of the protocol").fill("sharp")
    page.get_by_label("Question", exact=True).first.fill("Which image of {caption} is sharper?")
    page.get_by_label("Answered by").first.select_option("preference")
    page.get_by_label("Answers", exact=True).first.fill("The left one")
    page.get_by_label("Short name").first.fill("Sharpness")
    page.locator("#id_name").fill("sharp-1")
    page.get_by_label("Raters per trial").fill("2")
    for width in (1280, 320):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), f"nothing is cut off at {width}"
    found = Axe().run(page, options=AXE_RULES)
    assert found.violations_count == 0, found.generate_report()
    page.get_by_role("button", name="Create draft").click()

    expect(page.locator("#id_q1_answers-error")).to_have_text("Give 2 to 4 lines; there is 1.")
    page.get_by_label("Answers", exact=True).first.fill("The left one\nThe right one")
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_text("Departures from the protocol")).to_be_visible()
    study = Study.objects.get(name="sharp-1")
    declared = study.specification
    assert declared["protocol"]["based_on"] == "pairwise-open"
    assert any("question sharpness: added" in each for each in declared["departures"])

    statuses: list[int] = []
    page.on("response", lambda response: statuses.append(response.status))
    page.get_by_role("button", name="Preview as a rater").click()
    expect(page.get_by_text("your answers are not saved")).to_be_visible()
    for _ in range(len(page.evaluate("JSON.parse(document.getElementById('config').textContent).questions")) * 5):
        page.wait_for_selector(READY)
        page.keyboard.press("1")
        page.keyboard.press("Enter")
        expect(page.locator("#saved")).not_to_contain_text("not saved")
        expect(page.locator("#progress-text")).not_to_contain_text("undefined")
    page.get_by_role("button", name="Finish").click()
    assert set(statuses) <= {200, 302}
    expect(page.get_by_text("No answer was saved")).to_be_visible()
    assert not Rating.objects.exists()

    page.get_by_role("button", name="Edit", exact=True).click()
    expect(page.get_by_label("Question", exact=True).first).to_have_value("Which image of {caption} is sharper?")
    page.get_by_label("Question", exact=True).first.fill("Which image is sharper?")
    page.get_by_role("button", name="Save draft").click()
    expect(page.get_by_text("The draft is saved")).to_be_visible()
    study.refresh_from_db()
    assert study.specification["protocol"]["questions"][0]["text"] == "Which image is sharper?"

    page.get_by_role("button", name="Copy", exact=True).click()
    page.locator("#id_name").fill("sharp-2")
    page.get_by_label("Raters per trial").fill("3")
    page.get_by_role("button", name="Create draft").click()
    expect(page.get_by_text("raters per panel: 3, where the copied study has 2")).to_be_visible()
    page.goto(f"{live_server.url}/studies/new/")
    expect(page.get_by_text("As in the study sharp-2")).to_be_visible()
