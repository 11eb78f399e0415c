"""The researcher's pages in a real Chromium: no fault on any page, fit for phones, dark screens and all people."""

from __future__ import annotations

import io
import re
import zipfile
from pathlib import Path

import pytest
from axe_playwright_python.sync_playwright import Axe
from django.contrib.auth.models import User
from playwright.sync_api import Browser, Page, expect
from pytest_django.live_server_helper import LiveServer

from evaluation.models import GenerationRun, MetricRun, RunStatus, Sample, Study, Upload
from evaluation.services.accounts.sign_in_link import sign_in_link_create
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.uploads.check import upload_check
from generators.cascade.spec import SPEC as CASCADE
from tests.metric_services.steps import ask, score
from tests.researcher.test_curves import guided, scored
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)
from tests.studies.world import a_run, a_suite, an_open_study, png

pytestmark = pytest.mark.browser

AXE_RULES = {"runOnly": ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice"]}


LONG = ("/docs/architecture/", "/docs/statistics/", "/api/v1/docs/")
"""Pages of the same parts as another, or another's program: axe takes seconds for each, and looks at them once."""


@pytest.fixture
def study(live_server: LiveServer, plugin: None) -> Study:  # noqa: F811  (the fixture of that name)
    study = an_open_study(raters_per_panel=4)
    raters_simulate(study=study, share=0.5, seed=0)
    for place in study.study_runs.all():
        score(ask(place.run))
    ask(study.study_runs.all()[0].run, "testspread", reference=f"run:{study.study_runs.all()[1].run.name}")
    suite = a_suite(name="curve")
    for guidance, distance, clip in ((1.0, 9.0, 0.24), (1.35, 7.3, 0.265), (8.0, 12.0, 0.29)):
        scored(guided(suite, guidance), distance, clip)
    return study


@pytest.fixture
def link(live_server: LiveServer) -> str:
    ada = User.objects.create_user("ada", password="engine-of-1843")
    return live_server.url + sign_in_link_create(user=ada)


def pages_of(study: Study) -> list[str]:
    run = study.study_runs.all()[0].run
    return [
        "/",
        "/suites/",
        f"/suites/{run.suite_id}/",
        "/generators/",
        "/runs/",
        f"/runs/{run.pk}/",
        "/runs/new/",
        f"/runs/{run.pk}/scores/new/?metric=testspread",
        *(f"/scores/{each.pk}/" for each in MetricRun.objects.filter(run=run)),
        "/curves/",
        "/uploads/new/",
        "/studies/",
        "/studies/new/",
        "/studies/trial/",
        "/studies/trial/report/",
        "/account/",
        "/docs/",
        "/docs/running-a-study/",
        "/docs/architecture/",
        "/docs/statistics/",
        "/api/v1/docs/",
        "/nothing-here/",
    ]


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_every_page_is_sound(
    browser: Browser, live_server: LiveServer, link: str, study: Study, width: int, scheme: str
) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)  # type: ignore[arg-type]
    page = context.new_page()
    faults: list[str] = []
    hosts: set[str] = set()
    page.on("console", lambda said: faults.append(f"{page.url}: {said.text}") if said.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(f"{page.url}: {error}"))
    page.on("request", lambda request: hosts.add(request.url.split("/")[2]))
    page.goto(link)
    for path in pages_of(study):
        page.goto(live_server.url + path)
        page.evaluate("for (const details of document.querySelectorAll('main details')) details.open = true")
        beyond = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert beyond <= 0, f"{path} is {beyond} pixels wider than the screen"
        if width < 1000 and path in LONG:
            continue
        found = Axe().run(page, options=AXE_RULES)
        assert found.violations_count == 0, f"{path}: {found.generate_report()}"
    context.close()
    assert hosts == {live_server.url.split("/")[2]}
    assert [fault for fault in faults if "nothing-here" not in fault] == []


def test_the_reference_of_the_api_comes_up(page: Page, live_server: LiveServer) -> None:
    faults: list[str] = []
    page.on("console", lambda message: faults.append(message.text) if message.type == "error" else None)
    page.on("pageerror", lambda error: faults.append(str(error)))
    page.goto(live_server.url + "/api/v1/docs/")
    expect(page.locator("#operations-studies-studies_results")).to_be_visible()
    assert faults == []


def test_a_generators_parameters_come_with_its_choice(page: Page, live_server: LiveServer, link: str) -> None:
    a_suite()
    default = next(parameter.default for parameter in CASCADE.parameters if parameter.name == "guidance")
    page.goto(link)
    page.get_by_role("button", name="Render", exact=True).click()
    expect(page.get_by_label("Guidance", exact=True)).to_have_value(str(default))
    page.get_by_label("Guidance", exact=True).fill("900")
    page.get_by_role("button", name="Render").click()
    field = page.get_by_label("Guidance", exact=True)
    expect(field).to_have_attribute("aria-invalid", "true")
    assert "30" in page.locator(f"#{(field.get_attribute('aria-describedby') or '').split()[-1]}").inner_text()


def test_progress_moves_without_a_reload(page: Page, live_server: LiveServer, link: str) -> None:
    run = a_run(a_suite(), "slow", status=RunStatus.RUNNING, without=[(0, 0), (0, 1)])
    page.goto(link)
    page.goto(f"{live_server.url}/runs/{run.pk}/")
    page.evaluate("window.here = true")
    expect(page.locator("#run-state")).to_contain_text("8 of 10 images")
    prompt = run.suite.prompts.order_by("number")[0]
    image = Sample.objects.filter(run=run)[0].image
    Sample.objects.create(run=run, prompt=prompt, sample=0, image=image)
    expect(page.locator("#run-state")).to_contain_text("9 of 10 images", timeout=10_000)
    assert page.evaluate("window.here") is True
    GenerationRun.objects.filter(pk=run.pk).update(status=RunStatus.DONE)
    expect(page.locator("h1")).to_contain_text("Done", timeout=10_000)


def test_a_zip_is_dropped_sent_and_confirmed(
    page: Page, live_server: LiveServer, link: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    a_suite({"Colors": 2})
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for prompt in range(2):
            archive.writestr(f"{prompt:05d}/0.png", png(prompt))
    path = tmp_path / "images.zip"
    path.write_bytes(buffer.getvalue())
    page.goto(link)
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_load_state()  # before its script is there, the form is sent whole
    page.get_by_label("Generator").fill("imagen")
    page.locator("#id_file").set_input_files(path)
    page.get_by_role("button", name="Upload", exact=True).click()
    expect(page.locator("#upload-problem")).to_contain_text("Run name")  # the one field left empty
    page.get_by_label("Run name").fill("imagen")
    page.get_by_role("button", name="Upload", exact=True).click()
    page.wait_for_url(re.compile(r"/uploads/[0-9a-f-]{36}/"))
    while not upload_check(upload=Upload.objects.get(), seconds=30):
        pass
    page.get_by_role("button", name="Store as a run").click()  # the page turned by itself
    expect(page.locator("h1")).to_contain_text("imagen")
    assert GenerationRun.objects.get().samples.count() == 2


def test_without_scripts_everything_still_works(browser: Browser, live_server: LiveServer, link: str) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(link)
    page.goto(live_server.url + "/suites/")
    page.get_by_label("Known suite").select_option("drawbench-cc0")
    page.get_by_role("button", name="Load").click()
    expect(page.locator("h1")).to_contain_text("drawbench-cc0")
    context.close()


def test_the_report_on_paper(page: Page, live_server: LiveServer, link: str, study: Study) -> None:
    page.goto(link)
    page.goto(live_server.url + "/studies/trial/report/")
    page.emulate_media(media="print")
    expect(page.locator(".site-header")).to_be_hidden()
    expect(page.locator(".simulated").first).to_be_visible()
    expect(page.locator("figure img").first).to_be_visible()
    assert page.pdf().startswith(b"%PDF")


def test_a_score_is_asked_for_and_comes_without_a_reload(
    page: Page, live_server: LiveServer, link: str, study: Study
) -> None:
    run = study.study_runs.all()[0].run
    page.goto(link)
    page.goto(f"{live_server.url}/runs/{run.pk}/")
    page.get_by_role("button", name="Score images").click()
    page.wait_for_load_state()
    page.get_by_label("Metric").select_option("testspread")
    expect(page.get_by_label("Reference")).to_be_visible()
    page.get_by_label("Metric").select_option("testbright")
    expect(page.get_by_label("Scale")).to_have_value("1.0")
    page.get_by_label("Scale").fill("900")
    page.get_by_role("button", name="Score images").click()
    field = page.get_by_label("Scale")
    expect(field).to_have_attribute("aria-invalid", "true")
    field.fill("3")
    page.get_by_role("button", name="Score images").click()
    expect(page.locator("#metric-state")).to_contain_text("waiting for a worker")
    metric_run = MetricRun.objects.get(run=run, parameters__scale=3.0)
    MetricRun.objects.filter(pk=metric_run.pk).update(status=RunStatus.RUNNING, n_done=4)
    expect(page.locator("#metric-state")).to_contain_text("4 of 10 images", timeout=10_000)
    score(metric_run)
    expect(page.locator("h1")).to_contain_text("Done", timeout=10_000)
    expect(page.locator("#spread")).to_be_visible()
    page.get_by_role("link", name="Best first").click()
    expect(page.locator(".gallery li")).to_have_count(10)
