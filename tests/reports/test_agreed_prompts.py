"""The prompts with most and least agreement: by hand, none at both ends, in an order that nothing else decides."""

from __future__ import annotations

import pandas as pd

from evaluation.analysis.agreed_prompts import AgreedPrompts, agreed_prompts
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.tally import tally_ratings
from tests.reports.sample import ratings

VOTES = {"00000": "aaaa", "00001": "aabb", "00002": "aaab", "00003": "aaaaa", "00004": "a", "00005": "aibb"}


def frame() -> pd.DataFrame:
    like = ratings().iloc[0].to_dict()
    rows = [
        like
        | {
            "rater_id": f"r{at}",
            "prompt_id": prompt,
            "question": "fidelity",
            "choice": {"a": "a", "b": "b", "i": "indifferent"}[vote],
        }
        for prompt, votes in VOTES.items()
        for at, vote in enumerate(votes)
    ]
    return pd.DataFrame(rows)


def test_by_hand() -> None:
    """Pairs alike: 00000 6 of 6, 00001 2 of 6, 00002 3 of 6, 00003 10 of 10, 00005 1 of 6; 00004 has a single vote."""
    (found,) = agreed_prompts(tally_ratings(validate_ratings(frame())), n=2)
    assert found.n_rated == 5
    assert [(each.prompt_id, each.agreement) for each in found.most] == [("00003", 1.0), ("00000", 1.0)]
    assert [(each.prompt_id, each.agreement) for each in found.least] == [("00005", 1 / 6), ("00001", 2 / 6)]
    assert (found.least[0].a + found.least[0].b, found.least[0].indifferent, found.least[0].n) == (3, 1, 4)
    assert AgreedPrompts.from_dict(found.to_dict()) == found


def test_none_is_at_both_ends_and_order_of_rows_decides_nothing() -> None:
    own = frame()
    forwards = agreed_prompts(tally_ratings(validate_ratings(own)))
    backwards = agreed_prompts(tally_ratings(validate_ratings(own.iloc[::-1].reset_index(drop=True))))
    assert forwards == backwards
    ends = [[each.prompt_id for each in end] for end in (forwards[0].most, forwards[0].least)]
    assert not set(ends[0]) & set(ends[1]) and sum(map(len, ends)) == 5
