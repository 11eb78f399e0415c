"""What a finding hangs on: every number overturns it when computed again, and small cases are exact."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evaluation.analysis.estimates import Interval
from evaluation.analysis.fragility import Fragility, fragility
from evaluation.analysis.fragility_leader import leader_needs
from evaluation.analysis.frame import read_ratings, validate_ratings
from evaluation.analysis.ranking import rank_generators
from evaluation.analysis.summary import overall_rate

VOTES = Path(__file__).resolve().parents[3] / "shared" / "data" / "votes"
SCORE = {"a": 1, "indifferent": 0, "b": -1}


def crowd(
    seed: int, raters: int = 6, prompts: int = 8, pairs: Sequence[str] = ("AB",), lead: float = 0.7
) -> pd.DataFrame:
    """Ratings of every rater, prompt and pair, the earlier letter ahead by `lead` on the logit scale."""
    rng = np.random.default_rng(seed)
    rows = []
    for first, second in (tuple(pair) for pair in pairs):
        gap = lead * (ord(second) - ord(first))
        for rater, prompt in itertools.product(range(raters), range(prompts)):
            chance = 1 / (1 + np.exp(-gap))
            choice = "indifferent" if rng.random() < 0.15 else "a" if rng.random() < chance else "b"
            rows.append((f"r{rater}", f"p{prompt}", "all", first, second, "alignment", choice))
    names = ["rater_id", "prompt_id", "category", "generator_a", "generator_b", "question", "choice"]
    return validate_ratings(pd.DataFrame(rows, columns=names))


def net(frame: pd.DataFrame) -> int:
    """A's votes less B's."""
    return sum(SCORE[str(choice)] for choice in frame["choice"])


@pytest.mark.parametrize("seed", range(6))
def test_the_sign_hangs_on_the_fewest_that_there_are(seed: int) -> None:
    """By trying every set of raters, and of prompts, smaller ones first."""
    frame = crowd(seed, raters=5, prompts=5)
    (found,) = fragility(frame)
    sign = np.sign(net(frame))
    if sign == 0:
        assert found.sign.why == "neither is preferred"
        return
    for unit, column in (("raters", "rater_id"), ("prompts", "prompt_id")):
        ids = sorted(frame[column].astype(str).unique())
        turned = (
            size
            for size in range(1, len(ids) + 1)
            for some in itertools.combinations(ids, size)
            if np.sign(net(frame[~frame[column].astype(str).isin(some)])) == -sign
        )
        assert getattr(found.sign, unit) == next(turned, None), unit
    against = int((frame["choice"].astype(str).map(SCORE) == -sign).sum())
    assert found.sign.votes == (abs(net(frame)) + 1 if against else None)


@pytest.mark.parametrize("seed", range(4))
def test_without_the_named_the_interval_holds_zero(seed: int) -> None:
    frame = crowd(seed, raters=12, prompts=15, lead=0.9)
    (found,) = fragility(frame)
    assert found.zero.why is None and found.zero.named is not None
    for unit, column in (("raters", "rater_id"), ("prompts", "prompt_id")):
        n, named = getattr(found.zero, unit), found.zero.named[unit]
        if n is None:
            continue
        assert n == len(named)
        kept = overall_rate(frame[~frame[column].astype(str).isin(named)]).net
        interval = kept.intervals[kept.default]
        assert isinstance(interval, Interval) and interval.low <= 0 <= interval.high
    assert found.zero.votes is not None and found.sign.votes is not None and found.zero.votes < found.sign.votes


def test_nothing_hangs_on_what_is_not_found() -> None:
    frame = crowd(1, lead=0.0)
    (found,) = fragility(frame)
    assert found.zero.why == "the interval holds zero already"
    assert found.leader.why is not None and "only two generators" in found.leader.why
    assert found.to_dict()["zero"] is None and set(found.to_dict()["why"]) >= {"zero", "leader"}


def test_one_who_never_won_cannot_come_to_lead() -> None:
    frame = crowd(0)
    frame = validate_ratings(frame.assign(choice="a"))
    (found,) = fragility(frame)
    assert (found.sign.raters, found.sign.prompts, found.sign.votes) == (None, None, None)


@pytest.mark.parametrize("seed", range(3))
def test_without_them_another_leads(seed: int) -> None:
    frame = crowd(seed, raters=9, prompts=10, pairs=("AB", "AC", "BC"), lead=0.25)
    before = rank_generators(frame, model="bradley-terry").scores[0].generator
    needs = leader_needs(frame, "alignment")
    assert not isinstance(needs, str)
    for unit, column in (("raters", "rater_id"), ("prompts", "prompt_id")):
        if needs[unit] is None:
            continue
        left = frame[~frame[column].astype(str).isin(needs[unit])]
        assert rank_generators(left, model="bradley-terry").scores[0].generator != before, unit
    assert needs["votes"] is not None and len(set(needs["votes"])) == len(needs["votes"])
    left = frame.drop(index=[int(label) for label in needs["votes"]])
    assert rank_generators(left, model="bradley-terry").scores[0].generator != before


def test_a_planted_clique_is_named() -> None:
    """Two of ten raters carry the whole lead."""
    frame = crowd(3, raters=10, prompts=12, lead=0.0)
    choice = frame["choice"].astype(str)
    choice[frame["rater_id"].isin(["r2", "r7"])] = "a"
    (found,) = fragility(validate_ratings(frame.assign(choice=choice)))
    assert found.sign.named is not None and set(found.sign.named["raters"][:2]) == {"r2", "r7"}


def test_it_reads_back_equal() -> None:
    for found in fragility(crowd(0, pairs=("AB", "AC", "BC"))):
        assert Fragility.from_dict(found.to_dict()) == found


def test_control_trials_are_no_part_of_it() -> None:
    frame = crowd(2)
    more = frame.assign(control=True, rater_id=frame["rater_id"].astype(str) + "x", choice="b")
    assert fragility(validate_ratings(pd.concat([frame, more]))) == fragility(frame)


@pytest.mark.parametrize(
    ("file", "most", "leader"), [("imagenhub_t2i_pairs", 550, "DALLE3"), ("dsg_tifa160_pairs", 195, "sd2dot1")]
)
def test_real_votes_need_no_more_than_others_found(file: str, most: int, leader: str) -> None:
    path = VOTES / f"{file}.csv"
    if not path.is_file():
        pytest.skip("the real votes are not here")
    frame = read_ratings(path)
    frame = frame[(frame["question"] == "alignment").to_numpy()]
    assert rank_generators(frame, question="alignment", model="bradley-terry").scores[0].generator == leader
    needs = leader_needs(frame, "alignment")
    assert not isinstance(needs, str) and needs["votes"] is not None and len(needs["votes"]) <= most
    left = frame.drop(index=[int(label) for label in needs["votes"]])
    assert rank_generators(left, question="alignment", model="bradley-terry").scores[0].generator != leader
