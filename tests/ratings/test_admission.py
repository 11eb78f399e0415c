"""Whom a study takes: qualification with feedback, quotas, earlier studies, pauses, and the two kinds of codes."""

from __future__ import annotations

import json
import re
import uuid
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import call_command
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from evaluation.errors import ConflictError, InputError
from evaluation.models import Assignment, Comparison, Invitation, Rater, Rating, Study
from evaluation.participants import participant_hash
from evaluation.selectors.studies import study_progress
from evaluation.services.rating.enrol import rater_enrol
from evaluation.services.rating.errors import RaterError
from evaluation.services.rating.finish import rater_finish, rater_withdraw
from evaluation.services.studies.change import draft_of
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.invitation import OtherCodes, invitation_create
from evaluation.services.studies.known import read_known
from evaluation.services.studies.open import study_open, study_pause
from tests.studies.world import a_run, a_suite
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db

ITEMS = (
    b"prompt,generators,question,expected\n"
    b'00000,"[""one"", ""two""]",fidelity,left\n00000,"[""one"", ""two""]",alignment,indifferent\n'
    b'00001,"[""two"", ""one""]",alignment,right\n'
)
CODES = OtherCodes(screen_out_code="OUT", screen_out_url="https://example.org/out")


def a_draft(name: str = "trial", **given: Any) -> StudyDraft:
    suite = a_suite({"Colors": 3}, name=f"suite-{name}")
    runs = [a_run(suite, f"{name}-{label}", samples=1) for label in ("one", "two")]
    return StudyDraft(name=name, runs=runs, labels=["one", "two"], raters_per_panel=2, **given)


def opened(**given: Any) -> tuple[Study, Invitation]:
    study = study_open(study=study_create(a_draft(**given)))
    return study, invitation_create(study=study, completion_code="DONE", others=CODES)


def joined(client: Client, invitation: Invitation, **given: str) -> Any:
    answer = client.post(reverse("rater:join", args=[invitation.key]), given)
    if answer.status_code == 302:
        client.post(reverse("rater:instructions"))
    return answer


def item_of(text: str) -> str:
    found = re.search(r'name="item" value="([0-9]+)"', text)
    assert found is not None
    return found[1]


# --- qualification ----------------------------------------------------------------------------------------------------


def test_who_passes_gets_feedback_after_each_item_and_then_the_trials(client: Client) -> None:
    study, invitation = opened(qualification=read_known(ITEMS, "items.csv"), qualification_least=1)
    joined(client, invitation)
    rater = Rater.objects.get()
    assert client.get("/r/").headers["Location"] == "/r/qualify", "no trial before it"
    assert not Assignment.objects.exists() and study_progress(study).raters_finished == 0
    with pytest.raises(RaterError) as early:
        rater_finish(rater=rater)
    assert early.value.code == "unfinished"

    page = client.get("/r/qualify").content.decode()
    assert "Trial 1 of 2" in page and page.count('type="radio"') == 6 and page.count("<img") == 2
    for name in re.findall(r"/r/i/[^\"]+", page):
        assert client.get(name).status_code == 200
    missing = client.post("/r/qualify", {"item": item_of(page), "fidelity": "left"})
    assert missing.status_code == 400 and "answer each question" in missing.content.decode()
    assert Rater.objects.get().qualification == []
    answer = client.post("/r/qualify", {"item": item_of(page), "fidelity": "left", "alignment": "left"})
    told = answer.content.decode()
    assert "Not quite" in told and "The right answer is: I am indifferent." in told and "That is right." in told
    again = {"item": item_of(page), "fidelity": "left", "alignment": "indifferent"}
    client.post("/r/qualify", again)
    assert [right for _, right in Rater.objects.get().qualification] == [0], "the first answer stands"

    page = client.get("/r/qualify").content.decode()
    assert "Trial 2 of 2" in page and page.count('type="radio"') == 3
    told = client.post("/r/qualify", {"item": item_of(page), "alignment": "right"}).content.decode()
    assert "Right" in told and 'href="/r/"' in told
    rater.refresh_from_db()
    assert rater.qualified_at is not None and rater.assignments.count() == rater.trials == 3
    assert client.get("/r/").status_code == 200 and client.get("/r/qualify").headers["Location"] == "/r/"
    assert not Rating.objects.exists(), "items are in no rate"
    assert Comparison.objects.filter(control="qualify").count() == 2
    assert not rater.assignments.filter(comparison__control="qualify").exists()


def test_an_item_with_a_flagged_image_is_covered(client: Client) -> None:
    flagged = [{"prompt_id": str(int(read_known(ITEMS, "items.csv")[0]["prompt_id"]))}]
    _, invitation = opened(qualification=read_known(ITEMS, "items.csv"), flagged=flagged)
    joined(client, invitation)
    page = client.get("/r/qualify").content.decode()
    assert 'class="qualify-sets covered"' in page and 'type="checkbox" id="uncover"' in page
    client.post("/r/qualify", {"item": item_of(page), "fidelity": "left", "alignment": "left"})
    page = client.get("/r/qualify").content.decode()
    assert "Trial 2 of 2" in page and 'class="qualify-sets"' in page and 'id="uncover"' not in page


def test_who_fails_sees_the_screen_out_code_and_the_place_is_given_again(client: Client) -> None:
    study, invitation = opened(qualification=read_known(ITEMS, "items.csv"))
    address = reverse("rater:join", args=[invitation.key])
    client.get(f"{address}?PROLIFIC_PID=p1&SESSION_ID=s1")
    joined(client, invitation)
    while "item" in (page := client.get("/r/qualify").content.decode()) and 'name="item"' in page:
        names = set(re.findall(r'type="radio" name="([a-z]+)"', page))
        client.post("/r/qualify", {"item": item_of(page)} | dict.fromkeys(names, "left"))
        if client.get("/r/qualify").status_code == 302:
            break
    rater = Rater.objects.get()
    assert rater.screened_at and rater.dropped_at and rater.screened_for == "qualification"
    for again in (client.get("/r/"), client.get("/r/")):
        text = again.content.decode()
        assert "OUT" in text and "https://example.org/out" in text and "DONE" not in text
    assert client.get("/r/end").headers["Location"] == "/r/"
    other = Client()
    for session in ("s1", "s2"):  # nor by another visit
        other.get(f"{address}?PROLIFIC_PID=p1&SESSION_ID={session}")
        refused = joined(other, invitation)
        assert refused.status_code == 409 and "OUT" in refused.content.decode()
    for at in range(2):
        assert rater_enrol(invitation=invitation, participant=f"new{at}", session="s").rater.slot == at
    with pytest.raises(RaterError, match="All places"):
        rater_enrol(invitation=invitation)


def test_a_place_left_in_the_qualification_is_given_again() -> None:
    _, invitation = opened(qualification=read_known(ITEMS, "items.csv"))
    for _ in range(2):
        rater_enrol(invitation=invitation)
    first, second = Rater.objects.order_by("pk")
    rater_withdraw(rater=first)
    assert rater_enrol(invitation=invitation).rater.slot == first.slot, "after a withdrawal"
    with pytest.raises(RaterError, match="All places"):
        rater_enrol(invitation=invitation)
    past = timezone.now() - timedelta(hours=3)

    with unguarded():
        Rater.objects.filter(pk=second.pk).update(created_at=past, last_seen_at=past)
    assert rater_enrol(invitation=invitation).rater.slot == second.slot, "and after two hours without an answer"


# --- quotas and earlier studies ---------------------------------------------------------------------------------------


def test_a_quota_is_kept_and_asked_at_consent(client: Client) -> None:
    _, invitation = opened(quota_question="Your first language?", quota_answers=["English: 1", "German: 0", "Other: 9"])
    page = client.get(reverse("rater:join", args=[invitation.key])).content.decode()
    assert "Your first language?" in page and page.count("<option>") == 3
    assert joined(client, invitation).status_code == 400, "an answer is needed"
    assert joined(client, invitation, quota="Klingon").status_code == 400
    refused = joined(client, invitation, quota="German")
    assert refused.status_code == 409 and "OUT" in refused.content.decode() and not Rater.objects.exists()
    assert joined(client, invitation, quota="English").status_code == 302
    assert Rater.objects.get().quota == "English"
    with pytest.raises(RaterError) as full:
        rater_enrol(invitation=invitation, quota="English")
    assert full.value.code == "quota-full"
    rater_withdraw(rater=Rater.objects.get())
    assert rater_enrol(invitation=invitation, quota="English").new, "a place that is free again counts for nothing"


def test_a_panel_takes_no_more_than_declared() -> None:
    _, invitation = opened(most_per_panel=1)
    rater_enrol(invitation=invitation)
    with pytest.raises(RaterError, match="All places"):
        rater_enrol(invitation=invitation)


def test_who_took_part_in_a_named_study_is_known_again_by_a_keyed_hash(settings: Any) -> None:
    _, before = opened(name="before")
    rater_enrol(invitation=before, participant="p1", session="s")
    assert Rater.objects.get().participant_hash == participant_hash("p1") != ""
    Rater.objects.update(participant="", session="")  # forgotten on request
    _, invitation = opened(name="after", exclude_studies=["before"])
    with pytest.raises(RaterError) as known:
        rater_enrol(invitation=invitation, participant="p1", session="other")
    assert known.value.code == "took-part"
    assert rater_enrol(invitation=invitation, participant="p2", session="s").new
    assert rater_enrol(invitation=invitation).new, "who came by a plain link is not known"
    digest = participant_hash("p1")
    settings.SECRET_KEY = "another"
    assert participant_hash("p1") != digest, "nobody finds an id by trying all of them without the key"


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"quota_question": "Age?"}, "quota_answers", "missing"),
        ({"quota_answers": ["a: 1", "b: 2"]}, "quota_question", "missing"),
        ({"quota_question": "Age?", "quota_answers": ["young: many", "b: 1"]}, "quota_answers", "English: 20"),
        ({"quota_question": "Age?", "quota_answers": ["a: 1", "a: 2"]}, "quota_answers", "from 2 to 12"),
        ({"most_per_panel": 0}, "most_per_panel", "from 1 to"),
        ({"exclude_studies": ["trail"]}, "exclude_studies", "no other study"),
        ({"qualification_least": 1}, "qualification_least", "needs a qualification"),
        ({"qualification": read_known(ITEMS, "x"), "qualification_least": 3}, "qualification_least", "from 1 to the 2"),
        ({"qualification": read_known(ITEMS.replace(b"right", b"wrong"), "x")}, "qualification", "Control row 3"),
        ({"signs_exclude": ["sped"]}, "signs_exclude", 'did you mean "speed"'),
    ],
)
def test_what_cannot_be_is_refused_in_a_sentence(given: dict[str, Any], field: str, words: str) -> None:
    with pytest.raises(InputError) as refused:
        study_create(a_draft(**given))
    assert refused.value.field == field and words in refused.value.message


def test_a_draft_keeps_it_all() -> None:
    given: dict[str, Any] = {
        "quota_question": "Age?",
        "quota_answers": ["young: 3", "old: 4"],
        "most_per_panel": 2,
        "qualification": read_known(ITEMS, "items.csv"),
        "qualification_least": 1,
        "hide_rates": True,
        "signs_exclude": ("speed",),
    }
    study = study_create(a_draft(**given))
    again = study_create(replace(draft_of(study), name="again"))
    names = ("admission", "rates", "signs", "panels")
    assert [again.specification[name] for name in names] == [study.specification[name] for name in names]


def test_the_two_codes_differ() -> None:
    study = study_open(study=study_create(a_draft()))
    with pytest.raises(InputError, match="Give two"):
        invitation_create(study=study, completion_code="ABC", others=OtherCodes(screen_out_code="abc"))
    with pytest.raises(InputError, match="Give two"):
        link = "https://example.org/x"
        invitation_create(study=study, completion_url=link, others=OtherCodes(screen_out_url=link))


# --- a pause ----------------------------------------------------------------------------------------------------------


def answered(client: Client, rater: str, trial: dict[str, Any], after: int) -> Any:
    answers = [
        {"assignment": trial["assignment"], "question": question, "choice": "left", "submission": str(uuid.uuid4())}
        for question in ("fidelity", "alignment")
    ]
    body = json.dumps({"rater": rater, "answers": answers, "after": after})
    return client.post("/r/rate", body, content_type="application/json")


def test_a_pause_lets_the_trial_be_finished_and_nobody_in(client: Client) -> None:
    study, invitation = opened()
    joined(client, invitation)
    rater = str(Rater.objects.get().key)
    first, second = client.get(f"/r/next?rater={rater}").json()["trials"]
    study_pause(study=study, paused=True)
    told = answered(client, rater, first, first["position"]).json()
    assert {each["status"] for each in told["answers"]} == {"saved"} and told["trials"] == [] and told["paused"] is True
    told = client.get(f"/r/next?rater={rater}").json()
    assert told["trials"] == [] and told["paused"] is True and not told["finished"]
    page = client.get("/r/").content.decode()
    assert "This study is paused" in page and "your place is yours" in page
    new = Client()
    for answer in (new.get(reverse("rater:join", args=[invitation.key])), joined(new, invitation)):
        assert answer.status_code == 409 and "paused it for a while" in answer.content.decode()
    with pytest.raises(RaterError) as unfinished:
        rater_finish(rater=Rater.objects.get())
    assert unfinished.value.code == "unfinished"
    study_pause(study=study, paused=False)
    (now, _) = client.get(f"/r/next?rater={rater}").json()["trials"]
    assert now["assignment"] == second["assignment"] and client.get("/r/").status_code == 200
    assert "paused" not in answered(client, rater, now, now["position"]).json()


def test_only_an_open_study_is_paused_and_by_every_way(admin_client: Client) -> None:
    draft = study_create(a_draft())
    with pytest.raises(ConflictError, match="only open studies"):
        study_pause(study=draft, paused=True)
    study = study_open(study=draft)
    assert admin_client.post("/studies/trial/pause/").status_code == 302
    study.refresh_from_db()
    assert study.paused_at is not None
    text = admin_client.get("/studies/trial/").content.decode()
    assert "Paused since" in text and "/studies/trial/resume/" in text
    admin_client.post("/studies/trial/resume/")
    assert Study.objects.get().paused_at is None
    call_command("create_study", "--name", "trial", "--pause")
    assert Study.objects.get().paused_at is not None
    call_command("create_study", "--name", "trial", "--resume")
    assert Study.objects.get().paused_at is None
