"""The planner: on a page, beside the form of a study with and without its script, as a command, in the API."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.test import Client
from rest_framework.test import APIClient

from evaluation.models import Study
from evaluation.reports.ratings_file import ratings_csv
from evaluation.selectors.ratings import ratings_frame
from evaluation.views.researcher.plan import PlanForm, PlannerFields
from tests.gate.test_every_field import test_what_a_form_takes_has_limits as has_limits
from tests.researcher.test_commands import document, refused, said
from tests.studies.world import a_run, a_suite

pytestmark = pytest.mark.django_db


def sent(client: Client, path: str, **given: Any) -> str:
    answer = client.post(path, {"protocol": "drawbench", "missing": "refuse", "design_seed": "0"} | given)
    assert answer.status_code == 200, answer.content
    return str(answer.content.decode())


def runs_of(categories: dict[str, int]) -> list[int]:
    suite = a_suite(categories)
    return [a_run(suite, name, samples=1).pk for name in ("one", "two")]


def test_the_forms_plan_follows_what_is_chosen(signed_in: Client) -> None:
    runs = runs_of({"Colors": 12, "Counting": 20})
    assert "Choose the runs" in sent(signed_in, "/plan/draft/")
    text = sent(signed_in, "/plan/draft/", runs=runs, **{"plan-pay": "12", "plan-width": "10"})
    assert "25 raters x 32 prompts in 2 panels" in text and "Colors" in text and "25 x 12" in text
    assert "50 raters see 800 trials" in text and "At 12.00 an hour they cost" in text and "For ±10.0 points" in text
    fewer = sent(signed_in, "/plan/draft/", runs=runs, raters_per_panel="5")
    assert "5 raters x 32 prompts" in fewer and "10 raters see 160 trials" in fewer
    one = sent(signed_in, "/plan/draft/", runs=runs, protocol="pairwise-open", raters_per_panel="9")
    assert "in 2 panels" not in one
    own = {"protocol": "own-questions", "own_name": "wall", "own_layout": "pair", "q1_kind": "preference"}
    own |= {"q1_text": "Which?", "q1_answers": "left\nno preference\nright", "q1_short": "Wall", "own_panels": "all"}
    assert "7 raters x 32 prompts detect" in sent(signed_in, "/plan/draft/", runs=runs, raters_per_panel="7", **own)
    few = sent(signed_in, "/plan/draft/", runs=runs, raters_per_panel="2", **own)
    assert "too few to detect any difference" in few
    assert "<html" not in one and Study.objects.count() == 0


def test_without_the_script_a_button_does_it_and_keeps_what_was_typed(signed_in: Client) -> None:
    runs = runs_of({"Colors": 12})
    page = signed_in.get("/studies/new/").content.decode()
    assert 'data-planner="/plan/draft/"' in page and re.search(r'<button[^>]*name="plan"[^>]*formnovalidate', page)
    given = {f"label-{runs[0]}": "mine", "title": "Half done", "stop_when_decided": "on", "plan-seconds": "30"}
    text = sent(signed_in, "/studies/new/", runs=runs, plan="plan", **given)
    assert "25 raters x 12 prompts detect" in text and "about 30.0 s a trial" in text
    assert 'value="Half done"' in text and 'value="mine"' in text and text.count(" checked") >= 4
    assert "Fill in this field" not in text and Study.objects.count() == 0, "no name yet is no error of a plan"


def test_what_is_amiss_is_said_in_place_of_the_plan(signed_in: Client) -> None:
    runs = runs_of({"Colors": 12})
    assert "Seconds per trial: Enter a number" in sent(signed_in, "/plan/draft/", runs=runs, **{"plan-seconds": "x"})
    assert "Unknown study" in sent(signed_in, "/plan/draft/", runs=runs, **{"plan-pilot": "nothing"})
    other = a_run(a_suite({"Colors": 1}, name="other"), "three", samples=1)
    assert "runs of one suite" in sent(signed_in, "/plan/draft/", runs=[*runs, other.pk])
    assert "complete its questions" in sent(signed_in, "/plan/draft/", runs=runs, protocol="own-questions")


def test_a_page_plans_no_study(signed_in: Client) -> None:
    text = signed_in.get("/plan/").content.decode()
    assert "Plan a study" in text and "detect" not in text
    asked = {"prompts": "12", "protocol": "drawbench", "generators": "2", "raters": "25", "width": "9", "pay": ""}
    text = signed_in.get("/plan/", asked).content.decode()
    assert "25 raters x 12 prompts detect ±" in text and "points of the net share" in text
    wrong = signed_in.get("/plan/", asked | {"prompts": "a dozen"})
    assert wrong.status_code == 422 and "Give whole numbers" in wrong.content.decode()
    assert "Choose a suite" in signed_in.get("/plan/", asked | {"prompts": ""}).content.decode()
    many = signed_in.get("/plan/", asked | {"protocol": "rank-k"}).content.decode()
    assert "so a study needs as many" in many or "rater-hours" in many


def test_after_a_pilot_its_own_variances_plan_the_next(signed_in: Client, rated: Study) -> None:
    page = signed_in.get(f"/studies/{rated.name}/").content.decode()
    link = re.search(r'href="(/plan/\?study=trial&amp;pilot=trial)"', page)
    assert link
    form = signed_in.get(link[1].replace("&amp;", "&")).content.decode()
    assert 'name="pilot" value="trial"' in form and 'value="3, 2"' in form
    asked = {"prompts": "3, 2", "protocol": "drawbench", "generators": "2", "pilot": "trial"}
    text = signed_in.get("/plan/", asked).content.decode()
    assert "from a pilot of" in text and "of them simulated" in text and "assumed" not in text


def test_the_command_and_the_api_say_the_same(rated: Study, ada: User, tmp_path: Path) -> None:
    api = APIClient()
    api.force_authenticate(ada)
    for asked, query in (
        (("--prompts", "12,20", "--raters-per-panel", "7"), {"prompts": "12,20", "raters": "7"}),
        (("trial", "--pay", "12", "--width", "0.2"), {"study": "trial", "pay": "12", "width": "0.2"}),
        (("trial", "--pilot", "trial"), {"study": "trial", "pilot": "trial"}),
    ):
        found = document("plan", *asked)
        assert found["schema"] == "drawbench-plan/1"
        assert api.get("/api/v1/plan/", query).json() == found
    path = tmp_path / "pilot.csv"
    path.write_bytes(ratings_csv(ratings_frame(rated)))
    assert document("plan", "trial", "--pilot", str(path)) == found
    assert "detect ±" in said("plan", "--prompts", "12")
    assert document("plan", "--prompts", "9", "--protocol", "single-image")["half_width"] is None


def test_bad_input_is_refused_in_a_sentence(study: Study, ada: User) -> None:
    assert "between 1 and" in refused("plan", "--raters-per-panel", "0")
    assert "between 0.001 and 0.99" in refused("plan", "--width", "5")
    assert "must be a number" in refused("plan", "--seconds", "nan")
    assert "must be between" in refused("plan", "--seconds", "0")
    assert "Give whole numbers" in refused("plan", "--prompts", "1e3")
    assert "too few to plan from" in refused("plan", "--pilot", "trial")
    assert 'did you mean "trial"?' in refused("plan", "trail")
    assert "--ratings" in refused("plan", "trial", "--map", "a=b")
    api = APIClient()
    api.force_authenticate(ada)
    for query in ({"prompts": "0"}, {"suite": "x", "prompts": "1"}, {"study": "trial", "protocol": "drawbench"}):
        assert api.get("/api/v1/plan/", query).status_code in (400, 404, 409), query


@pytest.mark.parametrize("form", [PlanForm, PlannerFields])
def test_limits(form: type[PlannerFields]) -> None:
    has_limits(form)
