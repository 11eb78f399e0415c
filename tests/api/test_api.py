"""The API: signing in, every noun, errors in one form, queries that do not grow."""

from __future__ import annotations

import io
import zipfile

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.urls import URLPattern, reverse
from pytest_django import DjangoAssertNumQueries
from rest_framework.test import APIClient

from evaluation.api.urls import urlpatterns
from evaluation.models import (
    GenerationRun,
    Invitation,
    Report,
    RunStatus,
    SampleFailure,
    Study,
    StudyStatus,
    Suite,
    Upload,
)
from evaluation.services.accounts.api_token import api_token_rotate
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.uploads.check import upload_check
from tests.studies.world import a_run, a_suite, an_open_study, png

pytestmark = pytest.mark.django_db

V1 = "/api/v1"
OPEN_TO_ALL = {"token", "schema", "docs"}
EXAMPLES = {"pk": 1, "key": "6f1d3c9a-6c0e-5f0b-9d0a-3c5f1f6f2a11", "sha256": "0" * 64, "name": "trial"}


@pytest.mark.parametrize("pattern", urlpatterns, ids=lambda pattern: pattern.name)
def test_nothing_without_a_token(pattern: URLPattern) -> None:
    if pattern.name in OPEN_TO_ALL:
        return
    address = reverse(f"api:{pattern.name}", kwargs={name: EXAMPLES[name] for name in pattern.pattern.converters})
    for answer in (APIClient().get(address), APIClient().post(address)):
        assert answer.status_code == 401 and answer.json()["detail"]


def test_signing_in_for_a_token(ada: User) -> None:
    cache.clear()
    wrong = APIClient().post(f"{V1}/token/", {"username": "ada", "password": "no"})
    assert (
        wrong.status_code == 401
        and wrong.headers["WWW-Authenticate"] == "Token"
        and "credentials" in wrong.json()["detail"]
    )
    token = APIClient().post(f"{V1}/token/", {"username": "ada", "password": "engine-of-1843"}).json()["token"]
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    assert client.get(f"{V1}/suites/").status_code == 200
    api_token_rotate(user=ada)
    assert client.get(f"{V1}/suites/").status_code == 401


def test_guessing_passwords_is_slow() -> None:
    cache.clear()
    codes = [APIClient().post(f"{V1}/token/", {"username": "ada", "password": str(n)}).status_code for n in range(12)]
    assert codes[0] == 401 and codes[-1] == 429
    cache.clear()


# --- Suites and generators ------------------------------------------------------------------------------------------


def test_suites(api: APIClient) -> None:
    made = api.post(f"{V1}/suites/", {"known": "drawbench-cc0"}, format="json")
    assert made.status_code == 201 and made.json()["n_prompts"] == 200 and made.json()["categories"]["Colors"] == 25
    assert api.post(f"{V1}/suites/", {"known": "drawbench-cc0"}, format="json").status_code == 200
    listed = api.get(f"{V1}/suites/").json()
    assert listed["count"] == 1 and listed["results"][0]["n_categories"] == 11
    pk = made.json()["id"]
    prompts = api.get(f"{V1}/suites/{pk}/prompts/?category=Counting&limit=5").json()
    assert prompts["count"] == 19 and len(prompts["results"]) == 5
    assert set(prompts["results"][0]) == {"prompt_id", "number", "text", "category", "attributes"}


def test_a_suite_from_a_file(api: APIClient) -> None:
    file = SimpleUploadedFile("mine.csv", b"Prompts,Category\nA cat,Animals\n")
    assert api.post(f"{V1}/suites/", {"file": file}, format="multipart").json()["name"] == "mine"
    broken = SimpleUploadedFile("mine.csv", b"Prompts,Category\nA cat,Animals\nA cat,Animals\n")
    answer = api.post(f"{V1}/suites/", {"file": broken}, format="multipart")
    assert answer.status_code == 400 and "A cat" in answer.json()["detail"]


@pytest.mark.parametrize(
    ("given", "code", "said"),
    [
        ({}, 400, "one of `known`, `file`"),
        ({"known": "drawbench-cc"}, 404, 'did you mean "drawbench-cc0"?'),
        ({"known": "/etc/passwd"}, 404, "Known:"),
    ],
)
def test_suites_that_cannot_be_loaded(api: APIClient, given: dict[str, str], code: int, said: str) -> None:
    answer = api.post(f"{V1}/suites/", given, format="json")
    assert answer.status_code == code and said in answer.json()["detail"]


def test_generators(api: APIClient) -> None:
    listed = {each["name"]: each for each in api.get(f"{V1}/generators/").json()}
    guidance = next(each for each in listed["cascade"]["parameters"] if each["name"] == "guidance")
    assert guidance["kind"] == "float" and guidance["low"] == 1.0 and listed["cascade"]["sizes"] == [64, 256, 1024]
    assert api.get(f"{V1}/generators/cascade/").json() == listed["cascade"]
    answer = api.get(f"{V1}/generators/cascad/")
    assert answer.status_code == 404 and 'did you mean "cascade"?' in answer.json()["detail"]


# --- Runs -----------------------------------------------------------------------------------------------------------


def test_a_run_is_made_watched_and_stopped(api: APIClient, ada: User) -> None:
    a_suite()
    given = {"suite": "small", "generator": "cascade", "parameters": {"guidance": 5}, "size": 64, "name": "w5"}
    made = api.post(f"{V1}/runs/", given, format="json")
    assert made.status_code == 201, made.json()
    run = GenerationRun.objects.get()
    assert made.json()["parameters"]["guidance"] == 5.0 and run.created_by == ada
    base = f"{V1}/runs/{run.pk}/"
    progress = api.get(f"{base}progress/").json()
    assert progress == {
        "status": "queued",
        "expected": 40,
        "made": 0,
        "failed": 0,
        "samples_per_minute": None,
        "seconds_left": None,
        "expected_usd": None,
        "spent_usd": 0.0,
    }
    assert api.post(f"{base}pause/").json()["status"] == "paused"
    assert api.post(f"{base}pause/").status_code == 409
    assert api.post(f"{base}resume/").json()["status"] == "queued"
    assert api.post(f"{base}cancel/").json()["status"] == "cancelled"
    again = api.post(f"{base}cancel/")
    assert again.status_code == 409 and "ended already" in again.json()["detail"]
    assert api.post(f"{base}resume/").json()["status"] == "queued"
    assert api.get(f"{V1}/runs/?name=w5").json()["count"] == 1 and api.get(f"{V1}/runs/?name=w").json()["count"] == 0


@pytest.mark.parametrize(
    ("given", "code", "field", "said"),
    [
        ({"suite": "smal"}, 404, "suite", 'did you mean "small"?'),
        ({"generator": "cascad"}, 400, "generator", 'did you mean "cascade"?'),
        ({"parameters": {"guidnce": 1}}, 400, "parameters", 'did you mean "guidance"?'),
        ({"parameters": {"guidance": 500}}, 400, "parameters", "from 1 to 30"),
        ({"size": 100}, 400, "size", "64 x 64, 256 x 256, 1024 x 1024"),
        ({"samples_per_prompt": 0}, 400, "samples_per_prompt", "between 1 and 1,000"),
        ({"samples_per_prompt": "many"}, 400, "samples_per_prompt", "integer"),
        ({"parameters": [1]}, 400, "parameters", "dictionary"),
    ],
)
def test_runs_that_cannot_be(api: APIClient, given: dict[str, object], code: int, field: str, said: str) -> None:
    a_suite()
    answer = api.post(f"{V1}/runs/", {"suite": "small", "generator": "cascade"} | given, format="json")
    assert answer.status_code == code, answer.json()
    assert answer.json()["field"] == field and said in answer.json()["detail"]
    assert not GenerationRun.objects.exists()


def test_samples_images_and_failures(api: APIClient) -> None:
    run = a_run(a_suite(), "one", without=[(0, 1)])
    SampleFailure.objects.create(run=run, prompt=run.suite.prompts.order_by("number")[0], sample=1, kind="refused")
    samples = api.get(f"{V1}/runs/{run.pk}/samples/").json()
    assert samples["count"] == 9
    first = samples["results"][0]
    image = api.get(first["image"])
    assert image.headers["Content-Type"] == "image/png" and image.headers["X-Content-Type-Options"] == "nosniff"
    assert len(b"".join(image)) == first["n_bytes"]
    assert api.get(f"{V1}/runs/{run.pk}/samples/?prompt_id=00001").json()["count"] == 2
    assert api.get(f"{V1}/runs/{run.pk}/failures/").json()["results"][0]["kind"] == "refused"
    assert api.post(f"{V1}/runs/{run.pk}/retry/").json()["status"] == RunStatus.QUEUED
    assert api.get(f"{V1}/runs/999999/").status_code == 404


# --- Uploads --------------------------------------------------------------------------------------------------------


def zipped(files: dict[str, bytes]) -> SimpleUploadedFile:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return SimpleUploadedFile("images.zip", buffer.getvalue())


def test_an_upload_becomes_a_run(api: APIClient) -> None:
    a_suite({"Colors": 2})
    files = {f"{prompt:05d}/{sample}.png": png(10 * prompt + sample) for prompt in range(2) for sample in range(2)}
    file = zipped(files | {"broken.png": b"x"})
    given = {"suite": "small", "run_name": "imagen", "generator": "imagen", "file": file}
    made = api.post(f"{V1}/uploads/", given, format="multipart")
    assert made.status_code == 201 and made.json()["status"] == "checking", made.json()
    base = f"{V1}/uploads/{made.json()['key']}/"
    early = api.post(f"{base}confirm/", {}, format="json")
    assert early.status_code == 409
    while not upload_check(upload=Upload.objects.get(), seconds=30):
        pass
    assert api.get(base).json()["status"] == "ready"
    table = api.get(f"{base}table/").json()
    assert table["count"] == 5 and api.get(f"{base}table/?problems=true").json()["count"] == 1
    refused = api.post(f"{base}confirm/", {}, format="json")
    assert refused.status_code == 400 and refused.json()["field"] == "ignore_problems"
    assert refused.json()["details"]["problems"][0][0] == "broken.png"
    assert api.post(f"{base}match/", {"layout": "sideways"}, format="json").status_code == 400
    run = api.post(f"{base}confirm/", {"ignore_problems": True}, format="json")
    assert run.status_code == 200 and run.json()["origin"] == "uploaded", run.json()
    assert api.post(f"{base}confirm/", {}, format="json").json()["id"] == run.json()["id"]
    assert api.post(f"{base}drop/").status_code == 409


def test_an_upload_that_is_no_zip(api: APIClient) -> None:
    a_suite()
    given = {"suite": "small", "run_name": "x", "generator": "x", "file": SimpleUploadedFile("x.zip", b"no")}
    answer = api.post(f"{V1}/uploads/", given, format="multipart")
    assert answer.status_code == 400 and "is not a zip" in answer.json()["detail"]
    assert api.get(f"{V1}/uploads/{EXAMPLES['key']}/").status_code == 404


# --- Studies --------------------------------------------------------------------------------------------------------


def test_a_study_from_draft_to_results(api: APIClient) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    given = {"name": "mine", "runs": ["one", "two"], "labels": ["x", "y"], "raters_per_panel": 4}
    made = api.post(f"{V1}/studies/", given, format="json")
    assert made.status_code == 201, made.json()
    assert made.json()["status"] == "draft" and made.json()["specification"]["protocol"]["name"] == "drawbench"
    base = f"{V1}/studies/mine/"
    assert api.post(f"{base}open/").json()["specification_hash"]
    assert api.post(f"{base}open/").status_code == 409
    invited = api.post(f"{base}invitations/", {"label": "lab", "max_raters": 2}, format="json")
    assert invited.status_code == 201 and invited.json()["url"].endswith(
        f"/r/join/{Invitation.objects.latest('pk').key}"
    )
    links = api.get(f"{base}invitations/").json()
    assert links["count"] == 2, "opening made the first"
    empty = api.get(f"{base}results/").json()
    assert empty["comparisons"] == [] and empty["notes"] == ["There are no ratings yet."]
    raters_simulate(study=Study.objects.get(), share=0.5, seed=0)
    progress = api.get(f"{base}progress/").json()
    assert progress["ratings_made"] == progress["ratings_simulated"] > 0
    assert [panel["panel"] for panel in progress["panels"]] == ["Colors", "Counting"]
    results = api.get(f"{base}results/").json()
    assert results["schema"] == "drawbench-analysis/1" and results["simulated"] is True
    assert results["report"]["study"] == "mine" and len(results["comparisons"]) == 2
    assert {"agreement", "rankings", "side_bias", "version"} <= set(results)
    assert {"words", "by_estimand", "decided", "p_value"} <= set(results["comparisons"][0]["overall"])
    kept = Report.objects.get(pk=results["report"]["id"]).results
    assert {name: results[name] for name in kept} == kept, "the document that the report page shows"
    csv = api.get(f"{base}ratings/")
    assert csv.headers["Content-Type"].startswith("text/csv") and b"simulated" in csv.getvalue().splitlines()[0]
    assert api.get(f"{base}ratings/?as=parquet").content.startswith(b"PAR1")
    assert api.get(f"{base}ratings/?as=xlsx").json()["field"] == "as"
    assert api.post(f"{base}close/").json()["status"] == StudyStatus.CLOSED
    listed = api.get(f"{V1}/studies/").json()["results"][0]
    assert listed["n_ratings"] == listed["n_simulated"] == progress["ratings_made"]
    assert listed["runs"] == [{"label": "x", "run": "one"}, {"label": "y", "run": "two"}]


@pytest.mark.parametrize(
    ("query", "field"),
    [("level=high", "level"), ("level=2", "level"), ("estimand=rater", "estimand"), ("seed=1", "seed"),
     ("include_simulated=maybe", "include_simulated")],
)  # fmt: skip
def test_settings_of_results_that_cannot_be(api: APIClient, query: str, field: str) -> None:
    an_open_study()
    answer = api.get(f"{V1}/studies/trial/results/?{query}")
    assert answer.status_code == 400 and answer.json()["field"] == field


def test_a_study_declares_a_stopping_rule(api: APIClient) -> None:
    suite = a_suite()
    for name in ("one", "two"):
        a_run(suite, name)
    given = {"name": "mine", "runs": ["one", "two"], "raters_per_panel": 8}
    for rule, field, words in (
        ({"half_with": 0.1}, "stopping_rule", 'did you mean "half_width"'),
        ({"margin": 5}, "stopping_rule.margin", "0.1 is ten points"),
        ({"max_raters": 17}, "stopping_rule.max_raters", "between 2 and 16"),
        ({"alpha": 0.9}, "stopping_rule.alpha", "0.05 gives 95 % intervals"),
    ):
        answer = api.post(f"{V1}/studies/", {**given, "stopping_rule": rule}, format="json")
        assert answer.status_code == 400, rule
        assert answer.json()["field"] == field and words in answer.json()["detail"], answer.json()
    for odd in ([1], "soon", 3, {"max_raters": "many"}, {"margin": [1]}, {"alpha": "nan"}):
        assert api.post(f"{V1}/studies/", {**given, "stopping_rule": odd}, format="json").status_code == 400, odd
    made = api.post(f"{V1}/studies/", {**given, "stopping_rule": {"margin": 0.1, "alpha": None}}, format="json")
    assert made.status_code == 201, made.json()
    declared: dict[str, object] = {"max_raters": 16, "min_raters": 5, "margin": 0.1, "half_width": None, "alpha": 0.05}
    declared["method"] = "betting"
    assert made.json()["specification"]["stopping_rule"] == declared
    api.post(f"{V1}/studies/mine/open/")
    told = api.get(f"{V1}/studies/mine/results/").json()["stopping_rule"]
    conditions = told.pop("conditions")
    assert [each["name"] for each in conditions] == ["order", "trials", "panels", "estimand"]
    assert told == {"rule": declared, "n_raters": 0, "stop": False, "lines": []}
    plain = api.post(f"{V1}/studies/", {**given, "name": "plain", "stopping_rule": None}, format="json")
    assert "stopping_rule" not in plain.json()["specification"]
    assert "stopping_rule" not in api.get(f"{V1}/studies/plain/results/").json()


def test_studies_that_cannot_be(api: APIClient) -> None:
    a_run(a_suite(), "one")
    answer = api.post(f"{V1}/studies/", {"name": "mine", "runs": ["one", "tow"]}, format="json")
    assert answer.status_code == 404 and answer.json()["field"] == "run"
    answer = api.post(f"{V1}/studies/", {"name": "mine", "runs": ["one"]}, format="json")
    assert answer.status_code == 400 and "2 runs or more" in answer.json()["detail"]
    answer = api.post(f"{V1}/studies/", {"name": "mine", "runs": ["one", "two"], "missing": "skip"}, format="json")
    assert answer.status_code == 400 and answer.json()["field"] == "missing"
    assert '"skip" is not allowed; choose one of refuse, drop-prompts, smaller-sets.' in answer.json()["detail"]
    assert api.get(f"{V1}/studies/none/").json()["detail"].startswith('Unknown study "none"')


# --- Cost -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("path", "most"),
    [
        ("/suites/", 3),
        ("/runs/", 3),
        ("/studies/", 5),
        ("/runs/{run}/samples/", 4),
        ("/runs/{run}/progress/", 5),
        ("/suites/{suite}/prompts/", 4),
        ("/studies/trial/", 5),
        ("/studies/trial/progress/", 3),
    ],
)
def test_queries_do_not_grow_with_the_rows(
    api: APIClient, django_assert_max_num_queries: DjangoAssertNumQueries, path: str, most: int
) -> None:
    study = an_open_study(labels=("a", "b", "c"))
    run = study.study_runs.all()[0].run
    with django_assert_max_num_queries(most):
        assert api.get(V1 + path.format(run=run.pk, suite=run.suite_id)).status_code == 200


def test_lists_come_in_pages_of_bounded_size(api: APIClient) -> None:
    Suite.objects.bulk_create(
        Suite(name=f"s{number}", version_hash=f"{number:064d}", content_hash="c" * 64) for number in range(120)
    )
    first = api.get(f"{V1}/suites/").json()
    assert first["count"] == 120 and len(first["results"]) == 100 and "offset=100" in first["next"]
    assert len(api.get(f"{V1}/suites/?limit=1000000").json()["results"]) == 120
