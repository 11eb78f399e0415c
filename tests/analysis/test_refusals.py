"""Refused images: rates and policies, on planted examples worked by hand."""

from __future__ import annotations

import pandas as pd
import pytest

from evaluation.analysis import analyse
from evaluation.analysis.estimates import PreferenceRate
from evaluation.analysis.refusals import POLICIES, Refusals, WithRefusals, refusals, with_refusals
from evaluation.analysis.results import rounded


def a_rate(prefer_a: int, indifferent: int, prefer_b: int, prompts: int = 8, raters: int = 5) -> PreferenceRate:
    """The overall rate of so many ratings, spread over raters and prompts."""
    choices = ["a"] * prefer_a + ["indifferent"] * indifferent + ["b"] * prefer_b
    assert len(choices) == prompts * raters
    rows = [
        {
            "rater_id": f"r{at % raters}",
            "prompt_id": f"p{at // raters}",
            "category": "all",
            "generator_a": "one",
            "generator_b": "two",
            "question": "alignment",
            "choice": choice,
        }
        for at, choice in enumerate(choices)
    ]
    return analyse(pd.DataFrame(rows)).comparisons[0].overall


@pytest.fixture(scope="module")
def rate() -> PreferenceRate:
    return a_rate(20, 8, 12)


def of(rate: PreferenceRate, lacking: dict[str, list[str]], n_shown: int = 8) -> WithRefusals:
    return with_refusals(rate, pair=("one", "two"), question="alignment", n_shown=n_shown, lacking=lacking)


def test_a_hand_counted_case(rate: PreferenceRate) -> None:
    """Eight prompts shown: a .5, indifferent .2, b .3. One alone refuses two: those go to b. Ten prompts in all."""
    found = of(rate, {"p8": ["one"], "p9": ["one"]})
    assert (found.n_a, found.n_b, found.n_both) == (2, 0, 0)
    assert (found.excluded.a, found.excluded.indifferent, found.excluded.b) == (0.5, 0.2, 0.3)
    assert (found.loss.a, found.loss.indifferent, found.loss.b) == pytest.approx((0.4, 0.16, 0.44))
    assert found.excluded.net == pytest.approx(0.2) and found.loss.net == pytest.approx(-0.04)
    assert found.ends == pytest.approx((-0.04, 0.2))


def test_who_refuses_loses_both_is_indifferent_and_others_do_not_count(rate: PreferenceRate) -> None:
    found = of(rate, {"p8": ["two"], "p9": ["one", "two"], "p10": ["three"], "p11": ["three", "two"]})
    assert (found.n_a, found.n_b, found.n_both) == (0, 2, 1)
    assert (found.loss.a, found.loss.indifferent, found.loss.b) == pytest.approx((6 / 11, 2.6 / 11, 2.4 / 11))
    assert found.loss.net == pytest.approx(found.loss.a - found.loss.b)


def test_turned_round_it_is_the_same(rate: PreferenceRate) -> None:
    """Exchanging the two generators exchanges who refuses, and negates the move."""
    first, second = of(rate, {"p8": ["one"]}), of(rate, {"p8": ["two"]})
    assert first.loss.net - 8 / 9 * 0.2 == pytest.approx(-(second.loss.net - 8 / 9 * 0.2))


def test_without_refusals_both_are_the_same_rate(rate: PreferenceRate) -> None:
    found = of(rate, {})
    assert found.loss == found.excluded


def test_the_interval_keeps_its_place_and_shrinks_by_what_is_known(rate: PreferenceRate) -> None:
    found = of(rate, {"p8": ["one"], "p9": ["one"]})
    assert found.excluded.low is not None and found.excluded.high is not None
    assert found.loss.low is not None and found.loss.high is not None
    assert found.loss.high - found.loss.low == pytest.approx(0.8 * (found.excluded.high - found.excluded.low))
    assert found.loss.low < found.loss.net < found.loss.high


def test_a_planted_truth_is_recovered() -> None:
    """Two generators are equally good on all 40 prompts, and one refuses the ten that it would lose. Left out, it looks
    better than it is by a third; counted as lost, it is what it is."""
    won, lost = 20, 20  # of 40 prompts, by "one", as everybody would see it
    shown = a_rate(won * 5, 0, (lost - 10) * 5, prompts=30)
    found = of(shown, {f"p{n}": ["one"] for n in range(30, 40)}, n_shown=30)
    assert found.excluded.net == pytest.approx(1 / 3)
    assert found.loss.net == pytest.approx(0.0)


def test_rates_and_json_go_there_and_back(rate: PreferenceRate) -> None:
    declared = {
        "policy": "bounds",
        "runs": [
            {"label": "one", "wanted": 40, "missing": 8, "kinds": {"refused": 6, "filtered": 2}},
            {"label": "two", "wanted": 0, "missing": 0, "kinds": {}},
        ],
        "lacking": {"p8": ["one"]},
    }
    found = refusals(declared, [("one", "two", "alignment", rate), ("two", "three", "alignment", rate)], n_shown=8)
    assert [each.rate for each in found.rates] == [0.2, 0.0]
    assert [(each.generator_a, each.generator_b) for each in found.comparisons] == [("one", "two")]
    assert Refusals.from_dict(found.to_dict()) == rounded(found)
    assert set(POLICIES) == {"excluded", "loss", "bounds"}
