"""The researcher's pages: who may see them, what they say, what they cost, and what happens on bad input."""

from __future__ import annotations

import gzip
import re
from pathlib import Path
from urllib.parse import quote

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import URLPattern, reverse
from pytest_django import DjangoAssertNumQueries

from evaluation.models import GenerationRun, Prompt, RunStatus, SampleFailure, Study, Suite
from evaluation.services.suites.load import suite_load
from evaluation.views.researcher.urls import urlpatterns
from tests.studies.world import a_run, a_suite
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

OPEN_TO_ALL = {"sign-in", "sign-in-link", "sign-out"}
EXAMPLES = {
    "pk": 1,
    "key": "6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11",
    "sha256": "0" * 64,
    "name": "trial",
    "number": 0,
    "width": 8,
    "height": 8,
    "suffix": "svg",
}
SUFFIXES = {"study-ratings": "csv", "report-ratings": "csv"}


def address(pattern: URLPattern) -> str:
    names = list(pattern.pattern.converters)
    values = {name: EXAMPLES[name] for name in names}
    if pattern.name in SUFFIXES:
        values["suffix"] = SUFFIXES[pattern.name]
    return reverse(f"researcher:{pattern.name}", kwargs=values)


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_whoever_is_not_signed_in_sees_nothing(client: Client, pattern: URLPattern) -> None:
    if pattern.name in OPEN_TO_ALL:
        return
    for answer in (client.get(address(pattern)), client.post(address(pattern))):
        assert answer.status_code == 302
        assert answer.headers["Location"].startswith(settings.LOGIN_URL)


def test_every_page_of_a_study_on_one_walk(signed_in: Client, rated: Study) -> None:
    run = GenerationRun.objects.first()
    assert run is not None
    for path, expected in {
        "/": "Compare text-to-image models",
        "/suites/": run.suite.name,
        f"/suites/{run.suite_id}/": "Colors prompt 0",
        f"/suites/{run.suite_id}/?category=Counting": "Counting prompt 0",
        "/generators/": "cascade",
        "/runs/": run.name,
        f"/runs/{run.pk}/": "Provenance",
        "/runs/new/": "Generator and parameters",
        "/uploads/new/": "Drop a folder, images or an archive here",
        "/studies/": "Secret title",
        "/studies/new/": "Runs to compare",
        "/studies/trial/": "Invitations",
        "/account/": "API token",
    }.items():
        answer = signed_in.get(path)
        assert answer.status_code == 200, path
        text = answer.content.decode()
        assert expected in text, path
        assert "style=" not in text and "onclick" not in text, f"{path}: the policy forbids inline styles and scripts"
        assert not re.search(r"<script(?![^>]*\bsrc=)", text), path


def test_prompts_are_text_and_never_markup(signed_in: Client, study: Study) -> None:
    suite = study.study_runs.all()[0].run.suite
    for path in (f"/suites/{suite.pk}/", f"/runs/{study.study_runs.all()[0].run_id}/"):
        text = signed_in.get(path).content.decode()
        assert "&amp; &lt;b&gt;" in text and "& <b>" not in text


def test_a_run_says_what_of_its_prompts_its_images_cant_show(signed_in: Client, study: Study) -> None:
    run = study.study_runs.all()[0].run
    address = f"/runs/{run.pk}/"
    assert "never saw in training" not in signed_in.get(address).content.decode()
    sample = run.samples.order_by("prompt__number", "sample")[0]
    sample.provenance = {**sample.provenance, "prompt_words_unseen": "penguin & <b>"}
    with unguarded():
        sample.save(update_fields=["provenance"])
    text = signed_in.get(address).content.decode()
    assert f"could not read: 1 of {run.suite.prompts.count()}." in text
    assert "Not in the training&#x27;s captions: penguin &amp; &lt;b&gt;." in text


def test_simulated_ratings_are_marked_on_every_page_that_shows_them(signed_in: Client, rated: Study) -> None:
    assert "simulated" in signed_in.get("/").content.decode()
    assert "simulated" in signed_in.get("/studies/").content.decode()
    assert "SIMULATED." in signed_in.get("/studies/trial/").content.decode()
    assert "simulated</small>" in signed_in.get("/studies/trial/state/").content.decode()
    assert "SIMULATED." in signed_in.get("/studies/trial/report/", follow=True).content.decode()


# --- Empty states ---------------------------------------------------------------------------------------------------


def test_an_empty_server_says_what_to_do_first(signed_in: Client) -> None:
    home = signed_in.get("/").content.decode()
    assert re.search(r'class="next">\s*<div><strong>A suite of prompts', home)
    assert "Start with" in signed_in.get("/suites/").content.decode()
    assert "No runs yet" in signed_in.get("/runs/").content.decode()
    assert "Load a suite first" in signed_in.get("/runs/new/").content.decode()
    assert "Load a suite first" in signed_in.get("/uploads/new/").content.decode()
    assert "Render two runs first" in signed_in.get("/studies/new/").content.decode()
    assert "There are fewer than two so far" in signed_in.get("/studies/").content.decode()


def test_the_next_step_moves_on(signed_in: Client) -> None:
    suite = a_suite()
    assert re.search(r'class="next">\s*<div><strong>Two or more runs', signed_in.get("/").content.decode())
    a_run(suite, "one")
    a_run(suite, "two")
    assert re.search(r'class="next">\s*<div><strong>A study', signed_in.get("/").content.decode())


def test_a_report_without_ratings_says_what_to_do(signed_in: Client, study: Study) -> None:
    text = signed_in.get("/studies/trial/report/", follow=True).content.decode()
    assert "No ratings yet" in text and "Send an invitation link" in text
    assert "Compute it again" not in text


# --- Suites ---------------------------------------------------------------------------------------------------------


def test_a_known_suite_is_loaded_once(signed_in: Client) -> None:
    answer = signed_in.post("/suites/", {"known": "drawbench-cc0"}, follow=True)
    assert "200</span>" in answer.content.decode()
    again = signed_in.post("/suites/", {"known": "drawbench-cc0"}, follow=True)
    assert "was loaded before" in again.content.decode()
    assert Suite.objects.count() == 1


def test_a_suite_from_a_file(signed_in: Client) -> None:
    file = SimpleUploadedFile("mine.csv", b"Prompts,Category\nA cat,Animals\nA red cube,Shapes\n")
    answer = signed_in.post("/suites/", {"file": file, "licence": "CC0"}, follow=True)
    assert "A red cube" in answer.content.decode()
    assert Prompt.objects.count() == 2


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (b"Prompts,Category\nA cat,Animals\nA cat,Animals\n", "A cat"),
        (b"Prompts,Category\n\xff\xfe\x00,\xc3\n", ""),
        (b"", ""),
        (b"\x89PNG\r\n\x1a\n\0\0\0", ""),
    ],
)
def test_a_broken_suite_is_refused_beside_its_field(signed_in: Client, data: bytes, said: str) -> None:
    answer = signed_in.post("/suites/", {"file": SimpleUploadedFile("mine.csv", data)})
    text = answer.content.decode()
    assert answer.status_code == 422 and said in text
    assert re.search(r'<p class="error" id="id_file-error">', text)
    assert Suite.objects.count() == 0


def test_one_source_is_needed(signed_in: Client) -> None:
    answer = signed_in.post("/suites/", {})
    assert answer.status_code == 422 and "either a known suite or a file" in answer.content.decode()


# --- Runs -----------------------------------------------------------------------------------------------------------


def new_run(suite: Suite, **given: object) -> dict[str, object]:
    return {
        "suite": suite.pk,
        "generator": "cascade",
        "size": 64,
        "samples_per_prompt": 2,
        "run_seed": 7,
        "parameter-guidance": 5,
        "parameter-sampler": "ddim",
        "parameter-thresholding": "dynamic",
    } | given


def test_a_run_is_made_with_its_parameters(signed_in: Client, ada: User) -> None:
    suite = a_suite()
    answer = signed_in.post("/runs/new/", new_run(suite, name="cascade w5"))
    run = GenerationRun.objects.get()
    assert answer.headers["Location"] == f"/runs/{run.pk}/"
    assert (run.name, run.run_seed, run.width, run.height, run.samples_per_prompt) == ("cascade w5", 7, 64, 64, 2)
    assert run.parameters["guidance"] == 5.0 and run.parameters["sampler"] == "ddim"
    assert run.created_by == ada


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"parameter-guidance": 500}, "parameter-guidance", "30 or less"),
        ({"parameter-guidance": "much"}, "parameter-guidance", "number"),
        ({"parameter-sampler": "euler"}, "parameter-sampler", "euler"),
        ({"samples_per_prompt": 0}, "samples_per_prompt", "1 or more"),
        ({"run_seed": -1}, "run_seed", "0 or more"),
        ({"name": "<b>"}, "name", "can&#x27;t be the name of a run"),
        ({"suite": 999_999}, "suite", "not in the list"),
        ({"size": 100}, "size", "100"),
    ],
)
def test_bad_values_are_told_beside_their_fields(
    signed_in: Client, given: dict[str, object], field: str, said: str
) -> None:
    answer = signed_in.post("/runs/new/", new_run(a_suite()) | given)
    assert answer.status_code == 422
    error = re.search(rf'id="id_{field}-error">(.*?)</p>', answer.content.decode())
    assert error and said in error[1]
    assert f'aria-describedby="id_{field}' in answer.content.decode()
    assert not GenerationRun.objects.exists()


def test_an_unknown_generator_names_the_nearest(signed_in: Client) -> None:
    answer = signed_in.get("/runs/new/?generator=cascad")
    assert answer.status_code == 400 and "did you mean &quot;cascade&quot;?" in answer.content.decode()


def test_a_rivals_form_is_filled(signed_in: Client) -> None:
    suite = a_suite()
    query = f"generator=cascade&suite={suite.pk}&run_seed=42&parameter-guidance=5.0"
    text = signed_in.get(f"/runs/new/?{query}").content.decode()
    assert 'value="42"' in text and re.search(r'name="parameter-guidance" value="5.0"', text)


def test_a_run_under_way_asks_for_its_state_and_reloads_at_its_end(signed_in: Client) -> None:
    run = a_run(a_suite(), "slow", status=RunStatus.RUNNING, without=[(0, 0)])
    text = signed_in.get(f"/runs/{run.pk}/").content.decode()
    assert f'hx-get="/runs/{run.pk}/state/"' in text and "pending" in text
    state = signed_in.get(f"/runs/{run.pk}/state/")
    assert "HX-Refresh" not in state.headers and "<strong>9</strong> of 10 images" in state.content.decode()
    GenerationRun.objects.update(status=RunStatus.DONE)
    assert signed_in.get(f"/runs/{run.pk}/state/").headers["HX-Refresh"] == "true"


def test_stopping_going_on_and_trying_again(signed_in: Client) -> None:
    run = a_run(a_suite(), "slow", status=RunStatus.RUNNING, without=[(0, 0)])
    signed_in.post(f"/runs/{run.pk}/cancel/")
    run.refresh_from_db()
    assert run.status == RunStatus.CANCELLED
    again = signed_in.post(f"/runs/{run.pk}/cancel/", follow=True)
    assert "has ended already" in again.content.decode()
    SampleFailure.objects.create(
        run=run, prompt=run.suite.prompts.order_by("number")[0], sample=0, kind="timeout", message="60 s are over"
    )
    text = signed_in.get(f"/runs/{run.pk}/").content.decode()
    assert "60 s are over" in text and "Retry failed samples" in text
    signed_in.post(f"/runs/{run.pk}/retry/")
    run.refresh_from_db()
    assert run.status == RunStatus.QUEUED


def test_images_are_for_researchers_alone_and_keep(signed_in: Client, study: Study) -> None:
    sample = study.study_runs.all()[0].run.samples.select_related("image").first()
    assert sample is not None
    for path, kind in ((f"/images/{sample.image.sha256}/", "png"), (f"/images/{sample.image.sha256}/small/", "webp")):
        answer = signed_in.get(path)
        assert answer.status_code == 200 and answer.headers["Content-Type"] == f"image/{kind}"
        assert "immutable" in answer.headers["Cache-Control"] and "private" in answer.headers["Cache-Control"]
        assert answer.headers["Content-Security-Policy"] == "default-src 'none'; sandbox"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert len(b"".join(answer)) > 50
        assert Client().get(path).status_code == 302
    assert signed_in.get(f"/images/{'0' * 64}/").status_code == 404


def test_the_addresses_of_images_lead_nowhere_else(signed_in: Client) -> None:
    for path in ("/images/../settings.py/", "/images/" + quote("../../etc/passwd", safe="") + "/", "/images/ab/small/"):
        assert signed_in.get(path).status_code == 404


# --- Cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/", 16),
        ("/suites/", 6),
        ("/runs/", 9),
        ("/runs/{run}/", 15),
        ("/runs/{run}/state/", 7),
        ("/studies/", 7),
        ("/studies/trial/", 18),
        ("/studies/trial/state/", 9),
        ("/runs/new/", 6),
        ("/studies/new/", 8),
    ],
)
def test_queries_do_not_grow_with_the_rows(
    signed_in: Client, rated: Study, django_assert_max_num_queries: DjangoAssertNumQueries, path: str, most: int
) -> None:
    suite = a_suite(name="more")
    for number in range(6):
        a_run(suite, f"more-{number}", samples=1)
        a_suite(name=f"other-{number}")
    path = path.format(run=rated.study_runs.all()[0].run_id)
    with django_assert_max_num_queries(most):
        assert signed_in.get(path).status_code == 200


def test_what_a_page_weighs(signed_in: Client, rated: Study) -> None:
    """Bytes of the page and of what every page loads, not compressed (a browser gets a quarter of the text)."""
    shared = 0
    for name in ("vendor/pico-2.1.1.min.css", "evaluation/site/site.css", "evaluation/site/site.js",
                 "django_htmx/htmx-2.min.js"):  # fmt: skip
        found = finders.find(name)
        assert isinstance(found, str)
        shared += len(gzip.compress(Path(found).read_bytes()))
    assert shared < 45_000
    for path, most in (("/", 15_000), ("/studies/trial/", 30_000), ("/studies/trial/report/", 60_000)):
        assert len(signed_in.get(path, follow=True).content) < most, path


# --- Faults ---------------------------------------------------------------------------------------------------------


def test_plain_pages_for_what_went_wrong(signed_in: Client) -> None:
    for path in ("/nothing/", "/runs/999999/", "/suites/99999999999999999999999/", "/reports/1/figure-7.svg"):
        answer = signed_in.get(path)
        assert answer.status_code == 404 and "Page not found" in answer.content.decode(), path
    missing = signed_in.get("/studies/none/")
    assert missing.status_code == 404 and "no study called" in missing.content.decode()


def test_a_form_without_its_token_is_refused_kindly(ada: User) -> None:
    strict = Client(enforce_csrf_checks=True)
    strict.force_login(ada)
    answer = strict.post("/suites/", {"known": "drawbench-cc0"})
    assert answer.status_code == 403
    assert "This page has expired" in answer.content.decode()


def test_a_fault_of_ours_shows_no_traceback(ada: User, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*_: object) -> None:
        raise RuntimeError("the secret of the engine")

    monkeypatch.setattr("evaluation.views.researcher.home.overview", broken)
    client = Client(raise_request_exception=False)
    client.force_login(ada)
    answer = client.get("/")
    text = answer.content.decode()
    assert answer.status_code == 500 and "Server error" in text
    assert "secret" not in text and "Traceback" not in text


def test_suites_that_are_loaded_by_name_come_from_names_alone(signed_in: Client) -> None:
    answer = signed_in.post("/suites/", {"known": "/etc/passwd"})
    assert answer.status_code == 422 and not Suite.objects.exists()
    assert suite_load(source="drawbench-cc0").created
