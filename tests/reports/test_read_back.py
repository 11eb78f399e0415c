"""A report's results are read back from their JSON as they were made, whatever order the database keeps keys in."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from evaluation.analysis.early_looks import Arrival, Arrivals, StoppingOutcome, early_looks
from evaluation.analysis.estimands import ESTIMANDS
from evaluation.analysis.frame import validate_ratings
from evaluation.analysis.results import rounded
from evaluation.analysis.sequential import StoppingRule
from evaluation.analysis.summary import analyse
from evaluation.analysis.summary_results import Analysis
from evaluation.reports.automatic import ScoredBy, Scores
from evaluation.reports.compute import ReportInput, compute_report, settings_from
from evaluation.reports.document import ReportDocument
from tests.reports.sample import ratings, three_generators

QUESTIONS = ("fidelity", "alignment")


def kept(document: dict[str, Any]) -> dict[str, Any]:
    """As the database gives it back: its own order of keys."""
    return dict(json.loads(json.dumps(document, sort_keys=True, allow_nan=False)))


@st.composite
def frames(draw: st.DrawFn) -> pd.DataFrame:
    """Ratings of any kind: few or many raters, prompts and generators, choices alike or not, controls, known sides."""
    rng = np.random.default_rng(draw(st.integers(0, 10_000)))
    generators = [f"g{at}" for at in range(draw(st.integers(2, 4)))]
    choices = draw(st.sampled_from((["a"], ["indifferent"], ["a", "b"], ["a", "indifferent", "b"])))
    share, nested = draw(st.sampled_from((0.2, 0.7, 1.0))), draw(st.booleans())
    rows = [
        {
            "rater_id": f"{'c' + str(prompt % 2) if nested else 'r'}-{rater}",
            "prompt_id": f"p{prompt}",
            "category": f"c{prompt % 2}",
            "generator_a": a,
            "generator_b": b,
            "question": question,
            "choice": rng.choice(choices),
            "control": bool(rng.random() < 0.05),
            "a_shown_left": bool(rng.integers(2)),
            "simulated": bool(rater % 2),
            "response_time_ms": int(rng.integers(300, 9000)),
        }
        for rater in range(draw(st.integers(1, 6)))
        for prompt in range(draw(st.integers(1, 6)))
        for at, a in enumerate(generators)
        for b in generators[at + 1 :]
        for question in QUESTIONS
        if rng.random() < share
    ]
    columns = [*ratings().columns]
    return pd.DataFrame(rows, columns=[name for name in columns if name != "position"])


def arrived(raters: Sequence[str]) -> Arrivals:
    """All of `raters` joined one panel, in this order, and finished."""
    return Arrivals(tuple(Arrival(each, "", "finished") for each in raters), tuple(raters), {"": 1})


@settings(max_examples=60, deadline=None)
@given(frames(), st.sampled_from(list(ESTIMANDS)), st.sampled_from((0.8, 0.95)))
def test_an_analysis_is_read_back(frame: pd.DataFrame, estimand: str, level: float) -> None:
    made = analyse(frame, estimand=estimand, level=level)
    assert Analysis.from_dict(kept(made.to_dict())) == rounded(made)
    read = Analysis.from_dict(json.loads(made.to_json()))
    assert read.to_json() == made.to_json(), "and says the same to the last digit"


@settings(max_examples=25, deadline=None)
@given(frames(), st.integers(0, 10_000), st.booleans())
def test_a_report_is_read_back(frame: pd.DataFrame, seed: int, unrated: bool) -> None:
    rng = np.random.default_rng(seed)
    names = sorted({*frame["generator_a"], *frame["generator_b"]} or {"g0", "g1"})
    prompts = [f"p{at}" for at in range(40 if unrated else 6)]
    scores = pd.DataFrame(
        [(p, f"c{int(p[1:]) % 2}", g, 0, m, rng.normal()) for p in prompts for g in names for m in ("near", "far")],
        columns=["prompt_id", "category", "generator", "sample", "metric", "value"],
    )
    by = ScoredBy("near", "Near", "higher", names[0], 7, {"scale": 1.5}, "metrics-0", "f" * 64, (None, 1.0))
    rule = StoppingRule(max_raters=20, min_raters=2, margin=0.2)
    finished = tuple(sorted(set(frame["rater_id"])))
    scored = Scores(scores, "0" * 64, (by,), ("something was left out",))
    made = compute_report(ReportInput(frame, QUESTIONS, rule, arrived(finished), scored), settings_from(None))
    assert made.automatic is not None and made.stopping is not None
    read = ReportDocument.from_dict(kept(made.to_dict()))
    assert read == made
    assert kept(read.to_dict()) == kept(made.to_dict())


def test_what_a_study_does_not_have_is_not_there() -> None:
    made = compute_report(ReportInput(ratings(), QUESTIONS, None, None, None), settings_from({"level": 0.9}))
    assert made.stopping is None and made.automatic is None
    assert not {"stopping_rule", "automatic"} & made.to_dict().keys()
    assert ReportDocument.from_dict(kept(made.to_dict())) == made


def test_rankings_and_looks_are_among_them() -> None:
    frame = validate_ratings(three_generators())
    assert len(analyse(frame).rankings) == 2
    rule = StoppingRule(max_raters=8, min_raters=7)
    finished = sorted(set(three_generators()["rater_id"]))
    looks, conditions = early_looks(frame, arrived(finished), QUESTIONS, alpha=rule.alpha, rule=rule)
    assert [each.question for each in looks] == ["fidelity"] * 3 + ["alignment"] * 3
    made = StoppingOutcome(rule, len(finished), looks, conditions)
    assert made.stop and any(each.interval for each in looks)
    assert StoppingOutcome.from_dict(kept(made.to_dict())) == made
