"""The addresses that are answered before Django: the same answers, and nothing that Django would refuse."""

from __future__ import annotations

import io
import json
from collections.abc import Callable, Iterable
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.core.handlers.wsgi import WSGIHandler
from django.db import IntegrityError, connection, connections, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from pytest_django.fixtures import Settings

from drawbench.shown import IMAGE_HEADERS
from evaluation.models import Rater, Rating, Study, StudyImage
from evaluation.services.rating.finish import rater_withdraw
from evaluation.services.store.shown import shown_path
from evaluation.services.studies.open import study_close
from evaluation.views.rater.hot import before
from tests.studies.world import an_open_study, enrolled

pytestmark = pytest.mark.django_db

HOST = "testserver"
TOKEN = "a" * 32


class Server:
    """The application behind the hot addresses; `passed`: the requests that Django was given."""

    def __init__(self) -> None:
        self.passed: list[str] = []
        django = WSGIHandler()

        def application(environ: dict[str, Any], start_response: Callable[..., Any]) -> Iterable[bytes]:
            self.passed.append(environ["PATH_INFO"])
            return django(environ, start_response)

        self.application = before(application)

    def ask(self, method: str, path: str, body: bytes = b"", **changes: Any) -> tuple[str, dict[str, str], bytes]:
        path, _, query = path.partition("?")
        environ: dict[str, Any] = {
            "REQUEST_METHOD": method,
            "PATH_INFO": path,
            "QUERY_STRING": query,
            "SERVER_NAME": HOST,
            "SERVER_PORT": "80",
            "HTTP_HOST": HOST,
            "HTTP_SEC_FETCH_SITE": "same-origin",
            "wsgi.url_scheme": "http",
            "wsgi.input": io.BytesIO(body),
            "REMOTE_ADDR": "127.0.0.1",
        }
        if method == "POST":
            environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"}
        environ |= changes
        environ = {name: value for name, value in environ.items() if value is not None}
        told: list[Any] = []
        answer = self.application(environ, lambda status, headers, *_: told.extend((status, headers)))
        data = b"".join(answer)
        return told[0], dict(told[1]), data


class Rated:
    """A rater on a study, and the server."""

    def __init__(self, study: Study) -> None:
        enrolment = enrolled(study)
        self.study, self.rater, self.cookie = study, enrolment.rater, f"rater={enrolment.session_key}"
        self.server = Server()

    def next(self, query: str = "", **changes: Any) -> tuple[str, dict[str, str], bytes]:
        path = f"/r/next?rater={self.rater.key}{query}"
        return self.server.ask("GET", path, **{"HTTP_COOKIE": self.cookie} | changes)

    def rate(self, answers: list[dict[str, Any]], more: dict[str, Any] | None = None, **changes: Any) -> Any:
        body = json.dumps({"rater": str(self.rater.key), "answers": answers} | (more or {})).encode()
        page: dict[str, Any] = {
            "HTTP_COOKIE": f"{settings.CSRF_COOKIE_NAME}={TOKEN}; {self.cookie}",
            "HTTP_X_CSRFTOKEN": TOKEN,
        }
        return self.server.ask("POST", "/r/rate", body, **page | changes)

    def answers(self) -> list[dict[str, Any]]:
        trial = json.loads(self.next()[2])["trials"][0]
        self.server.passed.clear()
        common = {"assignment": trial["assignment"], "response_time_ms": 5, "submission": str(uuid4())}
        return [{**common, "question": question, "choice": "left"} for question in ("fidelity", "alignment")]


@pytest.fixture
def rated(monkeypatch: pytest.MonkeyPatch) -> Rated:
    monkeypatch.setattr(connections["default"], "close_if_unusable_or_obsolete", lambda: None)  # the test's own
    return Rated(an_open_study({"Colors": 6}, raters_per_panel=2))


def test_what_goes_well_never_reaches_django_and_reads_as_if_it_had(rated: Rated) -> None:
    client = Client(headers={"host": HOST})
    client.cookies["rater"] = rated.cookie.removeprefix("rater=")
    for query in ("", "&after=0", "&after=-1", "&after=99"):
        status, headers, body = rated.next(query)
        usual = client.get(f"/r/next?rater={rated.rater.key}{query}")
        assert status == "200 OK" and json.loads(body) == usual.json()
        assert headers == dict(usual.headers.items())
    answers = rated.answers()
    status, headers, body = rated.rate(answers)
    again = client.post("/r/rate", {"rater": str(rated.rater.key), "answers": answers}, "application/json")
    assert status == "200 OK" and headers.keys() == again.headers.keys()
    assert [each["status"] for each in json.loads(body)["answers"]] == ["saved", "saved"]
    assert [each["status"] for each in again.json()["answers"]] == ["repeated", "repeated"]
    assert rated.server.passed == [] and Rating.objects.count() == 2


def test_an_answer_brings_the_next_trials_where_it_says_how_far_it_is(rated: Rated) -> None:
    told = json.loads(rated.rate(rated.answers(), {"after": 1})[2])
    assert [each["position"] for each in told["trials"]] == [2, 3]
    assert (told["total"], told["finished"]) == (6, False)
    assert "trials" not in json.loads(rated.rate(rated.answers())[2])
    assert json.loads(rated.rate(rated.answers(), {"after": 99})[2])["trials"] == []


@pytest.mark.parametrize(
    "changes",
    [
        {"HTTP_SEC_FETCH_SITE": "cross-site"},
        {"HTTP_SEC_FETCH_SITE": "same-site"},
        {"HTTP_SEC_FETCH_SITE": "none"},
        {"HTTP_SEC_FETCH_SITE": None},
        {"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": "http://other.example"},
        {"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": f"https://{HOST}"},
        {"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": "null"},
    ],
)
def test_a_forged_request_is_djangos_to_refuse(rated: Rated, changes: dict[str, Any]) -> None:
    status, _, _ = rated.rate(rated.answers(), **{"HTTP_X_CSRFTOKEN": None} | changes)
    assert status.startswith("403") and rated.server.passed == ["/r/rate"] and not Rating.objects.exists()


def test_the_origin_counts_where_a_browser_says_nothing_else(rated: Rated) -> None:
    changes: dict[str, Any] = {"HTTP_SEC_FETCH_SITE": None, "HTTP_ORIGIN": f"http://{HOST}"}
    assert rated.rate(rated.answers(), **changes)[0] == "200 OK" and rated.server.passed == []


@pytest.mark.parametrize(
    ("changes", "status"),
    [
        ({"HTTP_HOST": "evil.example"}, "400"),
        ({"HTTP_COOKIE": "rater=nobody"}, "403"),
        ({"HTTP_COOKIE": None}, "403"),
        ({"HTTP_COOKIE": "rater=x; other=\x00"}, "400"),
        ({"QUERY_STRING": "rater=1"}, "400"),
        ({"QUERY_STRING": ""}, "400"),
        ({"REQUEST_METHOD": "PUT"}, "403"),
    ],
)
def test_what_is_not_as_the_page_sends_it_is_djangos(rated: Rated, changes: dict[str, Any], status: str) -> None:
    assert rated.next(**changes)[0].startswith(status) and rated.server.passed == ["/r/next"]


def test_errors_are_djangos_and_change_nothing(rated: Rated) -> None:
    answers = rated.answers()
    for change in ({"choice": "lefft"}, {"question": "beauty"}, {"assignment": 0}, {"response_time_ms": -1}):
        status, _, body = rated.rate([{**answers[0], **change}])
        assert status[0] == "4" and "message" in json.loads(body).get("error", {"message": ""})
    for bad in (b"", b"[]", b"{", b'{"rater": 1}', b"\xff"):
        assert rated.server.ask("POST", "/r/rate", bad, HTTP_COOKIE=rated.cookie)[0][0] == "4"
    assert rated.server.ask("POST", "/r/rate", b"x" * 2**21, HTTP_COOKIE=rated.cookie)[0].startswith("413")
    assert not Rating.objects.exists()


def test_a_session_that_is_remembered_is_held_against_the_database(rated: Rated) -> None:
    assert rated.rate(rated.answers())[0] == "200 OK"
    answers = rated.answers()
    Rater.objects.filter(pk=rated.rater.pk).update(session_key_hash="another")
    assert rated.rate(answers)[0].startswith("403")
    Rater.objects.filter(pk=rated.rater.pk).update(session_key_hash=rated.rater.session_key_hash)
    assert rated.rate(answers)[0] == "200 OK"
    answers = rated.answers()
    rater_withdraw(rater=rated.rater)
    assert b"no longer part" in rated.rate(answers)[2]
    other = Rated(rated.study)
    answers = other.answers()
    study_close(study=other.study)
    assert b"closed" in other.rate(answers)[2]
    assert Rating.objects.filter(created_at__lte=timezone.now()).count() == 4


def test_an_image_comes_by_its_key_with_its_headers(rated: Rated) -> None:
    image = StudyImage.objects.filter(study=rated.study)[0]
    status, headers, body = rated.server.ask("GET", f"/r/i/{image.key}.webp")
    assert status == "200 OK" and body[8:12] == b"WEBP" and rated.server.passed == []
    assert IMAGE_HEADERS.items() <= headers.items() and headers["Content-Type"] == "image/webp"
    shown_path(image.key).unlink()  # as in a study that opened before images had names
    client = Client(headers={"host": HOST})
    assert client.get(f"/r/i/{image.key}.webp").status_code == 404
    client.cookies["rater"] = rated.cookie.removeprefix("rater=")
    usual = client.get(f"/r/i/{image.key}.webp")
    assert usual.content == body and headers.items() <= usual.headers.items() | {("Content-Length", str(len(body)))}
    for path in ("/r/i/unknown.webp", "/r/i/../../secret.webp", "/r/i/.webp", f"/r/i/{image.key}.png"):
        assert rated.server.ask("GET", path)[0].startswith("404")


def test_https_is_asked_for_where_it_is_declared(rated: Rated, settings: Settings) -> None:
    settings.SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https")
    settings.SECURE_SSL_REDIRECT = True
    rated.server = Server()
    assert rated.next()[0].startswith("301") and rated.server.passed == ["/r/next"]
    assert rated.next(HTTP_X_FORWARDED_PROTO="https")[0] == "200 OK" and rated.server.passed == ["/r/next"]


def test_how_the_images_stood_comes_with_the_answers_and_needs_no_further_query(rated: Rated) -> None:
    display = {"shown_width": 231, "shown_device_width": 462, "theme": "grey"}
    first, second = rated.answers()
    rated.rate([first])  # as a browser kept it from before: nothing of a display
    with CaptureQueriesContext(connection) as queries:
        status, _, body = rated.rate([second | display])
    assert status == "200 OK" and rated.server.passed == [] and len(queries) == 1
    assert json.loads(body)["answers"][0]["status"] == "saved"
    names = ("question", "shown_width", "shown_device_width", "theme")
    assert list(Rating.objects.order_by("pk").values_list(*names)) == [
        (first["question"], None, None, None),
        (second["question"], 231, 462, "grey"),
    ]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("shown_width", 0),
        ("shown_width", 20_001),
        ("shown_width", 1.5),
        ("shown_width", "231"),
        ("shown_device_width", -1),
        ("shown_device_width", True),
        ("theme", "blue"),
        ("theme", 1),
        ("theme", ""),
    ],
)
def test_a_display_that_is_none_is_refused_in_one_sentence_that_names_it(rated: Rated, field: str, value: Any) -> None:
    status, _, body = rated.rate([rated.answers()[0] | {field: value}])
    assert status.startswith("400")
    error = json.loads(body)["error"]
    assert error["code"] == "input" and field in error["message"]
    assert not Rating.objects.exists()


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("rating_shown_width", {"shown_width": 0}),
        ("rating_shown_device_width", {"shown_device_width": 20_001}),
        ("rating_theme", {"theme": "blue"}),
    ],
)
def test_the_database_holds_the_ranges_itself(rated: Rated, name: str, values: dict[str, Any]) -> None:
    trial = rated.rater.assignments.order_by("position")[0]
    common = {"assignment": trial, "rater": rated.rater, "question": "fidelity", "shown_choice": "left"}
    with pytest.raises(IntegrityError, match=name), transaction.atomic():
        Rating.objects.create(**common, submission=uuid4(), **values)
