"""The exact rule on control trials: against scipy, by enumeration, and on a crowd with planted clickers."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count, product
from math import log, prod

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from evaluation.analysis.answers import no_answers, validate_answers
from evaluation.analysis.control_rule import ControlRule, attained, controls_needed, exact_interval, tail
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.screening import AddedControls, Screening, screen_added
from evaluation.analysis.summary import analyse

RULE = ControlRule()
THIRD = 1 / 3


@pytest.mark.parametrize("n", [1, 5, 45, 48, 90])
def test_trials_of_one_chance_are_the_exact_binomial_test(n: int) -> None:
    found = attained(RULE, [0.33] * n)
    least = next(k for k in range(n + 2) if stats.binom.cdf(k, n, 0.6) > 0.02)
    assert found.least == least
    assert found.power == pytest.approx(stats.binom.cdf(least - 1, n, 0.33))
    assert found.false_exclusion == pytest.approx(stats.binom.cdf(least - 1, n, 0.6)) and found.false_exclusion <= 0.02
    for right in range(n + 1):
        assert tail(RULE, {0.33: (right, n)}) == pytest.approx(stats.binomtest(right, n, 0.6, "less").pvalue)


def test_about_45_trials_are_needed() -> None:
    assert controls_needed(RULE, 0.33) == 48
    assert attained(RULE, [0.33] * 46).power == pytest.approx(0.95, abs=5e-4)
    assert attained(RULE, [0.33] * 45).power == pytest.approx(0.9275, abs=1e-3)
    assert controls_needed(ControlRule(honest=0.95), THIRD) == 7
    assert controls_needed(ControlRule(honest=0.52), 0.5) is None


def test_trials_of_unlike_chances_are_weighed_by_their_likelihood_ratio() -> None:
    chances = [THIRD, THIRD, THIRD, 0.5, 0.5, 0.05]

    def weight(chance: float) -> float:
        return log(0.6 / 0.4) - log(chance / (1 - chance))

    everything = []
    for each in product((0, 1), repeat=len(chances)):
        score = sum(hit * weight(chance) for hit, chance in zip(each, chances, strict=True))
        chance_honest = 0.6 ** sum(each) * 0.4 ** (len(each) - sum(each))
        chance_click = prod(c if hit else 1 - c for hit, c in zip(each, chances, strict=True))
        everything.append((score, chance_honest, chance_click, each))
    loose = ControlRule(false_exclusion=0.1)
    found = attained(loose, chances)
    power = false = 0.0
    for score, honest, click, each in everything:
        own = sum(other for at, other, *_ in everything if at <= score + 1e-9)
        passed = {c: (sum(h for h, k in zip(each, chances, strict=True) if k == c), chances.count(c)) for c in chances}
        assert tail(loose, passed) == pytest.approx(own)
        if own <= 0.1:
            power, false = power + click, false + honest
    assert found.least is None and 0 < false <= 0.1
    assert found.power == pytest.approx(power) and found.false_exclusion == pytest.approx(false)


def test_nobody_is_judged_without_control_trials() -> None:
    assert tail(RULE, {}) == 1 and attained(RULE, []).power == 0
    assert exact_interval(0, 0) == (0, 1)
    for right, n in ((0, 10), (3, 10), (10, 10)):
        own = stats.binomtest(right, n).proportion_ci(method="exact")
        assert exact_interval(right, n) == pytest.approx((own.low, own.high))


RIGHT = {"same": "indifferent", "swapped": "a"}
KINDS = {"same": 24, "swapped": 12, "repeat": 12}
QUESTION = "alignment"


def _crowd(rng: np.random.Generator, habits: dict[str, str], n_trials: int, net: float) -> pd.DataFrame:
    """Ratings of raters by their habit (`honest`, `random`, `left`); honest ones pass six control trials of ten."""
    rows = [row for rater, habit in habits.items() for row in _session(rng, rater, habit, n_trials, net)]
    return pd.DataFrame(rows)


CHOICES = ("a", "indifferent", "b")


def _session(
    rng: np.random.Generator, rater: str, habit: str, n_trials: int, net: float
) -> Iterator[dict[str, object]]:
    def given(honest: str, left: bool) -> str:
        if habit == "left":
            return "a" if left else "b"
        return honest if habit == "honest" else str(rng.choice(CHOICES))

    def row(kind: str, prompt: int, choice: str, left: bool) -> dict[str, object]:
        control = kind in RIGHT
        return {
            "rater_id": rater,
            "prompt_id": f"p{prompt}",
            "category": "c",
            "generator_a": "A",
            "generator_b": "A" if control else "B",
            "question": QUESTION,
            "choice": choice,
            "a_shown_left": left,
            "position": next(positions),
            "control": control,
            "control_answer": RIGHT.get(kind, ""),
            "control_kind": kind if control else "",
            "repetition": int(kind == "repeat"),
        }

    positions = count()
    first = {}
    for trial in range(n_trials):
        left = bool(rng.random() < 0.5)
        first[trial] = given(str(rng.choice(CHOICES, p=[0.4 + net / 2, 0.2, 0.4 - net / 2])), left), left
        yield row("", trial, *first[trial])
    for kind, n in KINDS.items():
        for at in range(n):
            was, was_left = first[at]
            left = not was_left if kind == "repeat" else bool(rng.random() < 0.5)
            right = RIGHT.get(kind, was)
            wrong = str(rng.choice([each for each in CHOICES if each != right]))
            yield row(kind, at, given(right if rng.random() < 0.6 else wrong, left), left)


def _screened(frame: pd.DataFrame, rule: ControlRule = RULE) -> Screening:
    return screen_added(validate_ratings(frame), validate_answers(no_answers()), AddedControls(rule, {QUESTION: THIRD}))


def test_clickers_are_excluded_at_the_declared_rate_and_the_rate_is_recovered() -> None:
    """Honest raters pass just six of ten; a click one of three; who always takes the left set passes fewer still."""
    rng = np.random.default_rng(20)
    habits = {f"h{n:03}": "honest" for n in range(120)}
    habits |= {f"r{n:03}": "random" for n in range(60)} | {f"l{n:03}": "left" for n in range(15)}
    frame = _crowd(rng, habits, n_trials=24, net=0.4)
    found = _screened(frame)
    excluded = {kind: sum(each[0] == kind for each in found.dropped) for kind in "hrl"}
    expected = attained(RULE, [THIRD] * sum(KINDS.values()))
    assert expected.power > 0.95
    assert excluded["h"] <= stats.binom.ppf(0.999, 120, expected.false_exclusion)
    assert excluded["r"] >= stats.binom.ppf(0.001, 60, expected.power)
    assert excluded["l"] == 15, "a repeat turned round and a set beside itself tell who always takes the left one"
    rates = {each.kind: each for each in found.kinds}
    assert {name: each.answered for name, each in rates.items()} == {k: n * len(habits) for k, n in KINDS.items()}
    assert all(each.low < each.share < each.high and each.click == pytest.approx(THIRD) for each in found.kinds)

    with_all = analyse(validate_ratings(frame)).comparisons[0].overall.net
    kept = analyse(validate_ratings(frame[~frame["rater_id"].isin(found.dropped)])).comparisons[0].overall.net
    assert kept.interval is not None and with_all.interval is not None
    assert kept.interval.low <= 0.4 <= kept.interval.high, "the rate is recovered"
    assert with_all.interval.high < 0.4 and with_all.estimate < kept.estimate, "clicks had hidden it"
    control_free = frame[(frame["control_kind"] == "") & (frame["repetition"] == 0)]
    assert analyse(validate_ratings(control_free)).comparisons[0].overall.net == with_all, "controls count in no rate"


def test_a_study_may_only_report_who_fails() -> None:
    frame = _crowd(np.random.default_rng(1), {"a": "honest", "b": "left"}, n_trials=24, net=0.0)
    found = _screened(frame, ControlRule(exclude=False))
    assert not found.dropped
    failed = {each.rater_id: each.chance for each in found.raters}
    assert failed["b"] is not None and failed["b"] < 0.02 < (failed["a"] or 0)
    assert Screening.from_dict(found.to_dict()) == found


def test_a_gold_trial_is_passed_where_all_its_answers_are_right() -> None:
    row = {"rater_id": "x", "prompt_id": "p", "category": "c", "generator_a": "A", "generator_b": "B", "control": True}
    row |= {"control_kind": "known", "control_answer": "a", "repetition": 0, "a_shown_left": True}
    both = [
        row | {"question": question, "choice": choice, "position": position, "prompt_id": f"p{position}"}
        for position, choices in enumerate((("a", "a"), ("a", "b")))
        for question, choice in zip(("fidelity", QUESTION), choices, strict=True)
    ]
    added = AddedControls(RULE, {"fidelity": THIRD, QUESTION: THIRD})
    found = screen_added(validate_ratings(pd.DataFrame(both)), validate_answers(no_answers()), added)
    (rater,) = found.raters
    assert (rater.right, rater.answered) == (1, 2)
    assert found.kinds[0].click == pytest.approx(1 / 9)
