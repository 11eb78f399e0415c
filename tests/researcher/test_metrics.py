"""Automatic scores on the researcher's pages: asked for, watched, read, stopped; what they cost, what they refuse."""

from __future__ import annotations

import csv
import io
import json
import re
from collections.abc import Iterator

import pytest
from django.test import Client
from pytest_django import DjangoAssertNumQueries

from evaluation.models import MetricRun, RunStatus
from tests.metric_services.conftest import nothing_loaded  # noqa: F401  (a fixture)
from tests.metric_services.steps import add_sample, ask, grey_run, score
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)
from tests.studies.world import a_run, a_suite
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def scored() -> Iterator[MetricRun]:
    run = grey_run({"a <b>": [0, 255, 51], "refuse": [1, 2, 3], "c": [102, 153, 204]})
    with unguarded():
        run.suite.prompts.filter(number=2).update(category="Counting")
    yield score(ask(run))


def text_of(client: Client, path: str) -> str:
    answer = client.get(path)
    assert answer.status_code == 200, path
    text = answer.content.decode()
    assert "style=" not in text and not re.search(r"<script(?![^>]*\bsrc=)", text), path
    return text


def test_a_run_without_scores_says_what_they_are(signed_in: Client) -> None:
    run = grey_run({"a": [0]})
    text = text_of(signed_in, f"/runs/{run.pk}/")
    assert "Automatic scores" in text and "None yet. A CLIP score" in text
    assert f'href="/runs/{run.pk}/scores/new/"' in text


def test_a_score_is_asked_for_with_its_parameters(signed_in: Client) -> None:
    run = grey_run({"a": [0]})
    path = f"/runs/{run.pk}/scores/new/?metric=testbright"
    text = text_of(signed_in, path)
    assert "How bright each image is" in text and "What white is worth." in text and "parameter-weights" not in text
    answer = signed_in.post(path, {"metric": "testbright", "parameter-scale": "2", "parameter-slow": "0"})
    metric_run = MetricRun.objects.get()
    assert answer.headers["Location"] == f"/scores/{metric_run.pk}/"
    assert metric_run.parameters["scale"] == 2.0 and metric_run.created_by is not None
    again = signed_in.post(path, {"metric": "testbright", "parameter-scale": "2.0"}, follow=True)
    assert "was requested before" in again.content.decode() and MetricRun.objects.count() == 1


def test_the_parameters_come_with_the_choice(signed_in: Client) -> None:
    run = grey_run({"a": [0]})
    grey_run({"a": [1]}, name="other")
    part = signed_in.get(f"/runs/{run.pk}/scores/new/?metric=testspread", headers={"HX-Request": "true"})
    text = part.content.decode()
    assert "<html" not in text and "run:other" in text and "run:greys" not in text


@pytest.mark.parametrize(
    ("given", "field", "said"),
    [
        ({"metric": "testbright", "parameter-scale": "1000"}, "parameter-scale", "100 or less"),
        ({"metric": "testbright", "parameter-scale": "much"}, "parameter-scale", "number"),
        ({"metric": "testspread"}, "reference", "Choose one"),
        ({"metric": "testspread", "reference": "run:nothing"}, "reference", "not in the list"),
    ],
)
def test_bad_values_are_told_beside_their_fields(
    signed_in: Client, given: dict[str, str], field: str, said: str
) -> None:
    run = grey_run({"a": [0]})
    grey_run({"a": [1]}, name="other")
    answer = signed_in.post(f"/runs/{run.pk}/scores/new/", given)
    error = re.search(rf'id="id_{field}-error">(.*?)</p>', answer.content.decode())
    assert answer.status_code == 422 and error and said in error[1]
    assert not MetricRun.objects.exists()


def test_what_only_a_command_may_give_is_refused_from_the_web(signed_in: Client) -> None:
    run = grey_run({"a": [0]})
    signed_in.post(
        f"/runs/{run.pk}/scores/new/",
        {"metric": "testbright", "parameter-scale": "1", "parameter-weights": "/etc/passwd"},
    )
    assert MetricRun.objects.get().parameters["weights"] == ""


def test_an_unknown_metric_names_the_nearest(signed_in: Client) -> None:
    run = grey_run({"a": [0]})
    answer = signed_in.get(f"/runs/{run.pk}/scores/new/?metric=testbrigt")
    assert answer.status_code == 400 and "did you mean &quot;testbright&quot;" in answer.content.decode()


def test_a_run_under_way_can_not_be_scored_yet(signed_in: Client) -> None:
    run = a_run(a_suite(), "slow", status=RunStatus.RUNNING, without=[(0, 0)])
    assert "/scores/new/" not in text_of(signed_in, f"/runs/{run.pk}/")
    answer = signed_in.post(f"/runs/{run.pk}/scores/new/", {"metric": "testbright", "parameter-scale": "1"})
    assert answer.status_code == 422 and "still in progress" in answer.content.decode()


def test_a_finished_score_with_its_images(signed_in: Client, scored: MetricRun) -> None:
    text = text_of(signed_in, f"/scores/{scored.pk}/")
    assert "<h1>Brightness" in text and "The mean of 6 images is <strong>0.5</strong>" in text
    assert "Images without a score" in text and "not to my taste" in text
    assert "a &lt;b&gt;" in text and "a <b>" not in text
    shown = re.findall(r"<p><strong>([\d.]+)</strong>", text)
    assert shown == ["0", "0.2", "0.4", "0.6", "0.8", "1"]
    best = text_of(signed_in, f"/scores/{scored.pk}/?order=best&category=Counting")
    assert re.findall(r"<p><strong>([\d.]+)</strong>", best) == ["0.8", "0.6", "0.4"]
    assert scored.images_hash in text and scored.code_version in text
    row = text_of(signed_in, f"/runs/{scored.run_id}/")
    assert f'href="/scores/{scored.pk}/">Brightness</a>' in row and "0.5<br>" in row


def test_the_images_come_in_pages_that_keep_order_and_category(signed_in: Client) -> None:
    found = score(ask(grey_run({f"prompt {n}": [n, n] for n in range(30)})))
    first = text_of(signed_in, f"/scores/{found.pk}/?order=best")
    assert "Page 1 of 3" in first and 'href="?order=best&amp;page=2"' in first
    assert "Page 3 of 3" in text_of(signed_in, f"/scores/{found.pk}/?page=99")


def test_a_score_under_way_is_watched_and_its_end_reloads_the_page(signed_in: Client) -> None:
    found = ask(grey_run({"a": [0, 1]}))
    text = text_of(signed_in, f"/scores/{found.pk}/")
    assert f'hx-get="/scores/{found.pk}/state/"' in text and "waiting for a worker" in text
    listed = text_of(signed_in, f"/runs/{found.run_id}/scores/")
    assert f'hx-get="/runs/{found.run_id}/scores/"' in listed and "<progress" in listed
    MetricRun.objects.update(status=RunStatus.RUNNING, n_done=1)
    assert "<strong>1</strong> of 2 images" in text_of(signed_in, f"/scores/{found.pk}/state/")
    score(found)
    assert signed_in.get(f"/scores/{found.pk}/state/").headers["HX-Refresh"] == "true"
    assert "hx-get" not in text_of(signed_in, f"/runs/{found.run_id}/scores/")


def test_stopping_going_on_and_scoring_anew(signed_in: Client, scored: MetricRun) -> None:
    path = f"/scores/{scored.pk}"
    assert "has ended already" in signed_in.post(f"{path}/cancel/", follow=True).content.decode()
    assert "nothing is left to score" in signed_in.post(f"{path}/retry/", follow=True).content.decode()
    add_sample(scored.run, scored.run.suite.prompts.get(number=0), 3, 9)
    assert "1 image was added later and is not scored yet" in text_of(signed_in, f"{path}/")
    signed_in.post(f"{path}/retry/")
    scored.refresh_from_db()
    assert scored.status == RunStatus.QUEUED and scored.n_done == 9
    signed_in.post(f"{path}/cancel/")
    assert "Resume</button>" in text_of(signed_in, f"{path}/")
    signed_in.post(f"{path}/anew/")
    scored.refresh_from_db()
    assert scored.status == RunStatus.QUEUED and not scored.scores.exists() and scored.label == ""


def test_a_failed_score_says_why(signed_in: Client) -> None:
    found = score(ask(grey_run({"refuse": [0]})))
    text = text_of(signed_in, f"/scores/{found.pk}/")
    assert "No image got a score" in text and 'class="notice error"' in text


def test_a_set_shows_its_number_and_all_it_depends_on(signed_in: Client) -> None:
    bright, _ = grey_run({"a": [255]}, name="bright"), grey_run({"a": [51]}, name="dark")
    found = score(ask(bright, "testspread", reference="run:dark"))
    text = text_of(signed_in, f"/scores/{found.pk}/")
    assert "<strong>0.8</strong> as computed" in text and "n_reference" in text and "Lower is better" in text
    assert "images</h2>" not in text
    assert signed_in.get(f"/scores/{found.pk}/figure.svg").status_code == 404


def test_the_files(signed_in: Client, scored: MetricRun) -> None:
    answer = signed_in.get(f"/scores/{scored.pk}/scores.csv")
    rows = list(csv.DictReader(io.StringIO(answer.content.decode())))
    assert list(rows[0])[:6] == ["prompt_id", "category", "generator", "sample", "metric", "value"]
    assert len(rows) == 9 and rows[0]["value"] == "0.0" and rows[3]["value"] == ""
    assert "attachment" in answer.headers["Content-Disposition"]
    told = json.loads(signed_in.get(f"/scores/{scored.pk}/result.json").content)
    assert told["label"] == "brightness" and told["result"]["overall"]["n"] == 6
    for theme in ("", "?theme=dark", "?narrow"):
        drawn = signed_in.get(f"/scores/{scored.pk}/figure.svg{theme}")
        assert drawn.headers["Content-Type"] == "image/svg+xml" and b"<svg" in drawn.content
        assert drawn.content == signed_in.get(f"/scores/{scored.pk}/figure.svg{theme}").content


@pytest.mark.parametrize(
    ("path", "most"),
    [("/runs/{run}/", 15), ("/runs/{run}/scores/", 4), ("/runs/{run}/scores/new/", 6), ("/scores/{score}/", 9)],
)
def test_queries_do_not_grow_with_the_images(
    signed_in: Client, django_assert_max_num_queries: DjangoAssertNumQueries, path: str, most: int
) -> None:
    run = grey_run({f"prompt {n}": [n, n, n] for n in range(12)})
    found = score(ask(run))
    for scale in range(2, 6):
        score(ask(run, parameters={"scale": scale}))
    with django_assert_max_num_queries(most):
        assert signed_in.get(path.format(run=run.pk, score=found.pk)).status_code == 200


def test_there_is_nothing_where_there_is_no_score(signed_in: Client) -> None:
    for path in ("/scores/99/", "/scores/99/scores.csv", "/runs/99/scores/", "/runs/99/scores/new/"):
        assert signed_in.get(path).status_code == 404
