"""Scores of single images as votes on pairs: one rater's two scores of one prompt, compared."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evaluation.analysis.answers import preferences
from evaluation.analysis.columns import RatingsError, listed
from evaluation.analysis.frame import RATER, REPETITION, SET, validate_ratings
from evaluation.analysis.votes import Votes


def as_pairs(votes: Votes, *, compare_scores: bool = False) -> pd.DataFrame:
    """The validated ratings in ``votes``: themselves, the preferences among answers, or scores compared if asked.

    Raises:
        RatingsError: they hold none; the message says which option would do.
    """
    if votes.kind == "ratings":
        if compare_scores:
            raise RatingsError("--compare-scores is for scores, and these are votes on pairs already. Leave it out.")
        return votes.frame
    names = listed([name for name, _ in votes.files])
    if votes.kind == "scores":
        if not compare_scores:
            raise RatingsError(
                f"{names}: these are scores of single images. Give them with --scores, or add --compare-scores to make"
                " pairs of them."
            )
        return pairs_of_scores(votes.frame)
    found = preferences(votes.frame)
    if not len(found):
        kinds = listed(sorted(set(map(str, votes.frame["kind"]))))
        raise RatingsError(f"{names}: these are answers of kind {kinds}, no votes on pairs. Give them with --answers.")
    return validate_ratings(found, source="the preferences among these answers")


def pairs_of_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """The validated ratings of every two generators that one rater has scored on one prompt; equal is indifferent.

    A higher score is preferred. Only scores of the same question, image set and repetition are compared; answers
    without a score make no pair.

    Args:
        scores: from ``validate_scores``.

    Raises:
        RatingsError: no rater has scored two generators on one prompt.
    """
    known = scores[scores["score"].notna().to_numpy()]
    key = ["rater_id", "prompt_id", "category", "question", *(name for name in (SET, REPETITION) if name in known)]
    described = [name for name in known if name.startswith(RATER) and name != "rater_id"]
    plain = known.astype(dict.fromkeys((*key[:4], "generator"), str))
    other = plain[[*key, "generator", "score"]]
    pairs = plain[[*key, *described, "generator", "score"]].merge(other, on=key, suffixes=("_a", "_b"))
    pairs = pairs[(pairs["generator_a"] < pairs["generator_b"]).to_numpy()]
    if not len(pairs):
        raise RatingsError("No rater has scored two generators on one prompt, so these scores make no pairs.")
    lead = np.sign(pairs["score_a"].to_numpy() - pairs["score_b"].to_numpy())
    choice = np.array(["b", "indifferent", "a"], dtype=object)[lead.astype(int) + 1]
    found = pairs.drop(columns=["score_a", "score_b"]).assign(choice=choice).reset_index(drop=True)
    found.attrs["notes"] = scores.attrs.get("notes", ())
    return validate_ratings(found, source="the pairs of these scores")
