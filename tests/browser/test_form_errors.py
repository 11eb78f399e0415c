"""A form that was refused: the page shows why, wherever the form stands on it."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, ViewportSize, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Invitation, Rater, Study
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from tests.browser.steps import READY, Enter

pytestmark = pytest.mark.browser

IN_VIEW = """(element) => {
    const box = element.getBoundingClientRect();
    return box.top >= 0 && box.top < innerHeight;
}"""


def signed_in(browser: Browser, live_server: LiveServer, *, width: int, scripts: bool, dark: bool) -> Page:
    context = browser.new_context(
        viewport=ViewportSize(width=width, height=700),
        java_script_enabled=scripts,
        color_scheme="dark" if dark else "light",
    )
    page = context.new_page()
    page.goto(live_server.url + sign_in_link_create(user=User.objects.create_user("ada", password="engine-of-1843")))
    return page


@pytest.mark.parametrize(("width", "dark"), [(1280, False), (390, True), (320, False)])
def test_a_refused_invitation_shows_why_and_its_address_can_be_entered(
    browser: Browser, live_server: LiveServer, study: Study, width: int, dark: bool
) -> None:
    page = signed_in(browser, live_server, width=width, scripts=True, dark=dark)
    page.goto(f"{live_server.url}/studies/trial/")
    page.get_by_label("Maximum raters").fill("0")
    page.get_by_role("button", name="Create link").click()
    summary = page.locator("#form-errors")
    expect(summary).to_be_focused()
    assert summary.evaluate(IN_VIEW), "the page jumped to its top, and the error is off screen"
    assert page.evaluate("document.documentElement.scrollWidth") == width
    summary.get_by_role("link", name="Maximum raters").click()
    expect(page.get_by_label("Maximum raters")).to_be_focused()
    assert not Invitation.objects.exists()
    page.goto(page.url)
    assert page.url == f"{live_server.url}/studies/trial/"
    expect(page.get_by_role("heading", level=1)).to_contain_text("Secret title")
    page.context.close()


def test_without_scripts_the_error_is_in_view_too(browser: Browser, live_server: LiveServer, study: Study) -> None:
    page = signed_in(browser, live_server, width=390, scripts=False, dark=False)
    page.goto(f"{live_server.url}/studies/trial/")
    page.get_by_label("Maximum raters").fill("0")
    page.get_by_role("button", name="Create link").click()
    expect(page.locator("#form-errors")).to_be_in_viewport()
    page.context.close()


def test_enter_after_help_does_not_withdraw(page: Page, enter: Enter) -> None:
    enter(page)
    page.keyboard.press("?")
    page.keyboard.press("Enter")
    expect(page.locator("#keys")).to_be_hidden()
    page.wait_for_selector(READY)
    assert page.url.endswith("/r/") and Rater.objects.get().dropped_at is None
