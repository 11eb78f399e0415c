"""Closing a study with raters inside: how many, how each is paid, before it is confirmed; and what they see then."""

from __future__ import annotations

import json

import pytest
from django.core.management import call_command
from django.test import Client

from evaluation.command import CommandError
from evaluation.models import Invitation, Rater, Study
from evaluation.selectors.inside import inside_in_words, raters_inside
from evaluation.services.rating.enrol import Enrolled, rater_enrol
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import RatersInsideError, study_close, study_open
from tests.ratings.test_submit import rate_next
from tests.studies.test_crowd import a_draft
from tests.studies.world import an_open_study, enrolled, session_of

pytestmark = pytest.mark.django_db


@pytest.fixture
def study() -> Study:
    """Two prompts; inside are somebody with all, one of two and nothing answered; others have finished or left."""
    study = study_open(study=a_draft(raters_per_panel=8), invite=True)
    invitation = study.invitations.get()
    for name, answers in (("all", 2), ("one", 1), ("nothing", 0), ("finished", 2), ("left", 1)):
        joined = rater_enrol(invitation=invitation, participant=name, session="s")
        for _ in range(answers):
            rate_next(session_of(joined))
        if name == "finished":
            rater_finish(rater=joined.rater)
        if name == "left":
            rater_withdraw(rater=joined.rater)
    raters_simulate(study=study, raters=1, seed=0)
    return study


def test_who_is_inside_and_how_each_is_paid(study: Study) -> None:
    invitation = study.invitations.get()
    inside = raters_inside(study)
    assert [(each.participant, each.done, each.trials, each.pay) for each in inside] == [
        ("all", 2, 2, "2.50 GBP"),
        ("one", 1, 2, "1.25 GBP"),
        ("nothing", 0, 2, "0.00 GBP"),
    ]
    assert [each.code for each in inside] == [invitation.completion_code, invitation.partial_code, ""]
    assert inside[1].url == f"https://app.prolific.com/submissions/complete?cc={invitation.partial_code}"
    told = inside_in_words(inside)
    assert told.startswith("3 raters are inside and could not go on.") and invitation.partial_code in told


def test_the_page_shows_them_first_and_asks_again_when_more_have_joined(study: Study, signed_in: Client) -> None:
    address = f"/studies/{study.name}/close/"
    asked = signed_in.get(address)
    code = study.invitations.get().partial_code
    assert asked.status_code == 200 and "3 raters are inside" in asked.content.decode()
    assert f"code for an early end {code}" in asked.content.decode() and "1 of 2" in asked.content.decode()
    for unknown in ({}, {"inside": "2"}, {"inside": "x"}, {"inside": "-1"}):
        refused = signed_in.post(address, unknown)
        assert refused.status_code == 409 and "3 raters are inside" in refused.content.decode()
    rater_enrol(invitation=study.invitations.get(), participant="late", session="s")
    assert signed_in.post(address, {"inside": "3"}).status_code == 409
    assert Study.objects.get().status == "open"
    assert signed_in.post(address, {"inside": "4"}).status_code == 302
    assert Study.objects.get().status == "closed"
    assert signed_in.get(address).status_code == 302


def test_whoever_has_answered_everything_has_finished(study: Study) -> None:
    study_close(study=study, inside=3)
    finished = Rater.objects.filter(finished_at__isnull=False, simulated=False)
    assert set(finished.values_list("participant", flat=True)) == {"all", "finished"}


def test_by_command_and_api(study: Study, signed_in: Client) -> None:
    with pytest.raises(CommandError, match="3 raters are inside .* Confirm it with 3"):
        call_command("create_study", "--name", study.name, "--close")
    refused = signed_in.post(f"/api/v1/studies/{study.name}/close/", {}, content_type="application/json")
    assert refused.status_code == 409
    told = json.loads(refused.content)
    assert "3 raters are inside" in json.dumps(told) and "one" in json.dumps(told.get("details", told))
    assert Study.objects.get().status == "open"
    call_command("create_study", "--name", study.name, "--close", "--with-raters-inside", "3")
    assert Study.objects.get().status == "closed"


def test_the_service_alone_says_who(study: Study) -> None:
    with pytest.raises(RatersInsideError) as refused:
        study_close(study=study, inside=0)
    inside = refused.value.details["inside"]
    assert isinstance(inside, list) and [each["done"] for each in inside] == [2, 1, 0]


def seen(joined: Enrolled) -> str:
    client = Client()
    client.cookies["rater"] = joined.session_key
    return client.get("/r/", follow=True).content.decode()


def test_two_of_twelve_by_a_plain_link() -> None:
    """A plain invitation with a completion code; one rater answers 2 of 12, then the study is closed."""
    study = an_open_study({"Colors": 12})
    invitation = Invitation.objects.create(study=study, completion_code="FULL", partial_code="PART")
    joined = enrolled(study, invitation=invitation)
    for _ in range(2):
        rate_next(session_of(joined))
    bare = enrolled(study, invitation=Invitation.objects.create(study=study, completion_code="ALL"))
    rate_next(session_of(bare))
    study_close(study=study)
    told = seen(joined)
    assert "You answered 2 of 12" in told and "PART" in told and "FULL" not in told
    assert "You answered 1 of 12" in seen(bare) and "ALL" not in seen(bare)


def test_what_each_sees_from_the_recruitment_site(study: Study) -> None:
    invitation = study.invitations.get()
    study_close(study=study, inside=3)

    def back(participant: str, session: str = "s") -> str:
        link = f"/r/join/{invitation.key}?PROLIFIC_PID={participant}&SESSION_ID={session}"
        return Client().get(link, follow=True).content.decode()

    assert "You answered 1 of 2" in back("one") and invitation.partial_code in back("one")
    assert f"cc={invitation.partial_code}" in back("one") and "lab@x.org" in back("one")
    assert "return your place" in back("nothing") and "lab@x.org" in back("nothing")
    for nobody in (back("one", "other"), back("stranger"), back("left"), back("finished"), back("all")):
        assert invitation.partial_code not in nobody and invitation.completion_code not in nobody
