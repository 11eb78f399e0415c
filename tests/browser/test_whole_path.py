"""The whole path once, as people walk it: a suite, two runs of the cascade by a real worker, a study, a rater at the
keyboard, the report, and the same numbers again from the exported file."""

import json
import re
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth import get_user_model
from django.core.management import call_command
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import Rating, Sample, Study
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from tests.worker import WorkerProcess

PROMPTS = "prompt,category\nA red apple.,Colors\nA blue car.,Colors\nTwo stars.,Counting\nThree green balls.,Counting\n"
DRAWN_WITHIN_MS = 120_000

pytestmark = [pytest.mark.browser, pytest.mark.worker, pytest.mark.slow]


def test_prompts_to_report(
    live_server: LiveServer, celery_worker_process: WorkerProcess, browser: Browser, tmp_path: Path
) -> None:
    researcher = get_user_model().objects.create_user("ada")
    page = browser.new_context().new_page()
    page.goto(live_server.url + sign_in_link_create(user=researcher))
    if page.get_by_role("button", name="Sign in").count():
        page.get_by_role("button", name="Sign in").click()

    _load_suite(page, live_server.url, tmp_path)
    for weight in (1, 5):
        _render(page, live_server.url, weight, celery_worker_process)
    assert Sample.objects.count() == 2 * 4 * 2
    invitation = _open_study(page, live_server.url)

    rater = browser.new_context().new_page()
    _rate_by_keyboard(rater, invitation, key="1")
    ratings = list(Rating.objects.select_related("assignment"))
    assert len(ratings) == 2 * 2  # a panel of two prompts, two questions each
    assert {rating.shown_choice for rating in ratings} == {"left"}

    study = Study.objects.get()
    page.goto(f"{live_server.url}/studies/{study.name}/report/")
    expect(page.get_by_role("heading", level=1)).to_contain_text("report")
    expect(page.locator("body")).not_to_contain_text("SIMULATED")
    assert "nan" not in page.locator("main").inner_text().lower().split()

    exported = tmp_path / "ratings.csv"
    call_command("export_ratings", study.name, "--out", str(exported), stdout=StringIO())
    of_study, of_file = _analysis(study.name), _analysis("--ratings", str(exported))
    of_file_alone, of_study_alone = (_as_a_file_has_them(each["comparisons"]) for each in (of_file, of_study))
    assert of_study_alone == of_file_alone
    shares = of_study["comparisons"][0]["overall"]["shares"]
    shown_left = sum(rating.assignment.shown_order[0] == 0 for rating in ratings if rating.question == "fidelity")
    by_question = {each["question"]: each["overall"]["shares"] for each in of_study["comparisons"]}
    assert by_question["fidelity"]["a"] in (shown_left / 2, 1 - shown_left / 2)  # either order of the pair
    assert shares["indifferent"] == 0


def _as_a_file_has_them(comparisons: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Without what only a study knows: its family of comparisons, and the categories that nobody has rated yet."""
    return [
        {**each, "overall": {**each["overall"], "standing": None}, "categories_not_rated": None} for each in comparisons
    ]


def _load_suite(page: Page, url: str, folder: Path) -> None:
    file = folder / "four-prompts.csv"
    file.write_text(PROMPTS)
    page.goto(url + "/suites/")
    page.locator("input[type=file]").set_input_files(file)
    page.get_by_role("button", name="Load", exact=True).click()
    expect(page.locator("main")).to_contain_text("four-prompts")


def _render(page: Page, url: str, weight: int, worker: WorkerProcess) -> None:
    page.goto(url + "/runs/new/?generator=cascade")
    page.get_by_label("Samples per prompt").fill("2")
    page.get_by_label("Name").fill(f"w{weight}")
    page.get_by_label(re.compile("^guidance", re.I)).first.fill(str(weight))
    page.get_by_label(re.compile("^steps", re.I)).first.fill("4")
    page.get_by_label(re.compile("size", re.I)).first.select_option("64")
    page.get_by_role("button", name="Render").click()
    try:
        expect(page.locator("main")).to_contain_text("Done", timeout=DRAWN_WITHIN_MS)
    except AssertionError as error:
        raise AssertionError(f"{error}\nThe worker said:\n{worker.log.read_text()[-3000:]}") from error


def _open_study(page: Page, url: str) -> str:
    """Makes and opens the study; returns the raters' address."""
    page.goto(url + "/studies/new/")
    for run in ("w1", "w5"):
        page.get_by_role("checkbox", name=re.compile(f"^{run}")).check()
    page.get_by_label("Name", exact=True).fill("w1-against-w5")
    page.get_by_role("button", name="Create draft").click()
    page.once("dialog", lambda dialog: dialog.accept())
    page.get_by_role("button", name="Open the study").click()  # which makes the first link
    return url + "/r/join/" + page.locator("input[value*='/r/join/']").input_value().rsplit("/", 1)[1]


def _rate_by_keyboard(page: Page, invitation: str, *, key: str) -> None:
    """From the invitation to the end with no mouse: every question gets the answer under `key`."""
    page.goto(invitation)
    for button in ("agree", "Begin"):
        page.get_by_role("button", name=button).focus()
        page.keyboard.press("Enter")
    for trial in (1, 2):
        expect(page.locator("#progress-text")).to_contain_text(f"{trial} of 2")
        page.wait_for_selector("#answers fieldset:not([disabled])")
        page.keyboard.press(key)
        page.keyboard.press(key)
        page.keyboard.press("Enter")
    finish = page.get_by_role("button", name="Finish")
    expect(finish).to_be_enabled()
    finish.focus()
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")


def _analysis(*arguments: str) -> dict[str, Any]:
    out = StringIO()
    call_command("analyse", *arguments, "--format", "json", stdout=out)
    analysis: dict[str, Any] = json.loads(out.getvalue())
    return analysis
