"""Valkey is away: people sign in, pages and the API go on, what needs the queue says so. Nothing is a 500."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator

import pytest
from celery import current_app
from django.contrib.auth.models import User
from django.core.cache import cache, caches
from django.db import InterfaceError, OperationalError
from django.test import Client, RequestFactory
from pytest_django import DjangoCaptureOnCommitCallbacks
from pytest_django.fixtures import Settings
from rest_framework.authtoken.models import Token
from rest_framework.test import APIClient

from drawbench.cache import ValkeyCache, _Client
from evaluation.models import Study
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.invitation import invitation_create
from evaluation.views import errors
from tests.addresses import every_address
from tests.studies.world import an_open_study, enrolled

NOWHERE = "unix:///nonexistent/valkey.sock?db=1"


@pytest.fixture
def away(settings: Settings) -> Iterator[None]:
    """The cache and the queue are asked for at an address where nobody answers."""
    caches_before, _Client._away_until, _Client._is_away = settings.CACHES, 0.0, False
    settings.CACHES = {"default": {"BACKEND": "drawbench.cache.ValkeyCache", "LOCATION": NOWHERE}}
    broker = current_app.conf.broker_url
    current_app.conf.broker_url = "redis+socket:///nonexistent/valkey.sock"
    _forget_connections()
    yield
    current_app.conf.broker_url = broker
    _forget_connections()
    settings.CACHES = caches_before
    _Client._away_until, _Client._is_away = 0.0, False


def _forget_connections() -> None:
    """The application keeps connections; those of another address are not to be used."""
    current_app._pool = None
    current_app.amqp._producer_pool = None


def _addresses(study: Study) -> list[str]:
    """Every address of the platform, filled in with what there is."""
    run = study.study_runs.all()[0].run
    sample = run.samples.all()[0]
    report = report_make(study=study)
    known = {
        "runs/": str(run.pk),
        "suites/": str(run.suite_id),
        "studies/": study.name,
        "reports/": str(report.pk),
        "images/": sample.image.sha256,
        "r/join/": invitation_create(study=study).key,
    }
    return [address for name, address in every_address(known) if not name.startswith("admin:")]


@pytest.mark.django_db
@pytest.mark.usefixtures("away")
def test_no_address_is_a_fault_of_the_server() -> None:
    study = an_open_study()
    rater = enrolled(study)
    user = User.objects.create_user("ada", password="correct horse battery")
    browser = Client(raise_request_exception=False)
    browser.force_login(user)
    browser.cookies["rater"] = rater.session_key
    api = APIClient(raise_request_exception=False)
    api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.create(user=user).key}")
    addresses = [address for address in _addresses(study) if not address.endswith("/sign-out/")]
    assert len(addresses) > 80
    wrong = []
    for address in addresses:
        if address == "/healthz":
            continue
        client = api if address.startswith("/api/") else browser
        for status in (client.get(address).status_code, client.post(address, {}).status_code):
            if status >= 500 and status != 503:
                wrong.append(f"{address}: {status}")
    assert wrong == []
    assert browser.get("/healthz").json() == {"database": True, "broker": False}


@pytest.mark.django_db
@pytest.mark.usefixtures("away")
def test_people_sign_in_and_the_log_says_that_nobody_counts(caplog: pytest.LogCaptureFixture) -> None:
    User.objects.create_user("ada", password="correct horse battery")
    client = Client()
    began = time.monotonic()
    with caplog.at_level(logging.WARNING, "drawbench.cache"):
        for _ in range(12):
            answer = client.post("/sign-in/", {"username": "ada", "password": "correct horse battery"})
            assert answer.status_code == 302
            client.post("/sign-out/")
    assert time.monotonic() - began < 15, "a request does not wait for a server that is away"
    lines = [record.getMessage() for record in caplog.records if record.name == "drawbench.cache"]
    assert len(lines) == 1 and "Valkey does not answer" in lines[0] and "let everybody pass" in lines[0]


@pytest.mark.django_db
@pytest.mark.usefixtures("away")
def test_the_api_goes_on(django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks) -> None:
    study = an_open_study()
    user = User.objects.create_user("ada", password="correct horse battery")
    api = APIClient()
    token = api.post("/api/v1/token/", {"username": "ada", "password": "correct horse battery"})
    assert token.status_code == 200
    api.credentials(HTTP_AUTHORIZATION=f"Token {Token.objects.get(user=user).key}")
    assert api.get(f"/api/v1/studies/{study.name}/").status_code == 200
    assert api.get("/api/v1/runs/").json()["count"] == 2
    began = time.monotonic()
    with django_capture_on_commit_callbacks(execute=True) as queued:
        asked = api.post("/api/v1/runs/", {"suite": study.study_runs.all()[0].run.suite.name, "generator": "cascade"})
    assert asked.status_code == 201 and queued, asked.content
    assert time.monotonic() - began < 10, "the row is there, and a worker's sweep finds it later"


@pytest.mark.usefixtures("local_services")
def test_the_cache_counts_again_once_it_answers(caplog: pytest.LogCaptureFixture) -> None:
    backend = caches["default"]
    assert isinstance(backend, ValkeyCache) and backend.answers()
    _Client._is_away = True
    with caplog.at_level(logging.WARNING, "drawbench.cache"):
        cache.set("again", 1)
        assert cache.incr("again") == 2
    assert [record.getMessage() for record in caplog.records] == ["Valkey answers again: rate limits count again."]
    with pytest.raises(ValueError, match="not found"):
        cache.incr("never-set")


class _Postgres(Exception):
    def __init__(self, pgcode: str | None) -> None:
        super().__init__("from psycopg2")
        self.pgcode = pgcode


@pytest.mark.parametrize(
    ("error", "code", "status"),
    [
        (OperationalError, None, 503),
        (OperationalError, "57P01", 503),
        (OperationalError, "57P03", 503),
        (InterfaceError, None, 503),
        (OperationalError, "53100", 507),
        (ValueError, None, 500),
    ],
)
def test_a_database_that_is_away_is_503(error: type[Exception], code: str | None, status: int) -> None:
    for path in ("/runs/", "/api/v1/runs/"):
        try:
            raise error("gone") from _Postgres(code)
        except error:
            answer = errors.server_error(RequestFactory().get(path))
        assert answer.status_code == status
        assert (answer.headers.get("Retry-After") == "5") == (status == 503)
