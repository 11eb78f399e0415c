"""Control trials of the study's own images: by page, with what they attain printed as they are chosen; command; API."""

from __future__ import annotations

import io
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.core.management import call_command
from django.test import Client
from rest_framework.test import APIClient

from evaluation.models import GenerationRun, Study
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import study_open
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db

GOLD = b'prompt,generators,question,expected\n00000,"[""one"", ""two""]",alignment,left\n'


@pytest.fixture
def runs() -> list[GenerationRun]:
    suite = a_suite({"Colors": 60, "Counting": 4})
    return [a_run(suite, name, samples=1) for name in ("one", "two")]


def posted(client: Client, runs: list[GenerationRun], **given: Any) -> Any:
    values = {"name": "mine", "protocol": "drawbench", "runs": [run.pk for run in runs], "missing": "refuse"}
    return client.post("/studies/new/", values | {"design_seed": 0} | given)


def attained(client: Client, **given: Any) -> str:
    answer = client.get("/studies/new/controls/", {"protocol": "drawbench", **given})
    assert answer.status_code == 200
    text = answer.content.decode()
    assert text.startswith('<p id="controls-attained"')
    return re.sub(r"<[^>]+>", "", text).strip()


def test_what_a_choice_attains_is_printed_as_it_is_made(signed_in: Client, runs: list[GenerationRun]) -> None:
    told = attained(signed_in)
    assert "needs 48 control trials, if honest raters pass 60 % of them and random clicks 33 %" in told
    assert told in re.sub(r"<[^>]+>", "", signed_in.get("/studies/new/").content.decode())
    few = attained(signed_in, control_same=10)
    assert few.startswith("10 control trials") and "A power of 95 % takes 48" in few
    enough = attained(signed_in, control_same=24, control_repeats=24)
    assert "95 % are told, of honest ones 1.7 % wrongly" in enough and "takes" not in enough
    assert "needs 7 control" in attained(signed_in, control_honest="0.95")
    assert "two sets of generated images" in attained(signed_in, protocol="rank-k", control_same=3)
    assert "depends on the protocol" in attained(signed_in, protocol="own-questions", control_same=3)
    for odd in ("x", "-1", "1e9", "9" * 5000):
        assert "whole numbers" in attained(signed_in, control_same=odd)
    for odd in ("nan", "inf", "2"):
        assert "shares such as" in attained(signed_in, control_same=3, control_honest=odd)


def test_the_page_declares_them_and_shows_what_each_panel_has(signed_in: Client, runs: list[GenerationRun]) -> None:
    gold = SimpleUploadedFile("gold.csv", GOLD)
    answer = posted(
        signed_in, runs, control_same=20, control_swapped=10, control_repeats=18, control_gold=1, gold_file=gold
    )
    assert answer.status_code == 302
    declared = Study.objects.get().specification["controls"]
    assert declared["added"]["asked"] == {"same": 20, "swapped": 10, "repeats": 18, "gold": 1}
    text = signed_in.get("/studies/mine/").content.decode()
    assert "Colors: 20 same set twice, 10 set of another prompt, 18 repeated, 1 gold, 49 control trials" in text
    assert "Counting: 8 same set twice, 8 set of another prompt, 4 repeated, 0 gold" in text
    assert "this panel has images for no more; that is below 95 %" in text
    page = signed_in.get("/studies/mine/edit/").content.decode()
    assert 'name="control_same" value="20"' in page and "The 1 trial of the file" in page
    answer = signed_in.post(
        "/studies/mine/edit/",
        {"name": "mine", "protocol": "drawbench", "runs": [run.pk for run in runs], "missing": "refuse"}
        | {"design_seed": 0, "control_gold": 1, "control_report_only": "on"},
    )
    assert answer.status_code == 302
    changed = Study.objects.get().specification["controls"]
    assert changed["known"] == declared["known"] and changed["added"]["rule"]["exclude"] is False
    assert changed["added"]["asked"]["same"] == 0


def test_the_report_has_the_kinds_apart(signed_in: Client, runs: list[GenerationRun]) -> None:
    posted(signed_in, runs, raters_per_panel=2, control_same=4, control_repeats=2)
    study = study_open(study=Study.objects.get())
    raters_simulate(study=study, share=1.0, seed=3)
    text = signed_in.get("/studies/mine/report/", follow=True).content.decode()
    rows = re.findall(r'<th scope="row">(same set twice|repeated)</th><td class="number">([0-9.]+)</td>', text)
    assert [name for name, _ in rows] == ["repeated", "same set twice"]
    assert "Chance if honest" in text and "raters are excluded whose control trials" in text


@pytest.mark.parametrize(
    ("given", "field", "words"),
    [
        ({"control_gold": 3}, "control_gold", "need a file"),
        ({"control_same": 3, "protocol": "rank-k"}, "control_same", "two sets of generated images"),
        ({"control_same": "many"}, "control_same", "whole number"),
        ({"control_honest": "0.7"}, "control_same", "Say how many"),
        ({"control_same": 2, "control_honest": "0.3"}, "control_honest", "0.4 or more"),
    ],
)
def test_what_cannot_be_stands_beside_its_field(
    signed_in: Client, runs: list[GenerationRun], given: dict[str, object], field: str, words: str
) -> None:
    more = [a_run(runs[0].suite, name, samples=1) for name in ("three", "four")]
    answer = posted(signed_in, [*runs, *more], **given)
    text = answer.content.decode()
    assert answer.status_code == 422 and words in text and f'id="id_{field}-error"' in text
    assert re.search(r'id="added-controls" open', text), "unfolded"
    assert not Study.objects.exists()


def test_the_command_prints_what_they_attain(runs: list[GenerationRun], tmp_path: Any) -> None:
    path = tmp_path / "gold.csv"
    path.write_bytes(GOLD)
    out = io.StringIO()
    options = ["--control-same", "30", "--control-repeats", "20", "--control-gold", "1", "--controls", str(path)]
    call_command("create_study", "--name", "mine", "--runs", "one,two", *options, stdout=out)
    told = out.getvalue()
    assert "Colors: 30 same set twice, 20 repeated, 1 gold, 51 control trials a session" in told
    assert (
        "Counting: 8 same set twice, 4 repeated, 0 gold, 12 control trials a session" in told and "below 95 %" in told
    )


def test_the_api_takes_and_keeps_them(api: APIClient, runs: list[GenerationRun]) -> None:
    given = {"name": "mine", "runs": ["one", "two"], "controls_file": GOLD.decode()}
    for odd, field in (({"same": -1}, "same"), ({"smae": 1}, ""), ({"same": 1, "honest": 2}, "honest"), ([], "")):
        answer = api.post("/api/v1/studies/", given | {"added_controls": odd}, format="json")
        assert answer.status_code == 400 and answer.json()["field"] == ".".join(filter(None, ("added_controls", field)))
    made = api.post("/api/v1/studies/", given | {"added_controls": {"same": 4, "gold": 1}}, format="json")
    assert made.status_code == 201
    assert made.json()["specification"]["controls"]["added"]["asked"]["same"] == 4
    changed = api.post("/api/v1/studies/mine/change/", {"raters_per_panel": 4}, format="json")
    assert changed.json()["specification"]["controls"] == made.json()["specification"]["controls"]


@pytest.fixture
def api(django_user_model: Any) -> APIClient:
    client = APIClient()
    client.force_authenticate(django_user_model.objects.create_user("ada"))
    return client
