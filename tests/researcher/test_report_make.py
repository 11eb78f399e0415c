"""A report is looked up by its input, settings and code first; what is not there is read and checked once."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from evaluation.analysis import frame as frame_module
from evaluation.analysis.frame import validate_ratings
from evaluation.models import Rater, Rating, Report, Study
from evaluation.reports import compute as compute_module
from evaluation.selectors.ratings import ratings_frame
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.reporting import make as make_module
from evaluation.services.reporting.make import report_make
from evaluation.services.studies.create import StudyDraft, study_create
from evaluation.services.studies.open import study_open
from tests.metric_services.conftest import nothing_loaded  # noqa: F401  (a fixture)
from tests.metric_services.steps import ask, score
from tests.runs.conftest import plugin  # noqa: F401  (a fixture)
from tests.studies.world import a_run, a_suite
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def whole() -> Study:
    """A study that has all that a report tells: ratings, a stopping rule, automatic scores."""
    suite = a_suite(name="suite-whole")
    runs = [a_run(suite, label) for label in ("one", "two")]
    for run in runs:
        score(ask(run))
    study = study_create(
        StudyDraft(name="whole", runs=runs, labels=["one", "two"], raters_per_panel=8, stopping_rule={})
    )
    study = study_open(study=study)
    raters_simulate(study=study, raters=9, seed=1)
    return study


def counting(monkeypatch: pytest.MonkeyPatch, owner: object, name: str) -> list[str]:
    calls: list[str] = []
    real: Callable[..., object] = getattr(owner, name)

    def counted(*given: object, **named: object) -> object:
        calls.append(name)
        return real(*given, **named)

    monkeypatch.setattr(owner, name, counted)
    return calls


def test_a_second_request_computes_nothing(whole: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    names = ("compute", "validate_ratings", "collection", "early_looks", "automatic_scores", "analyse_valid")
    calls = [counting(monkeypatch, compute_module, name) for name in names]
    first = report_make(study=whole)
    assert [len(each) for each in calls] == [1] * len(names)
    assert first.results["stopping_rule"]["lines"] and first.results["automatic"]["against_people"]
    computed = counting(monkeypatch, make_module, "compute_report")
    with CaptureQueriesContext(
        connection,
    ) as queries:
        assert report_make(study=whole).pk == first.pk
    assert not computed and [len(each) for each in calls] == [1] * len(names)
    assert not [each["sql"] for each in queries if not each["sql"].startswith("SELECT")], "nothing is written"
    assert Report.objects.count() == 1


def test_the_ratings_are_read_once_and_checked_once(whole: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    checked: list[str] = []
    real = frame_module.Checker

    def noted(source: str, *places: Any) -> object:
        checked.append(source)
        return real(source, *places)

    monkeypatch.setattr(frame_module, "Checker", noted)  # every validation of ratings makes one
    with CaptureQueriesContext(connection) as queries:
        report_make(study=whole)
    assert checked == ["the ratings"]
    table = f'FROM "{Rating._meta.db_table}"'
    assert len([each for each in queries if table in each["sql"]]) == 1
    validate_ratings(ratings_frame(whole))
    assert len(checked) == 2, "the count would have seen another"


def test_other_input_or_settings_make_another(whole: Study) -> None:
    first = report_make(study=whole)
    assert report_make(study=whole, settings={"level": 0.9}).pk != first.pk
    last = Rater.objects.filter(study=whole).order_by("-finished_at")[0]
    with unguarded():
        Rater.objects.filter(pk=last.pk).update(finished_at=None)
    fewer = report_make(study=whole)
    assert fewer.pk != first.pk and fewer.input_hash == first.input_hash, "the same ratings, fewer who have finished"
    Rater.objects.filter(pk=last.pk).update(finished_at=last.finished_at)
    assert report_make(study=whole).pk == first.pk


def test_other_code_makes_another(whole: Study, monkeypatch: pytest.MonkeyPatch) -> None:
    first = report_make(study=whole)
    monkeypatch.setattr(make_module, "code_version", lambda: "analysis-0000000000000000")
    other = report_make(study=whole)
    assert other.pk != first.pk and other.results == first.results
