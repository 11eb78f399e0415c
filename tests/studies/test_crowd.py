"""What a study declares of its crowd: fields, refusals in one sentence, and the way through page, command and API."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from evaluation.command import CommandError
from evaluation.errors import ConflictError, InputError
from evaluation.models import Invitation, SampleFailure, Study
from evaluation.selectors.crowd import STANDARD, declared_about, declared_crowd
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.change import draft_changed, draft_of, study_change
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.crowd import about_read, crowd_settings
from evaluation.services.studies.difference import differences
from evaluation.services.studies.invitation import invitation_create, invitation_recode, invitation_url
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite

TERMS = {
    "platform": "prolific",
    "approval": "Ethics board of X, 2026-17",
    "pay": "2.50 GBP",
    "retention": "90 days after the end",
    "withdrawal": "none",
}
OWN = "art: How often do you look at art? | often | seldom"


def a_draft(**given: Any) -> Study:
    suite = a_suite({"Colors": 2})
    runs = [a_run(suite, name, samples=1) for name in ("plain", "guided")]
    return study_create(StudyDraft(name="crowd", runs=runs, **{"contact": "lab@x.org", "crowd": TERMS, **given}))


@pytest.mark.parametrize("name", ["approval", "pay", "retention", "withdrawal"])
def test_every_term_is_declared_or_said_to_be_none(name: str) -> None:
    without = {key: value for key, value in TERMS.items() if key != name}
    with pytest.raises(InputError, match=f'declares its {name}, which .* or write "none"') as refused:
        crowd_settings(without, (), "", contact="x")
    assert refused.value.field == f"crowd.{name}"
    found = crowd_settings({**without, name: "None."}, (), "", contact="x").crowd
    assert found is not None and getattr(found, name) == "none"


@pytest.mark.parametrize(
    ("crowd", "contact", "said", "field"),
    [
        (TERMS, "", "its contact", "contact"),
        ({"platform": "prolific"}, "", "approval, pay, retention, withdrawal and contact", "crowd.approval"),
        ({**TERMS, "platform": "profilic"}, "x", 'Did you mean "prolific"|did you mean', "crowd.platform"),
        ({"approval": "none"}, "x", "Name the recruitment site", "crowd.platform"),
        ({**TERMS, "pay": "2,50 €"}, "x", 'such as "2.50 GBP"', "crowd.pay"),
        ({**TERMS, "pay": "-1.00 GBP"}, "x", 'such as "2.50 GBP"', "crowd.pay"),
        ({**TERMS, "payment": "x"}, "x", 'Unknown part "payment"', "crowd"),
        ({**TERMS, "pay": 3}, "x", "must be a text", "crowd.pay"),
        ({**TERMS, "approval": "x" * 1001}, "x", "1,001|1001", "crowd.approval"),
        ({**TERMS, "approval": "a\u202eb"}, "x", "approval", "crowd.approval"),
    ],
)
def test_what_can_not_be_terms(crowd: dict[str, Any], contact: str, said: str, field: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        crowd_settings(crowd, (), "", contact=contact)
    assert refused.value.field == field


def test_a_plain_link_asks_for_none() -> None:
    for nothing in (None, {}, {"platform": "", "pay": ""}):
        assert crowd_settings(nothing, (), "", contact="").crowd is None


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        (["agee"], "Unknown question about the rater"),
        (["age", "age"], "there twice"),
        (["Art: Often? | a | b"], "can't be the id"),
        (["id: Who? | a | b"], "can't be the id"),
        (["art: Often? | a"], "1 answers; 2 to 11"),
        (["art: Often? | a | A"], "an answer twice"),
        (["art: Often? | a | "], "empty|Fill|has no"),
        (["age: How old? | old | young"], "id of a question of ours"),
        ([f"art: Often? | {' | '.join('abcdefghijkl')}"], "12 answers"),
        ([f"q{n}: Often? | a | b" for n in range(13)], "At most 12"),
        ([7], "one line of text"),
    ],
)
def test_what_can_not_be_a_question_about_the_rater(lines: list[str], said: str) -> None:
    with pytest.raises(InputError, match=said) as refused:
        about_read(lines)
    assert refused.value.field == "about"


def test_questions_about_the_rater_are_written_as_they_are_read() -> None:
    lines = [*STANDARD, OWN]
    assert [each.line for each in about_read(lines)] == lines


def test_an_unknown_policy_is_refused() -> None:
    with pytest.raises(InputError, match="Allowed are excluded, loss, bounds"):
        crowd_settings(None, (), "los", contact="")


@pytest.mark.django_db
def test_a_draft_keeps_a_copy_takes_and_a_change_merges_them() -> None:
    study = a_draft(about=["age", OWN], refusals="bounds")
    draft = draft_of(study)
    assert (draft.crowd, list(draft.about), draft.refusals) == (TERMS, ["age", OWN], "bounds")
    changed = study_change(study=study, draft=draft_changed(draft, {"crowd": {"pay": "3.00 GBP"}}))
    crowd = declared_crowd(changed.specification)
    assert crowd is not None and crowd.pay == "3.00 GBP" and crowd.retention == TERMS["retention"]
    bare = study_change(study=study, draft=draft_changed(draft_of(study), {"crowd": None, "about": [], "refusals": ""}))
    assert "crowd" not in bare.specification["raters"] and declared_about(bare.specification) == ()
    told = differences(changed.specification, bare.specification)
    assert "terms of its crowd: left out" in told and "questions about the rater: left out" in told


@pytest.mark.django_db
def test_opening_makes_the_sites_invitation_with_codes() -> None:
    study = study_open(study=a_draft(), invite=True)
    invitation = study.invitations.get()
    assert invitation_url(invitation).endswith("SESSION_ID={{%SESSION_ID%}}")
    assert invitation.completion_code and invitation.partial_code not in ("", invitation.completion_code)
    assert invitation.completion_url.endswith(f"cc={invitation.completion_code}")
    invitation_recode(invitation=invitation, completion_code="MINE", partial_code="PART", completion_url="")
    invitation.refresh_from_db()
    assert (invitation.completion_code, invitation.partial_code) == ("MINE", "PART")
    assert invitation.completion_url.endswith("cc=MINE")
    with pytest.raises(InputError, match="the same"):
        invitation_recode(invitation=invitation, completion_code="A", partial_code="A", completion_url="")


@pytest.mark.django_db
def test_no_crowd_link_without_the_terms() -> None:
    study = study_open(study=a_draft(crowd=None))
    with pytest.raises(ConflictError, match="does not declare its approval, pay, retention and withdrawal"):
        invitation_create(study=study, platform="connect")
    with pytest.raises(InputError, match='Unknown recruitment site "prolifc"'):
        invitation_create(study=study, platform="prolifc")
    assert not Invitation.objects.exists()
    assert invitation_create(study=study).partial_code == ""


@pytest.mark.django_db
def test_the_command_takes_a_file_and_options(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    suite = a_suite({"Colors": 2})
    for name in ("plain", "guided"):
        a_run(suite, name, samples=1)
    file = tmp_path / "crowd.yaml"
    lines = [f"{name}: {value}" for name, value in TERMS.items()]
    file.write_text("\n".join([*lines, "contact: lab", "about:", "  - age", f'  - "{OWN}"', "refusals: loss"]))
    call_command("create_study", "--name", "byfile", "--runs", "plain,guided", "--crowd", str(file), "--pay", "none")
    study = Study.objects.get(name="byfile")
    crowd = declared_crowd(study.specification)
    assert crowd is not None and crowd.pay == "none" and crowd.approval == TERMS["approval"]
    assert [each.id for each in declared_about(study.specification)] == ["age", "art"]
    assert study.specification["refusals"]["policy"] == "loss"
    capsys.readouterr()
    for text, said in (
        ("pays: x", 'unknown key "pays"'),
        ("- x", "must be a mapping"),
        ("about: age", "must be a list"),
    ):
        file.write_text(text)
        with pytest.raises(CommandError, match=said):
            call_command("create_study", "--name", "n", "--runs", "plain,guided", "--crowd", str(file))


@pytest.mark.django_db
def test_the_api_takes_them_and_changes_one(client: Client) -> None:
    suite = a_suite({"Colors": 2})
    for name in ("plain", "guided"):
        a_run(suite, name, samples=1)
    client.force_login(User.objects.create_user("researcher"))
    body = {"name": "api", "runs": ["plain", "guided"], "contact": "lab", "crowd": TERMS, "about": ["region"]}
    made = client.post("/api/v1/studies/", json.dumps(body), content_type="application/json")
    assert made.status_code == 201, made.content
    change = {"crowd": {"approval": "none"}}
    client.post("/api/v1/studies/api/change/", json.dumps(change), content_type="application/json")
    crowd = declared_crowd(Study.objects.get().specification)
    assert crowd is not None and crowd.approval == "none" and crowd.pay == TERMS["pay"]
    refused = client.post(
        "/api/v1/studies/", json.dumps({**body, "name": "b", "crowd": {"platform": "prolific"}}),
        content_type="application/json",
    )  # fmt: skip
    assert refused.status_code == 400 and "declares its approval" in refused.content.decode()


@pytest.mark.django_db
def test_missing_images_are_counted_for_each_generator_and_printed() -> None:
    """Guided refuses prompt 0 and gives one of two images of prompt 1, by its own filter; four prompts, two images."""
    suite = a_suite({"Colors": 4})
    plain = a_run(suite, "plain")
    guided = a_run(suite, "guided", without=[(0, 0), (0, 1), (1, 1)])
    prompts = {prompt.number: prompt for prompt in suite.prompts.all()}
    for number, sample, kind in ((0, 0, "refused"), (0, 1, "refused"), (1, 1, "filtered")):
        SampleFailure.objects.create(run=guided, prompt=prompts[number], sample=sample, kind=kind)

    def made(name: str, **given: Any) -> Study:
        return study_create(StudyDraft(name=name, runs=[plain, guided], **given))

    dropped = made("dropped", missing="drop-prompts", refusals="bounds").specification["refusals"]
    assert dropped["runs"] == [
        {"label": "plain", "wanted": 8, "missing": 0, "kinds": {}},
        {"label": "guided", "wanted": 8, "missing": 3, "kinds": {"filtered": 1, "refused": 2}},
    ]
    assert dropped["lacking"] == {"00000": ["guided"], "00001": ["guided"]}
    smaller = made("smaller", missing="smaller-sets").specification["refusals"]
    assert smaller["policy"] == "" and smaller["lacking"] == {"00000": ["guided"]}, "one image is enough there"
    study = study_open(study=Study.objects.get(name="dropped"))
    raters_simulate(study=study, share=0.2, seed=1)
    report = report_make(study=study).results["refusals"]
    assert [each["rate"] for each in report["generators"]] == [0, 0.375]
    for each in report["comparisons"]:
        n, excluded, loss = each["n_shown"], each["excluded"]["net"], each["loss"]["net"]
        sign = 1 if each["generator_b"] == "guided" else -1
        assert n == 2 and loss == pytest.approx((2 * excluded + sign * 2) / 4)
    assert len(report["comparisons"]) == 2


@pytest.mark.django_db
def test_a_study_that_lacks_nothing_says_nothing_of_it() -> None:
    assert "refusals" not in a_draft().specification
