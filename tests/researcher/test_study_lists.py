"""A study's raters, ratings and links as lists; simulated raters, screening, equivalence, the rater table as pages."""

from __future__ import annotations

import io
import re

import pandas as pd
import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evaluation.models import Rater, Rating, Study
from evaluation.selectors.ratings import rater_pseudonym
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import study_close
from tests.researcher.test_commands import said
from tests.studies.world import enrolled

pytestmark = pytest.mark.django_db


def text(client: Client, path: str, **given: str) -> str:
    answer = client.get(path, given)
    assert answer.status_code == 200, answer.content[:500]
    return str(answer.content.decode())


def test_a_row_a_rater(signed_in: Client, rated: Study, django_assert_max_num_queries: DjangoAssertNumQueries) -> None:
    waiting = enrolled(rated).rater
    with django_assert_max_num_queries(14):
        page = text(signed_in, "/studies/trial/raters/")
    called = {rater_pseudonym(str(each.key)) for each in Rater.objects.all()}
    assert called == set(re.findall(r"<code class=\"nowrap\">(\w{12})</code>", page))
    assert f"0 / {waiting.trials}" in page and "finished" in page and " s</td>" in page and " UTC</td>" in page
    assert "Controls right" not in page, "there are none"
    assert text(signed_in, "/studies/trial/raters/", simulated="no").count("<code class") == 1
    assert text(signed_in, "/studies/trial/raters/", panel="Colors", sort="fastest").count("Colors</td>") >= 1
    assert "Nothing fits" in text(signed_in, "/studies/trial/raters/", q="nobody")
    assert text(signed_in, "/studies/trial/raters/", q=str(waiting.key)[:8]).count("<code class") == 1


def test_a_rater_is_revoked_and_the_place_is_free(signed_in: Client, study: Study) -> None:
    rater = enrolled(study).rater
    answer = signed_in.post(f"/studies/trial/raters/{rater.pk}/revoke/", follow=True).content.decode()
    assert "the place is free again" in answer and Rater.objects.get().dropped_at is not None
    again = signed_in.post(f"/studies/trial/raters/{rater.pk}/revoke/", follow=True).content.decode()
    assert "has left the study already" in again
    raters_simulate(study=study, raters=1, seed=0)
    done = Rater.objects.get(simulated=True)
    assert "has finished" in signed_in.post(f"/studies/trial/raters/{done.pk}/revoke/", follow=True).content.decode()
    assert not Rating.objects.filter(retracted_at__isnull=False).exists()
    assert Rater.objects.filter(departures__reason="screened").count() == 1, "the flow on the board adds up"
    late = enrolled(study).rater
    study_close(study=study, inside=1)
    assert (
        "the study is closed"
        in signed_in.post(f"/studies/trial/raters/{late.pk}/revoke/", follow=True).content.decode()
    )


def test_the_rater_table_is_a_file(signed_in: Client, rated: Study) -> None:
    table = pd.read_csv(io.BytesIO(signed_in.get("/studies/trial/raters.csv").content))
    assert len(table) == Rater.objects.count() and {"agreement", "competence", "fast_share"} <= set(table.columns)


def test_ratings_and_links_are_lists(signed_in: Client, rated: Study) -> None:
    page = text(signed_in, "/studies/trial/ratings/")
    assert f"{Rating.objects.count()} found." in page and page.count('<th scope="row">') == min(
        50, Rating.objects.count()
    )
    one = text(signed_in, "/studies/trial/ratings/", question="fidelity", sort="slowest", simulated="yes")
    assert f"{Rating.objects.filter(question='fidelity').count()} found." in one
    enrolled(rated)
    assert "admits raters" in text(signed_in, "/studies/trial/links/")
    assert "Show all" in text(signed_in, "/studies/trial/links/", open="no")


def test_simulated_raters_by_page_are_those_of_the_command(signed_in: Client, study: Study) -> None:
    given = {"raters": "2", "seed": "3", "prefer": "guided=0.8\nplain:fidelity=-0.2"}
    assert "marked so" in signed_in.post("/studies/trial/simulate/", given, follow=True).content.decode()
    assert Rater.objects.filter(simulated=True).count() == 2
    for wrong, told in (
        ({"prefer": "guided"}, "LABEL=NUMBER"),
        ({"prefer": "nobody=1"}, "nobody"),
        ({"raters": "999"}, ""),
    ):
        answer = signed_in.post("/studies/trial/simulate/", given | wrong)
        assert answer.status_code == 422 and told in answer.content.decode()
    study_close(study=study)
    assert signed_in.post("/studies/trial/simulate/", given).status_code == 422
    assert Rater.objects.count() == 2


def test_a_closer_look_is_what_the_command_prints(signed_in: Client, rated: Study) -> None:
    assert "Results speak for" in text(signed_in, "/studies/trial/analyse/")
    given = {"estimand": "raters_and_prompts", "level": "95"}
    page = text(signed_in, "/studies/trial/analyse/", **given)
    assert said("analyse", "trial").splitlines()[-1] in page.replace("&lt;", "<")
    page = text(signed_in, "/studies/trial/analyse/", **given, margin="90")
    assert "Equivalence" in page and ("equivalent within ±90" in page or "not shown to be equivalent" in page)
    page = text(signed_in, "/studies/trial/analyse/", **given, measure="n_ratings", at_least="100000")
    every = Rater.objects.count()
    assert f"It leaves out {every} of {every} raters" in page.replace("\n", " ") or "none left" in page
    assert signed_in.get("/studies/trial/analyse/", given | {"measure": "n_ratings"}).status_code == 422
    assert signed_in.get("/studies/trial/analyse/", given | {"without_simulated": "on"}).status_code == 422


def test_a_report_is_offered_once_there_is_a_rating(signed_in: Client, study: Study) -> None:
    assert "/studies/trial/report/" not in text(signed_in, "/studies/trial/") + text(signed_in, "/")
    raters_simulate(study=study, raters=1, seed=0)
    assert "/studies/trial/report/" in text(signed_in, "/studies/trial/") and "/trial/report/" in text(signed_in, "/")
