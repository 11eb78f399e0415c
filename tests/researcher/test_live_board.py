"""The board of an open study: intervals that hold at every look, over raters who have finished, at little cost."""

from __future__ import annotations

import pytest
from django.test import Client
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from evaluation.analysis.betting import betting_bounds
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.sequential import StoppingRule, rater_means
from evaluation.models import Rater, Rating, Study
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
    """Twenty simulated raters have finished, ten of each panel; all find the second run better."""
    study = an_open_study(raters_per_panel=10)
    raters_simulate(study=study, raters=20, seed=1, prefer={"plain": 2.5})
    return study


def test_it_is_the_sequence_over_rounds_of_raters_as_they_joined(busy: Study) -> None:
    """A round is a rater of each panel, weighted by the panel's prompts; the last is not whole without its second."""
    unfinished = Rater.objects.filter(study=busy).order_by("-pk")[0]
    with unguarded():
        Rater.objects.filter(pk=unfinished.pk).update(finished_at=None)
    board = live_board(busy)
    assert board is not None and (board.n_raters, board.n_simulated, board.rule) == (19, 19, None)
    assert all(each.holds for each in board.conditions) and len(board.conditions) == 4
    assert [(line.question, line.generator_a, line.generator_b) for line in board.lines] == [
        ("fidelity", "guided", "plain"),
        ("alignment", "guided", "plain"),
    ]
    frame = validate_ratings(ratings_frame(busy))
    panels = {each["panel"]: each["prompts"] for each in busy.specification["panels"]}
    by_panel = {
        panel: [rater_pseudonym(str(each.key)) for each in Rater.objects.filter(study=busy, panel=panel).order_by("pk")]
        for panel in panels
    }
    for line in board.lines:
        means = rater_means(frame, "guided", "plain", line.question)
        rounds = [
            sum(means[raters[at]] * panels[panel] for panel, raters in by_panel.items()) / sum(panels.values())
            for at in range(9)
        ]
        low, high = betting_bounds(rounds)
        assert line.interval is not None
        assert line.n == 18 and line.net == pytest.approx(sum(rounds) / 9)
        assert (line.interval.low, line.interval.high) == pytest.approx((low, high))
        assert line.decision is None


def test_a_rater_who_left_trials_out_is_said(busy: Study) -> None:
    """Their mean is of fewer prompts than the others'."""
    rater = Rater.objects.filter(study=busy).order_by("pk")[0]
    rating = Rating.objects.filter(rater=rater).order_by("pk")[0]
    with unguarded():
        Rating.objects.filter(pk=rating.pk).update(retracted_at=timezone.now())
    board = live_board(busy)
    assert board is not None
    failed = {each.name: each.means for each in board.conditions if not each.holds}
    assert list(failed) == ["trials"] and "1 of the 20 raters who count left some out" in failed["trials"]


def test_the_declared_rule_decides(busy: Study) -> None:
    busy.specification["stopping_rule"] = {"max_raters": 20, "min_raters": 8, "margin": 0.1}
    board = live_board(busy)
    assert board is not None and board.rule is not None and board.stop
    for line in board.lines:
        assert line.decision is not None and line.decision.stop
    assert any(line.leader == "plain" for line in board.lines)


def test_the_page_says_what_may_be_done_with_it(signed_in: Client, busy: Study) -> None:
    text = signed_in.get("/studies/trial/").content.decode()
    for expected in (
        "Safe to check at any time",
        "20 raters finished",
        "20 simulated",
        "declares no stopping rule",
        "Anytime-valid interval",
        "raters prefer plain",
    ):
        assert expected in text, expected
    assert "two-way" not in text and "As independent" not in text, "the ordinary intervals are not shown here"


def test_the_page_says_what_the_declared_rule_says(
    signed_in: Client, busy: Study, monkeypatch: pytest.MonkeyPatch
) -> None:
    rule = StoppingRule(max_raters=20, min_raters=8, margin=0.1)
    monkeypatch.setattr(module, "declared_rule", lambda specification: rule)
    text = signed_in.get("/studies/trial/state/").content.decode()
    assert "Stopping rule, declared before" in text and "±10 points" in text and "<strong>stop</strong>" in text


def test_few_raters_have_no_interval(signed_in: Client) -> None:
    study = an_open_study()
    assert "once the first rater has finished" in signed_in.get("/studies/trial/").content.decode()
    raters_simulate(study=study, raters=2, seed=0)
    text = signed_in.get("/studies/trial/").content.decode()
    assert "No interval can exclude zero with fewer than 16." in text and "undecided" in text


def test_a_closed_study_has_its_report(signed_in: Client, busy: Study) -> None:
    assert live_board(study_close(study=busy)) is None
    assert "Safe to check" not in signed_in.get("/studies/trial/").content.decode()


def test_a_poll_of_the_page_is_seven_queries(
    signed_in: Client, busy: Study, django_assert_num_queries: DjangoAssertNumQueries
) -> None:
    """Session, researcher, study, progress, who has finished, people by state, whether a link is open."""
    signed_in.get("/studies/trial/state/")
    with django_assert_num_queries(7):
        assert "Safe to check" in signed_in.get("/studies/trial/state/").content.decode()


def test_polling_is_cheap(
    busy: Study, django_assert_num_queries: DjangoAssertNumQueries, monkeypatch: pytest.MonkeyPatch
) -> None:
    with django_assert_num_queries(3):
        first = live_board(busy)
    computed: list[object] = []
    monkeypatch.setattr(module, "ratings_frame", lambda *given, **named: computed.append(given))
    with django_assert_num_queries(1):
        assert live_board(busy) == first
    assert not computed
    monkeypatch.undo()
    rater = Rater.objects.filter(study=busy).order_by("pk")[0]
    Rater.objects.filter(pk=rater.pk).update(dropped_at=timezone.now())
    with django_assert_num_queries(3):
        fewer = live_board(busy)
    assert fewer is not None and first is not None and fewer.n_raters == first.n_raters - 1
