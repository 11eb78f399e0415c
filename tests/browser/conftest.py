"""An open study, and the way into it."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Study
from evaluation.services.studies.invitation import invitation_create
from tests.browser.steps import READY, TRIALS, Enter
from tests.studies.world import an_open_study


@pytest.fixture
def study(live_server: LiveServer) -> Study:
    return an_open_study({"Colors": TRIALS})


@pytest.fixture
def enter(live_server: LiveServer, study: Study) -> Enter:
    """Takes a page from the invitation to the first trial."""

    def through_the_door(page: Page) -> None:
        page.set_default_timeout(15_000)
        page.goto(f"{live_server.url}/r/join/{invitation_create(study=study).key}")
        page.get_by_role("button", name="agree").click()
        page.get_by_role("button", name="Begin").click()
        page.wait_for_selector(READY)

    return through_the_door
