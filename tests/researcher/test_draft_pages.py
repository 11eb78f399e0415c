"""The form of a draft under any protocol, and what its pages do: own questions, files, preview, edit, copy, delete."""

from __future__ import annotations

import json
import random
import re
from dataclasses import replace
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client

from evaluation import protocols
from evaluation.models import Rating, Study, StudyImage, StudyStatus
from evaluation.services.studies.change import draft_of, study_change
from evaluation.services.studies.create import study_create
from evaluation.services.studies.open import study_open
from tests.studies.protocols_world import a_draft, some_runs
from tests.studies.world import a_run

pytestmark = pytest.mark.django_db

OWN = {
    "protocol": "own-questions",
    "own_name": "hands",
    "own_layout": "single",
    "q1_text": "How good are the hands?",
    "q1_kind": "scale",
    "q1_answers": "Bad\nFair\nGood",
    "q1_unable": "There are none",
    "q1_short": "Hands",
    "q3_text": "Why?",
    "q3_kind": "reasons",
    "q3_answers": "Fingers\nPose",
    "q3_short": "Why",
}
YAML = b"based_on: pairwise-open\nname: sharp\ntitle: Sharp\nraters_per_panel: 2\n"


def posted(client: Client, given: dict[str, Any], address: str = "/studies/new/") -> Any:
    values = {"name": "mine", "missing": "refuse", "design_seed": 0, "raters_per_panel": 2}
    return client.post(address, values | given)


def errors(answer: Any) -> str:
    """What the page says, without its marks."""
    assert answer.status_code == 422, answer.content.decode()[-3000:]
    told = re.findall(r'<p class="error"[^>]*>(.*?)</p>', answer.content.decode(), re.S)
    return " | ".join(told).replace("&quot;", '"').replace("&#x27;", "'")


def test_every_protocol_is_made_by_the_page(signed_in: Client) -> None:
    suite, runs = some_runs(4)
    photographs = a_run(suite, "photographs", samples=1)
    claims = "prompt,claim\n" + "".join(f'"{text}",Is it?\n' for text in suite.prompts.values_list("text", flat=True))
    controls = "prompt_id,shown,question,answer\n" + "".join(
        f"0000{at},run-0,{question},1\n" for at in range(3) for question in ("fidelity", "alignment")
    )
    for name in protocols.names():
        brought: dict[str, Any] = {
            "reference": photographs.pk,
            "claims_file": SimpleUploadedFile("c.csv", claims.encode()),
        }
        if name == "single-image":
            brought["controls_file"] = SimpleUploadedFile("controls.csv", controls.encode())
        else:
            brought["without_controls"] = "on"  # of protocols that have none it is left aside
        answer = posted(signed_in, {"name": name, "protocol": name, "runs": [run.pk for run in runs], **brought})
        assert answer.status_code == 302, (name, errors(answer))
        study = Study.objects.get(name=name)
        assert study.specification["protocol"]["name"] == name
        assert ("reference" in study.specification) == name.startswith("coco-")
        assert ("claims" in study.specification) == (name == "questions")
        assert name in signed_in.get("/studies/new/").content.decode()
    text = signed_in.get("/studies/new/").content.decode()
    for line in (
        "Two sets of 8 images. Asked: which is preferred (twice)",
        "One image beside the reference photograph",
    ):
        assert line in text, "each protocol has its line"
    assert 'data-parts="claims"' in text and 'class="part" data-part="reference"' in text


def test_what_a_protocol_needs_is_told_beside_its_field(signed_in: Client) -> None:
    runs = [run.pk for run in some_runs(2)[1]]
    for given, words in (
        ({"protocol": "coco-photorealism"}, "shows reference photographs. Upload them as a run"),
        ({"protocol": "rank-k"}, "compares 4 runs or more; 2 were given"),
        ({"protocol": "questions"}, "There is no claim to ask about of 5 of 5 prompts: 00000, 00001"),
        ({"protocol": "single-image"}, "Give a file of them, or hold the study without"),
        ({"protocol": "questions", "claims_file": SimpleUploadedFile("dsg.csv", b"prompt,clam\nx,y\n")}, "dsg.csv"),
        (
            {"protocol": "single-image", "controls_file": SimpleUploadedFile("c.csv", b"prompt_id,shwon\n0,1\n")},
            'unknown column "shwon"; did you mean "shown"?',
        ),
    ):
        assert words in errors(posted(signed_in, {**given, "runs": runs})), given
    assert not Study.objects.exists()


def test_questions_of_ones_own_become_a_protocol_that_is_found_again(signed_in: Client) -> None:
    runs = [run.pk for run in some_runs(1)[1]]
    assert posted(signed_in, {**OWN, "runs": runs, "samples_per_set": 4}).status_code == 302
    study = Study.objects.get()
    declared = study.specification["protocol"]
    assert (study.protocol, declared["based_on"]) == ("hands", "single-image")
    assert [each["kind"] for each in declared["questions"]] == ["scale", "reasons"]
    assert any(line.startswith("hands: question hands: added") for line in study.specification["departures"])
    text = signed_in.get("/studies/new/").content.decode()
    assert 'value="study:mine"' in text and "As in the study mine." in text
    again = posted(signed_in, {"name": "again", "protocol": "study:mine", "runs": runs})
    assert again.status_code == 302 and Study.objects.get(name="again").specification["protocol"] == declared
    file = signed_in.get("/studies/mine/protocol.yaml").content
    assert protocols.load(file, "hands.yaml").specification() == declared


@pytest.mark.parametrize(
    ("change", "field", "words"),
    [
        ({"q1_answers": "Bad"}, "q1_answers", "Give 2 to 11 lines; there is 1."),
        ({"q3_answers": ""}, "q3_answers", "Give 1 to 11 lines; there are 0."),
        ({"q1_kind": ""}, "q1_kind", "Choose how it is answered."),
        ({"q3_text": ""}, "q3_text", "Word the question."),
        ({"q3_text": "Why {captoin}?"}, "q3_text", 'did you mean "{caption}"?'),
        ({"own_name": ""}, "own_name", "Give the protocol a name"),
        ({"own_name": "drawbench"}, "protocol", "belongs to a protocol that comes with the program"),
        ({"own_name": "My own"}, "own_name", "can't be the name of a protocol"),
        ({"own_layout": "pair"}, "q1_kind", "asks about one image set, and 2 are shown"),
        ({"q3_short": "hands"}, "q1_short", 'Two questions have the id "hands"'),
        ({"q1_text": "", "q1_kind": "", "q3_text": "", "q3_kind": ""}, "q1_text", "Word at least one question."),
    ],
)
def test_a_question_that_cannot_be_is_told_beside_it(
    signed_in: Client, change: dict[str, str], field: str, words: str
) -> None:
    answer = posted(signed_in, {**OWN, **change, "runs": [run.pk for run in some_runs(1)[1]]})
    assert words in errors(answer) and f'id="id_{field}-error"' in answer.content.decode()
    assert not Study.objects.exists()


def test_a_file_is_taken_or_refused_with_its_place(signed_in: Client) -> None:
    runs = [run.pk for run in some_runs(2)[1]]
    wrong = SimpleUploadedFile("sharp.yaml", YAML + b"raters_per_pannel: 3\n")
    answer = posted(signed_in, {"protocol": "own-file", "protocol_file": wrong, "runs": runs})
    assert "sharp.yaml, line 5, column 1: the protocol has no key 'raters_per_pannel'; did you mean" in errors(answer)
    assert "raters_per_pannel: 3" in answer.content.decode(), "what the file says can be mended on the page"
    assert "Choose a YAML file" in errors(posted(signed_in, {"protocol": "own-file", "runs": runs}))
    answer = posted(signed_in, {"protocol": "own-file", "protocol_text": YAML.decode(), "runs": runs})
    assert answer.status_code == 302
    text = signed_in.get("/studies/mine/edit/").content.decode()
    assert re.search(r'value="own-file"[^>]* checked', text) and "based_on: pairwise-open" in text


def test_a_draft_is_edited_in_the_same_form_and_keeps_its_files(signed_in: Client) -> None:
    study = study_create(a_draft("questions", raters=2, contact="the lab", title="Claims"))
    text = signed_in.get("/studies/small/edit/").content.decode()
    version = re.findall(r'name="version" value="(\w{64})"', text)[0]
    assert 'value="Claims"' in text and "The claims of claims.csv stay" in text and 'value="the lab"' in text
    given = {
        "name": "renamed",
        "version": version,
        "protocol": "questions",
        "runs": [run.pk for run in draft_of(study).runs[:3]],
        "title": "Fewer",
    }
    assert posted(signed_in, given, "/studies/small/edit/").headers["Location"] == "/studies/renamed/"
    changed = Study.objects.get()
    assert changed.specification["claims"] == study.specification["claims"] and len(changed.specification["runs"]) == 3
    assert "somebody" not in errors(posted(signed_in, given, "/studies/renamed/edit/"))
    answer = posted(signed_in, given, "/studies/renamed/edit/")
    assert "has been changed meanwhile" in answer.content.decode()
    study_open(study=changed)
    assert "it is open" in posted(signed_in, {**given, "version": ""}, "/studies/renamed/edit/").content.decode()
    assert signed_in.get("/studies/renamed/edit/").headers["Location"] == "/studies/renamed/"


def test_a_draft_that_changed_meanwhile_is_neither_opened_nor_deleted(signed_in: Client) -> None:
    study = study_create(a_draft("pairwise-open", raters=2))
    page = signed_in.get("/studies/small/").content.decode()
    (version,) = set(re.findall(r'name="version" value="(\w{64})"', page))
    study_change(study=study, draft=replace(draft_of(study), title="Another"))
    for act in ("open", "delete"):
        answer = signed_in.post(f"/studies/{study.name}/{act}/", {"version": version}, follow=True)
        assert "has been changed meanwhile" in answer.content.decode()
    assert Study.objects.filter(status=StudyStatus.DRAFT, pk=study.pk).exists()
    assert signed_in.post(f"/studies/{study.name}/delete/").headers["Location"] == "/studies/"
    assert not Study.objects.filter(pk=study.pk).exists()


def test_a_copy_prints_its_difference(signed_in: Client) -> None:
    study = study_open(study=study_create(a_draft("pairwise-open", raters=2)))
    text = signed_in.get("/studies/new/?copy=small").content.decode()
    assert 'value="pairwise-open" id="protocol-4"' in text and len(re.findall(r'name="runs"[^>]* checked', text)) == 4
    given = {"protocol": "pairwise-open", "runs": [run.pk for run in draft_of(study).runs], "raters_per_panel": 3}
    assert posted(signed_in, given, "/studies/new/?copy=small").status_code == 302
    page = signed_in.get("/studies/mine/").content.decode()
    assert "A copy of small." in page and "raters per panel: 3, where the copied study has 2" in page
    assert signed_in.get("/studies/new/?copy=none").status_code == 404


@pytest.mark.parametrize("name", protocols.names())
def test_a_draft_is_played_as_a_rater_and_nothing_is_saved(signed_in: Client, name: str) -> None:
    study_create(a_draft(name, raters=2))
    page = signed_in.get("/studies/small/preview/").content.decode()
    assert "your answers are not saved" in page and "Leave the study" not in page
    config = json.loads(re.findall(r'<script id="config" type="application/json">(.*?)</script>', page)[0])
    assert config["next"] == "/studies/small/preview/next/"
    protocol = protocols.get(name)
    played = 0
    while trials := signed_in.get(config["next"], {"rater": config["rater"]}).json()["trials"]:
        trial = trials[0]
        assert trial["position"] == played
        sets = trial.get("sets") or [trial["left"], trial["right"]]
        image = signed_in.get(config["images"].replace("KEY", sets[0][0]))
        assert image.headers["Content-Type"] == "image/webp" and image.content[:4] == b"RIFF"
        answers = [example(protocol, asked, trial, len(sets)) for asked in trial.get("asked") or config["questions"]]
        body = {"rater": config["rater"], "answers": answers, "after": trial["position"] + 1}
        sent = signed_in.post(config["rate"], body, content_type="application/json").json()
        assert [each["status"] for each in sent.pop("answers")] == ["saved"] * len(answers)
        asked = {"rater": config["rater"], "after": trial["position"] + 1}
        assert sent == signed_in.get(config["next"], asked).json(), "as the rater's own page is answered"
        played += 1
    assert played > 4
    sent = signed_in.post(
        config["undo"], {"rater": config["rater"], "assignment": None}, content_type="application/json"
    )
    assert sent.json()["trial"]["position"] == played - 1
    wrong = [answers[0] | {"choice": "nonsense", "value": "nonsense"}]
    sent = signed_in.post(config["rate"], {"rater": config["rater"], "answers": wrong}, content_type="application/json")
    assert sent.status_code == 400 and "does not fit a question" in sent.json()["error"]["message"]
    assert signed_in.get(config["next"], {"rater": "another"}).json()["error"]["code"] == "reload"
    refused = signed_in.get(config["next"], {"rater": config["rater"], "after": "x"})
    assert refused.status_code == 400 and "whole number" in refused.json()["error"]["message"]
    sent = signed_in.post(config["rate"], body | {"after": "x"}, content_type="application/json")
    assert sent.status_code == 400 and "whole number" in sent.json()["error"]["message"]
    assert signed_in.post("/studies/small/preview/end/").headers["Location"] == "/studies/small/"
    assert not Rating.objects.exists() and not StudyImage.objects.exists()
    assert Study.objects.get().status == StudyStatus.DRAFT


def example(protocol: protocols.Protocol, asked: str, trial: dict[str, Any], shown: int) -> dict[str, object]:
    kind = protocol.question(asked).answers
    value = kind.example(random.Random(0), shown=shown, prompt=trial["caption"] or "a b")
    return {"assignment": trial["assignment"], "question": asked, "choice" if kind.closed else "value": value}


def test_an_open_study_is_not_previewed_and_strangers_see_no_preview(signed_in: Client, client: Client) -> None:
    study = study_create(a_draft("pairwise-open", raters=2))
    signed_in.get("/studies/small/preview/")
    study_open(study=study)
    assert signed_in.get("/studies/small/preview/").status_code == 409
    assert signed_in.get("/studies/small/preview/16x9999/1.webp").status_code == 400
    assert signed_in.get("/studies/small/preview/16x16/999999999.webp").status_code == 404
    signed_in.logout()
    for address in ("", "next/", "16x16/1.webp"):
        assert client.get(f"/studies/small/preview/{address}").status_code == 302
