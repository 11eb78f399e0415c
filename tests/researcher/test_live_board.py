"""The board of an open study: intervals that hold at every look, over raters who have finished, at little cost."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import StoppingRule, rater_means, t_sequence
from evaluation.models import Rater, Study
from evaluation.selectors import live_board as module
from evaluation.selectors.live_board import live_board
from evaluation.selectors.ratings import rater_pseudonym, ratings_frame
from evaluation.services.rating.simulate import raters_simulate
from evaluation.services.studies.open import study_close
from tests.studies.world import an_open_study
from tests.unguarded import unguarded

pytestmark = pytest.mark.django_db


@pytest.fixture
def busy() -> Study:
    """Twelve simulated raters have finished; all find the second run better."""
    study = an_open_study(raters_per_panel=8)
    raters_simulate(study=study, raters=12, seed=1, prefer={"plain": 2.5})
    return study


def test_it_is_the_sequence_over_finished_raters(busy: Study) -> None:
    unfinished = Rater.objects.filter(study=busy).order_by("pk")[0]
    with unguarded():
        Rater.objects.filter(pk=unfinished.pk).update(finished_at=None)
    board = live_board(busy)
    assert board is not None and (board.n_raters, board.n_simulated, board.rule) == (11, 11, None)
    assert [(line.question, line.generator_a, line.generator_b) for line in board.lines] == [
        ("fidelity", "guided", "plain"),
        ("alignment", "guided", "plain"),
    ]
    frame = ratings_frame(busy)
    frame = validate_ratings(frame[frame["rater_id"] != rater_pseudonym(str(unfinished.key))])
    for line in board.lines:
        last = t_sequence(rater_means(frame, "guided", "plain", line.question).tolist()).looks[-1]
        assert last.low is not None and last.high is not None and line.interval is not None
        assert line.n == 11 and line.net == pytest.approx(last.estimate)
        assert (line.interval.low, line.interval.high) == pytest.approx((last.low, last.high))
        assert line.decision is None


def test_the_declared_rule_decides(busy: Study) -> None:
    busy.specification["stopping_rule"] = {"max_raters": 12, "min_raters": 8, "margin": 0.1}
    board = live_board(busy)
    assert board is not None and board.rule is not None and board.stop
    for line in board.lines:
        assert line.decision is not None and line.decision.stop
    assert any(line.leader == "plain" for line in board.lines)


def test_the_page_says_what_may_be_done_with_it(signed_in: Client, busy: Study) -> None:
    text = signed_in.get("/studies/trial/").content.decode()
    for expected in (
        "Safe to check at any time",
        "12 raters finished",
        "12 simulated",
        "declares no stopping rule",
        "Anytime-valid interval",
        "raters prefer plain",
    ):
        assert expected in text, expected
    assert "two-way" not in text and "As independent" not in text, "the ordinary intervals are not shown here"


def test_the_page_says_what_the_declared_rule_says(
    signed_in: Client, busy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = StoppingRule(max_raters=12, min_raters=8, margin=0.1)
    monkeypatch.setattr(module, "declared_rule", lambda specification: rule)
    text = signed_in.get("/studies/trial/state/").content.decode()
    assert "Stopping rule, declared before" in text and "±10 points" in text and "<strong>stop</strong>" in text


def test_few_raters_have_no_interval(signed_in: Client) -> None:
    study = an_open_study()
    assert "once the first rater has finished" in signed_in.get("/studies/trial/").content.decode()
    raters_simulate(study=study, raters=2, seed=0)
    text = signed_in.get("/studies/trial/").content.decode()
    assert "Intervals appear from 7." in text and "none yet" in text


def test_a_closed_study_has_its_report(signed_in: Client, busy: Study) -> None:
    assert live_board(study_close(study=busy)) is None
    assert "Safe to check" not in signed_in.get("/studies/trial/").content.decode()


def test_a_poll_of_the_page_is_five_queries(
    signed_in: Client, busy: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Session, researcher, study, progress, who has finished."""
    signed_in.get("/studies/trial/state/")
    with django_assert_num_queries(5):
        assert "Safe to check" in signed_in.get("/studies/trial/state/").content.decode()


def test_polling_is_cheap(
    busy: Study, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with django_assert_num_queries(2):
        first = live_board(busy)
    computed: list[object] = []
    monkeypatch.setattr(module, "ratings_frame", lambda *given, **named: computed.append(given))
    with django_assert_num_queries(1):
        assert live_board(busy) == first
    assert not computed
    monkeypatch.undo()
    rater = Rater.objects.filter(study=busy).order_by("pk")[0]
    Rater.objects.filter(pk=rater.pk).update(dropped_at=timezone.now())
    with django_assert_num_queries(2):
        fewer = live_board(busy)
    assert fewer is not None and first is not None and fewer.n_raters == first.n_raters - 1
