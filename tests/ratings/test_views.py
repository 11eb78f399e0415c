"""The rater's addresses: who gets what, how many queries it takes, how much it weighs."""

import io
import json
import re
from collections.abc import Iterator
from typing import Any
from uuid import uuid4

import pytest
from django.conf import settings
from django.contrib.auth.models import User
from django.contrib.staticfiles import finders
from django.test import Client
from PIL import Image
from pytest_django import DjangoAssertNumQueries

from evaluation.models import Rater, Rating, Study, StudyImage
from evaluation.protocols import Protocol
from evaluation.selectors.trials import next_trials
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.store.images import image_read
from evaluation.services.studies.invitation import invitation_create
from evaluation.services.studies.open import study_close
from tests.ratings.test_submit import rate_next
from tests.studies.world import an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db


class Browser:
    """A rater's browser on a study: its cookies, and the key that the page gives its script."""

    def __init__(self, study: Study, *, csrf: bool = False) -> None:
        self.client = Client(enforce_csrf_checks=csrf)
        enrolment = enrolled(study)
        self.rater, self.session = enrolment.rater, session_of(enrolment)
        self.client.cookies["rater"] = enrolment.session_key

    def get(self, path: str) -> dict[str, object]:
        response = self.client.get(path)
        return {"status": response.status_code, **response.json()}

    def post(self, path: str, **body: object) -> dict[str, object]:
        response = self.client.post(path, {"rater": str(self.rater.key), **body}, content_type="application/json")
        return {"status": response.status_code, **response.json()}

    def answers(self, choice: str = "left") -> list[dict[str, object]]:
        trial, key = next_trials(self.session)[0], str(uuid4())
        return [
            {
                "assignment": trial.assignment,
                "question": question,
                "choice": choice,
                "response_time_ms": 900,
                "submission": key,
            }
            for question in self.session.questions
        ]


@pytest.fixture
def study() -> Study:
    return an_open_study()


@pytest.fixture
def browser(study: Study) -> Browser:
    return Browser(study)


def test_next_gives_two_trials_and_nothing_of_generators(
    browser: Browser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser.get(f"/r/next?rater={browser.rater.key}")  # the protocol is read once a process, statements are prepared
    with django_assert_num_queries(1):
        told = browser.get(f"/r/next?rater={browser.rater.key}")
    assert told["status"] == 200 and told["total"] == 3
    trials = told["trials"]
    assert isinstance(trials, list) and [trial["position"] for trial in trials] == [0, 1]
    assert set(trials[0]) == {"assignment", "position", "caption", "left", "right"}
    text = json.dumps(told)
    assert not re.search("plain|guided|trial-|run|generator|Secret", text.replace("trials", ""))
    last = browser.get(f"/r/next?rater={browser.rater.key}&after=1")["trials"]
    assert isinstance(last, list) and [trial["position"] for trial in last] == [2]


def test_the_sets_of_a_trial_stand_on_the_sides_of_the_design(browser: Browser) -> None:
    for trial in next_trials(browser.session, at_most=3):
        assignment = browser.rater.assignments.select_related("comparison").get(pk=trial.assignment)
        left = assignment.comparison.sets[assignment.shown_order[0]]
        assert list(trial.sets[0]) == left


def test_rate_saves_a_batch_in_one_query_and_repeats_in_three(
    browser: Browser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    browser.post("/r/rate", answers=browser.answers())  # statements are prepared once a connection
    answers = browser.answers()
    with django_assert_num_queries(1):
        first = browser.post("/r/rate", answers=answers)
    with django_assert_num_queries(3):
        again = browser.post("/r/rate", answers=answers)
    saved, repeated = first["answers"], again["answers"]
    assert isinstance(saved, list) and isinstance(repeated, list)
    assert [each["status"] for each in saved] == ["saved", "saved"]
    assert [(each["choice"], each["status"]) for each in repeated] == [("left", "repeated")] * 2
    assert Rating.objects.count() == 4


def test_undo_gives_the_trial_back(browser: Browser, django_assert_num_queries: DjangoAssertNumQueries) -> None:
    answers = browser.answers()
    browser.post("/r/rate", answers=answers)
    browser.post("/r/undo", assignment=0)  # statements are prepared once a connection
    with django_assert_num_queries(3):
        told = browser.post("/r/undo", assignment=answers[0]["assignment"])
    assert isinstance(told["trial"], dict) and told["trial"]["assignment"] == answers[0]["assignment"]
    assert browser.post("/r/undo", assignment=answers[0]["assignment"])["status"] == 200
    assert not Rating.objects.filter(retracted_at=None).exists()


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"choice": "a"}, 'unknown choice "a"'),
        ({"question": "beauty"}, 'unknown question "beauty"'),
        ({"choice": 3}, '"choice" must be a string'),
        ({"assignment": "7"}, '"assignment" must be a whole number'),
        ({"assignment": 2**70}, '"assignment" must be a whole number'),
        ({"assignment": True}, '"assignment" must be a whole number'),
        ({"response_time_ms": 1.5}, '"response_time_ms" must be a whole number'),
        ({"submission": "x"}, '"submission" must be a UUID'),
    ],
)
def test_bad_answers_are_named_in_json(browser: Browser, change: dict[str, object], words: str) -> None:
    answers = browser.answers()
    told = browser.post("/r/rate", answers=[answers[0], {**answers[1], **change}])
    assert told["status"] == 400 and isinstance(told["error"], dict)
    assert told["error"]["message"].startswith("Answer 2") and words in told["error"]["message"]
    assert not Rating.objects.exists()


@pytest.mark.parametrize("body", ["", "[]", "{", '{"rater": 1}', "\udcff"])
def test_bad_bodies_are_refused(browser: Browser, body: str) -> None:
    response = browser.client.post("/r/rate", body.encode("utf-8", "surrogateescape"), content_type="application/json")
    assert response.status_code == 400 and response.json()["error"]["message"]


def test_another_raters_trial_is_refused(study: Study, browser: Browser) -> None:
    other = Browser(study)
    told = browser.post("/r/rate", answers=other.answers())
    assert told["status"] == 403 and isinstance(told["error"], dict) and told["error"]["code"] == "not-yours"
    told = browser.post("/r/undo", assignment=other.answers()[0]["assignment"])
    assert told["status"] == 403
    told = browser.post("/r/skip", assignment=other.answers()[0]["assignment"])
    assert told["status"] == 403
    assert not Rating.objects.exists()


def test_a_raters_key_without_its_cookie_is_worth_nothing(browser: Browser) -> None:
    stranger = Client()
    assert stranger.get(f"/r/next?rater={browser.rater.key}").json()["error"]["code"] == "no-session"
    assert stranger.get("/r/next?rater=x").status_code == 400
    body = {"rater": str(browser.rater.key), "answers": browser.answers()}
    assert stranger.post("/r/rate", body, content_type="application/json").status_code == 403
    assert stranger.get("/r/").status_code == 403
    assert not Rating.objects.exists()


def test_a_closed_study_says_so(study: Study, browser: Browser) -> None:
    study_close(study=study)
    told = browser.post("/r/rate", answers=browser.answers())
    assert told["status"] == 409 and isinstance(told["error"], dict) and told["error"]["code"] == "closed"
    assert b"This study is closed" in browser.client.get("/r/").content


def test_forged_requests_are_refused(study: Study) -> None:
    browser = Browser(study, csrf=True)
    body = {"rater": str(browser.rater.key), "answers": browser.answers()}
    assert browser.client.post("/r/rate", body, content_type="application/json").status_code == 403
    Rater.objects.update(instructed_at=browser.rater.consented_at)
    page = browser.client.get("/r/").content.decode()
    token = re.search('name="csrfmiddlewaretoken" value="([^"]+)"', page)
    assert token is not None
    headers = {"X-CSRFToken": token[1]}
    assert browser.client.post("/r/rate", body, content_type="application/json", headers=headers).status_code == 200


def test_one_browser_may_rate_two_studies_in_two_tabs(study: Study, browser: Browser) -> None:
    second = invitation_create(study=an_open_study(name="second"))
    browser.client.post(f"/r/join/{second.key}")
    other = Rater.objects.get(study=second.study)
    assert browser.client.get(f"/r/next?rater={other.key}").status_code == 200
    assert browser.get(f"/r/next?rater={browser.rater.key}")["status"] == 200
    first_link = invitation_create(study=study)
    assert browser.client.get(f"/r/join/{first_link.key}").headers["Location"] == "/r/"
    Rater.objects.update(instructed_at=other.consented_at)
    assert str(browser.rater.key) in browser.client.get("/r/").content.decode()


# --- images


def test_an_image_is_the_rendition_and_its_headers_tell_nothing(
    study: Study, browser: Browser, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    headers = set()
    for image in StudyImage.objects.filter(study=study).select_related("rendition", "sample__run"):
        with django_assert_num_queries(1):
            response = browser.client.get(f"/r/i/{image.key}.webp")
        assert response.status_code == 200 and response.content == image_read(image.rendition)
        with Image.open(io.BytesIO(response.content)) as picture:
            assert (picture.format, picture.size) == ("WEBP", (16, 16)) and not picture.getexif()
            assert not {"exif", "xmp", "icc_profile"} & set(picture.info)
        del response.headers["Content-Length"]
        headers.add(frozenset(response.headers.items()))
    assert len(headers) == 1, "the same headers for every image, whichever run it is from"
    [only] = headers
    sent = dict(only)
    assert sent["Cache-Control"] == "private, max-age=31536000, immutable"
    assert sent["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert sent["X-Content-Type-Options"] == "nosniff" and sent["Content-Type"] == "image/webp"
    assert not {"Last-Modified", "ETag", "Content-Disposition", "Set-Cookie"} & set(sent)


def test_images_are_for_raters_of_their_study_and_researchers(study: Study, browser: Browser) -> None:
    key = StudyImage.objects.filter(study=study)[0].key
    other = Browser(an_open_study(name="other"))
    assert other.client.get(f"/r/i/{key}.webp").status_code == 404
    assert Client().get(f"/r/i/{key}.webp").status_code == 404
    assert browser.client.get("/r/i/unknown.webp").status_code == 404
    researcher = Client()
    researcher.force_login(User.objects.create_user("researcher"))
    assert researcher.get(f"/r/i/{key}.webp").status_code == 200


def test_nginx_may_send_the_file(study: Study, browser: Browser, settings: object) -> None:
    settings.X_ACCEL_PREFIX = "/protected/"  # type: ignore[attr-defined]
    image = StudyImage.objects.filter(study=study).select_related("rendition")[0]
    response = browser.client.get(f"/r/i/{image.key}.webp")
    sha = image.rendition.sha256
    assert response.headers["X-Accel-Redirect"] == f"/protected/images/{sha[:2]}/{sha[2:4]}/{sha}.webp"
    assert response.content == b""


# --- pages


def test_the_way_in(study: Study) -> None:
    client = Client()
    invitation = invitation_create(study=study)
    consent = client.get(f"/r/join/{invitation.key}")
    assert consent.status_code == 200 and not Rater.objects.exists() and "rater" not in client.cookies
    assert b"up to 3 comparisons, 2 questions each" in consent.content and b"Secret title" not in consent.content
    agreed = client.post(f"/r/join/{invitation.key}")
    assert agreed.headers["Location"] == "/r/instructions"
    cookie = client.cookies["rater"]
    assert cookie["httponly"] and cookie["samesite"] == "Lax" and cookie["path"] == "/r/"
    assert Rater.objects.get().session_key_hash not in cookie.value
    assert client.get("/r/").headers["Location"] == "/r/instructions"
    assert b"Which set of images is of higher quality?" in client.get("/r/instructions").content
    assert client.post("/r/instructions").headers["Location"] == "/r/"
    assert client.get("/r/").status_code == 200
    assert client.get(f"/r/join/{invitation.key}").headers["Location"] == "/r/", "the link brings back"
    assert Rater.objects.count() == 1


def test_questions_are_worded_as_the_study_locked_them(study: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    """Raters of a study from before quotation marks were declared go on seeing what its first raters saw."""
    declare = Protocol.specification

    def as_before(protocol: Protocol) -> dict[str, Any]:
        declared: dict[str, Any] = declare(protocol)
        for question in declared["questions"]:
            del question["caption"]
        return declared

    monkeypatch.setattr(Protocol, "specification", as_before)
    older = an_open_study(name="older")
    monkeypatch.undo()
    assert "caption" not in older.specification["protocol"]["questions"][1]
    for each, in_page in ((study, "text caption : “{caption}”?"), (older, "text caption : {caption}?")):
        browser = Browser(each)
        Rater.objects.filter(pk=browser.rater.pk).update(instructed_at=browser.rater.consented_at)
        asks = config_in(browser.client.get("/r/").text)["asks"]
        assert asks[1]["text"] == f"Which set of images better represents the {in_page}"
        example = in_page.replace("{caption}", "a red ball on top of a blue box")
        assert example in browser.client.get("/r/instructions").text


def config_in(page: str) -> Any:
    """What the page of trials gives its script."""
    found = re.search(r'<script id="config" type="application/json">(.*?)</script>', page, re.DOTALL)
    assert found
    return json.loads(found[1])


def test_a_platforms_ids_leave_the_address_at_once(study: Study) -> None:
    client = Client()
    invitation = invitation_create(
        study=study, completion_code="CODE-7", completion_url="https://example.org/?cc=CODE-7"
    )
    link = f"/r/join/{invitation.key}"
    arrived = client.get(f"{link}?PROLIFIC_PID=abc&STUDY_ID=s&SESSION_ID=xyz")
    assert (arrived.status_code, arrived.headers["Location"]) == (302, link)
    client.post(link)
    rater = Rater.objects.get()
    assert (rater.participant, rater.session, rater.consented_at is not None) == ("abc", "xyz", True)
    assert client.get("/r/end").headers["Location"] == "/r/", "no code before the last rating"
    assert client.post("/r/finish").headers["Location"] == "/r/"
    from evaluation.selectors.trials import rater_session

    session = rater_session(rater.key, [rater.session_key_hash])
    assert session is not None
    while next_trials(session):
        assert b"CODE-7" not in client.get("/r/instructions").content
        rate_next(session)
    assert client.post("/r/finish").headers["Location"] == "/r/end"
    end = client.get("/r/end").content
    assert b"CODE-7" in end and b"https://example.org/?cc=CODE-7" in end
    # somebody else with the same ids does not get the code
    stranger = Client()
    stranger.get(f"{link}?PROLIFIC_PID=abc&SESSION_ID=xyz")
    assert b"already taken part in this study" in stranger.post(link).content
    assert stranger.get("/r/end").status_code == 403


def test_closed_doors_are_plain_pages(study: Study) -> None:
    client = Client()
    assert client.get("/r/join/nothing").status_code == 404
    for _ in range(6):
        enrolled(study)
    full = client.get(f"/r/join/{invitation_create(study=study).key}")
    assert full.status_code == 409 and b"This study is full" in full.content
    study_close(study=study)
    closed = client.post(f"/r/join/{invitation_create(study=study).key}")
    assert closed.status_code == 410 and b"This study is closed" in closed.content
    assert b"open your invitation link" in client.get("/r/").content


def test_odd_addresses_and_texts_are_no_fault_of_the_server(browser: Browser) -> None:
    for path in ("/r/join/%00", "/r/join/a%2Fb", "/r/i/%00.webp", "/r/i/..%2F..%2Fsecret.webp"):
        assert browser.client.get(path).status_code == 404
    browser.client.cookies["rater"] = f"{'x' * 3000}.?.{browser.client.cookies['rater'].value}"
    assert browser.get(f"/r/next?rater={browser.rater.key}")["status"] == 200
    for after in ("x", "1e9", "9" * 30, "%00"):
        assert browser.get(f"/r/next?rater={browser.rater.key}&after={after}")["status"] == 400
    trial = next_trials(browser.session)[0].assignment
    assert browser.post("/r/skip", assignment=trial, reason="\x00" + "x" * 500)["status"] == 400
    assert browser.post("/r/skip", assignment=trial, reason="x" * 500)["status"] == 200


def test_who_withdraws_is_told_so(browser: Browser) -> None:
    rate_next(browser.session)
    assert b"Leave the study?" in browser.client.get("/r/withdraw").content
    assert b"will not be used" in browser.client.post("/r/withdraw").content
    assert not Rating.objects.filter(retracted_at=None).exists()
    assert b"given to someone else" in browser.client.get("/r/").content


def test_simulated_raters_make_it_a_demonstration_on_every_page(study: Study, browser: Browser) -> None:
    Rater.objects.update(instructed_at=browser.rater.consented_at)
    assert b"Demonstration study" not in browser.client.get("/r/").content
    raters_simulate(study=study, raters=1, seed=1)
    link = f"/r/join/{invitation_create(study=study).key}"
    assert b"Demonstration study" in Client().get(link).content
    for path in ("/r/", "/r/instructions"):
        assert b"Demonstration study" in browser.client.get(path).content


def test_the_page_of_trials_is_light_and_loads_nothing_from_elsewhere(browser: Browser) -> None:
    Rater.objects.update(instructed_at=browser.rater.consented_at)
    response = browser.client.get("/r/")
    page = response.content.decode()
    assert "script-src" not in response.headers["Content-Security-Policy"]
    assert response.headers["Content-Security-Policy"].startswith("default-src 'self'")
    assert response.headers["Referrer-Policy"] == "same-origin" and "no-store" in response.headers["Cache-Control"]
    assert not re.findall(r'(?:src|href|action)="(?:https?:)?//', page), "nothing from elsewhere"
    assert not re.findall(r"<script(?![^>]*(?:src=|application/json))", page) and not re.findall(
        r"\son\w+=|style=", page
    )
    linked = re.findall(rf'(?:src|href)="/{settings.STATIC_URL.strip("/")}/([^"]+)"', page)
    modules = re.findall(rf'rel="modulepreload" href="/{settings.STATIC_URL.strip("/")}/([^"]+)"', page)
    weight = len(response.content) + sum(len(data) for data in _static(linked))
    assert len(linked) - len(modules) == 4 and weight < 130_000, f"{weight} bytes before compression, images apart"


def _static(names: list[str]) -> Iterator[bytes]:
    for name in names:
        found = finders.find(name)
        assert isinstance(found, str), name
        with open(found, "rb") as file:
            yield file.read()
