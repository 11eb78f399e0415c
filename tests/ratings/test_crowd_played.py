"""A crowd study played from New study and the recruitment site's address to the completion code, all by addresses."""

from __future__ import annotations

import csv
import io
import re
from html import unescape
from uuid import uuid4

import pytest
from django.contrib.auth.models import User
from django.test import Client

from evaluation.models import Departure, Invitation, Rater, RaterAbout, Rating, Study
from evaluation.selectors.recruitment import recruitment
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

PROMPTS = 2
GONE = re.compile(r"https://app\.prolific\.com/submissions/complete\?cc=(\w+)")


class Person:
    """A participant with a browser of their own."""

    def __init__(self, address: str, name: str) -> None:
        self.name, self.client = name, Client()
        filled = address
        for placeholder, value in (("PROLIFIC_PID", name), ("STUDY_ID", "st1"), ("SESSION_ID", f"s-{name}")):
            filled = filled.replace(f"{{{{%{placeholder}%}}}}", value)
        self.path = filled[filled.index("/r/join/") :]

    def arrive(self) -> str:
        """The page that the address leads to."""
        return self.client.get(self.path, follow=True).content.decode()

    def join(self, about: dict[str, str] | None = None) -> str:
        """Consent, say something about oneself or nothing, read the instructions; the page of trials."""
        assert "I agree" in self.arrive()
        asked = self.client.post(self.path.partition("?")[0], follow=True).content.decode()
        assert "rather not say" in asked
        self.client.post("/r/about", about or {})
        return self.client.post("/r/instructions", follow=True).content.decode()

    def rate(self, trials: int) -> None:
        """Answer the next trials, as the page's script does."""
        page = self.client.get("/r/").content.decode()
        key = re.search(r'"rater": ?"([0-9a-f-]{36})"', page)
        assert key is not None
        for _ in range(trials):
            told = self.client.get(f"/r/next?rater={key[1]}").json()
            trial, sent = told["trials"][0], str(uuid4())
            body = {
                "rater": key[1],
                "answers": [
                    {"assignment": trial["assignment"], "question": question, "choice": "left",
                     "response_time_ms": 2000, "submission": sent}
                    for question in ("fidelity", "alignment")
                ],
            }  # fmt: skip
            assert self.client.post("/r/rate", body, content_type="application/json").status_code == 200

    def finish(self) -> str:
        """The last page."""
        return self.client.post("/r/finish", follow=True).content.decode()


@pytest.fixture
def researcher() -> Client:
    client = Client()
    client.force_login(User.objects.create_user("researcher"))
    return client


@pytest.fixture
def address(researcher: Client) -> str:
    """The address that the board of an open crowd study offers, made by its pages alone."""
    suite = a_suite({"Colors": PROMPTS})
    runs = [a_run(suite, name, samples=1) for name in ("plain", "guided")]
    form = {
        "name": "crowd", "protocol": "drawbench", "runs": [run.pk for run in runs], "missing": "refuse",
        "design_seed": 0, "raters_per_panel": 12, "contact": "lab@x.org", "crowd_platform": "prolific",
        "crowd_approval": "none", "crowd_pay": "2.50 GBP", "crowd_retention": "90 days", "crowd_withdrawal": "none",
        "about": ["age"], "about_own": "art: How often do you look at art? | often | seldom", "refusals": "loss",
    }  # fmt: skip
    without = researcher.post("/studies/new/", {**form, "crowd_pay": ""})
    assert without.status_code == 422 and "declares its pay" in without.content.decode()
    assert researcher.post("/studies/new/", form).status_code == 302
    researcher.post("/studies/crowd/open/")
    board = researcher.get("/studies/crowd/").content.decode()
    found = re.search(r"<code>(http[^<]*/r/join/[^<]*)</code>", board)
    assert found is not None
    return unescape(found[1])


def test_from_the_address_to_the_code(address: str, researcher: Client) -> None:
    assert address.endswith("?PROLIFIC_PID={{%PROLIFIC_PID%}}&STUDY_ID={{%STUDY_ID%}}&SESSION_ID={{%SESSION_ID%}}")
    invitation = Invitation.objects.get()
    path = address[address.index("/r/join/") :]
    bare = path.partition("?")[0]

    # previews, doubled and missing ids: a plain page, and nobody's place is taken, by consent neither
    for odd in (path, bare, f"{bare}?PROLIFIC_PID=&SESSION_ID=s", f"{bare}?PROLIFIC_PID=a&PROLIFIC_PID=b"):
        visitor = Client()
        told = visitor.get(odd, follow=True)
        assert told.status_code == 400 and "recruitment site" in told.content.decode()
        assert visitor.post(bare).status_code == 400
    assert not Rater.objects.exists()

    # the terms stand on the page of consent
    first = Person(address, "first")
    consent = first.arrive()
    for said in ("2.50 GBP", "90 days", "lab@x.org", "2 optional questions"):
        assert said in consent

    # one who finishes gets the code, once, in their own browser
    assert "config" in first.join({"about-age": "25 to 34", "about-art": "often"})
    first.rate(PROMPTS)
    end = first.finish()
    assert invitation.completion_code in end and GONE.search(end) is not None and "/r/about" in end
    assert RaterAbout.objects.get().answers == {"age": "25 to 34", "art": "often"}
    again = Person(address, "first").arrive()
    assert invitation.completion_code not in again, "another browser with the same id"

    # what was said can be deleted from the last page, and an answer that is none changes nothing
    assert first.client.post("/r/about", {"about-age": "900"}).status_code == 400
    assert RaterAbout.objects.get().answers["age"] == "25 to 34"
    first.client.post("/r/about", {"delete": "1"})
    assert not RaterAbout.objects.exists()

    # five more finish and tell their age, one of them leaves, one is inside with one answered, one with none
    for number in range(5):
        person = Person(address, f"p{number}")
        person.join({"about-age": "18 to 24"})
        person.rate(PROMPTS)
        assert invitation.completion_code in person.finish()
    leaver = Person(address, "leaver")
    leaver.join({"about-age": "18 to 24"})
    leaver.client.post("/r/withdraw")
    half, newcomer = Person(address, "half"), Person(address, "newcomer")
    half.join()
    half.rate(1)
    newcomer.join()

    study = Study.objects.get()
    flow = recruitment(study).flow
    assert (flow.planned, flow.joined, flow.finished, flow.inside, flow.withdrew) == (12, 9, 6, 2, 1)
    assert flow.joined == flow.finished + flow.inside + flow.left
    board = researcher.get("/studies/crowd/").content.decode()
    assert "GBP an hour" in board and 'id="recruitment"' in board

    # the export has the groups, none under five
    rows = list(
        csv.DictReader(io.StringIO(researcher.get("/studies/crowd/ratings.csv").getvalue().decode("utf-8-sig")))
    )
    ages = {row["rater_id"]: row["rater_age"] for row in rows}
    assert sorted(ages.values()).count("18 to 24") in (0, 5) and "25 to 34" not in ages.values()
    assert {row["rater_art"] for row in rows} == {""}

    # closing in the middle: who is inside is said first, and each is paid for what they did
    asked = researcher.get("/studies/crowd/close/").content.decode()
    assert "2 raters are inside" in asked and "half" in asked and "1.25 GBP" in asked
    assert researcher.post("/studies/crowd/close/", {"inside": 0}).status_code == 409
    researcher.post("/studies/crowd/close/", {"inside": 2})
    closed = half.client.get("/r/").content.decode()
    assert f"You answered 1 of {PROMPTS}" in closed and invitation.partial_code in closed
    paid = GONE.search(closed)
    assert paid is not None and paid[1] == invitation.partial_code
    assert invitation.partial_code in Person(address, "half").arrive(), "by the site's link too"
    nothing = newcomer.client.get("/r/").content.decode()
    assert "return your place" in nothing and invitation.partial_code not in nothing
    assert "This study is closed" in Person(address, "stranger").arrive()

    # the report prints what was declared
    report = researcher.get("/studies/crowd/report/", follow=True).content.decode()
    for said in ("2.50 GBP", "90 days", "Refusal rate", "How often do you look at art?"):
        assert said in report


def test_data_is_exported_and_deleted_on_request(address: str, researcher: Client) -> None:
    for name in ("stays", "goes"):
        person = Person(address, name)
        person.join({"about-age": "18 to 24"})
        person.rate(PROMPTS)
        person.finish()
    before = researcher.get("/studies/crowd/report/", follow=True)
    report = before.redirect_chain[-1][0]
    ask = "/studies/crowd/participants/"
    assert researcher.post(ask, {"participant": "nobody"}).status_code == 422
    shown = researcher.post(ask, {"participant": "goes"}).content.decode()
    assert "age: 18 to 24" in shown
    data = researcher.post(ask, {"participant": "goes", "export": "1"}).json()["participants"][0]
    assert len(data["ratings"]) == 2 * PROMPTS and data["session"] == "s-goes" and data["about"] == {"age": "18 to 24"}
    by_api = researcher.post(
        "/api/v1/studies/crowd/participants/export/", {"participant": data["rater_id"]}, content_type="application/json"
    )
    assert by_api.json()["participants"][0]["participant"] == "goes"

    gone = researcher.post(ask, {"participant": "goes", "delete": "1"}, follow=True).content.decode()
    assert f"The data of 1 rater is deleted: {data['rater_id']}" in gone
    rater = Rater.objects.exclude(dropped_at=None).get()
    assert (rater.participant, rater.session, rater.session_key_hash) == ("", "", "")
    assert RaterAbout.objects.count() == 1
    assert not Rating.objects.filter(rater=rater, retracted_at=None).exists()
    tomb = Departure.objects.get()
    assert tomb.reason == "erased" and len(tomb.participant_key) == 64

    # counts stay honest; the same participant is known; nothing of it is read again, as of earlier moments neither
    flow = recruitment(Study.objects.get()).flow
    assert (flow.joined, flow.finished, flow.erased, flow.inside) == (2, 1, 1, 0)
    back = Person(address, "goes")
    back.arrive()
    assert "deleted on request" in back.client.post(back.path.partition("?")[0]).content.decode()
    assert Rater.objects.count() == 2
    assert data["rater_id"] not in researcher.get("/studies/crowd/ratings.csv").getvalue().decode()
    old = researcher.get(f"{report}ratings.csv")
    assert old.status_code == 409 and "1 rater had their data deleted on request" in old.content.decode()
    again = researcher.post(ask, {"participant": "goes", "delete": "1"})
    assert again.status_code == 422 and "deleted already" in again.content.decode()
