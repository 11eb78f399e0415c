"""Studies without a database: a protocol's design, the simulated crowd, the analysis; and the truth it is to find."""

from __future__ import annotations

import functools
import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy import special

from evaluation import protocols
from evaluation.analysis import analyse, analyse_answers, preferences, validate_answers, validate_ratings
from evaluation.analysis.ranked import rank_orders
from evaluation.analysis.simulate import CrowdSpec, true_shares
from evaluation.analysis.simulate_answers import AnswerCrowd, AnswerTrial, true_measures, true_side_shares
from evaluation.design import plan_panel
from evaluation.protocols.kinds import Choice, Ranking
from evaluation.protocols.rows import REFERENCE
from evaluation.protocols.serving import panel_shape

TRUTHS = {"one": 0.7, "two": 0.0, "three": -0.6, "four": 0.3, REFERENCE: 0.9}
GENERATORS = tuple(TRUTHS)[:4]
CROWD = CrowdSpec(rater_sd=0.4, prompt_sd=0.4)
N_CLAIMS = 3
TEXT = "one two three four five six"


@dataclass(frozen=True)
class Found:
    """An estimate, its interval, and the truth."""

    name: str
    estimate: float
    low: float
    high: float
    truth: float

    @property
    def covers(self) -> bool:
        return self.low <= self.truth <= self.high


def answers_of(
    protocol: protocols.Protocol, *, seed: int, n_prompts: int = 12, crowd: CrowdSpec = CROWD
) -> pd.DataFrame:
    """The validated answers of a whole crowd to one panel of `protocol`; control trials are left away."""
    pairs = protocol.shown.sets == 2 and protocol.shown.combinations == "every"
    names = [*(GENERATORS[:2] if pairs else GENERATORS), REFERENCE]
    shape = panel_shape(protocol, n_prompts=n_prompts, n_generators=len(names) - 1, raters=protocol.raters_per_panel)
    plan = plan_panel(shape, seed=seed, panel="")
    simulated = AnswerCrowd(crowd, seed)
    rows = []
    for slot, session in enumerate(plan.sessions):
        for position, showing in enumerate(session):
            if showing.trial is None:
                continue
            trial = plan.trials[showing.trial]
            members = tuple(names[each] for each in trial.generators)
            asked = protocol.asked("all", [""] * N_CLAIMS)
            for each in asked:
                kind = each.question.answers
                put = AnswerTrial(
                    rater_key=f"r{slot}",
                    prompt_key=f"p{trial.prompt}",
                    category="all",
                    question=each.id,
                    kind=kind.name,
                    options=kind.to_dict(),
                    members=members,
                    order=tuple(trial.generators.index(one) for one in showing.order),
                    truths=tuple(TRUTHS[name] for name in members),
                    position=position,
                    n_words=len(TEXT.split()),
                )
                value = kind.check(simulated.answer(put).value, shown=len(members), prompt=TEXT)
                rows.append(
                    {
                        "rater_id": f"r{slot}", "prompt_id": f"p{trial.prompt}", "category": "all",
                        "question": each.id, "kind": kind.name, "shown": json.dumps(put.shown),
                        "value": json.dumps(value), "repetition": showing.repetition,
                    }
                )  # fmt: skip
    return validate_answers(pd.DataFrame(rows))


def estimates_of(protocol: protocols.Protocol, answers: pd.DataFrame, crowd: CrowdSpec = CROWD) -> list[Found]:
    """Every estimate that has a planted truth: of pairs the net share, of the others their measures and scores."""
    prompts = {str(each): TEXT for each in answers["prompt_id"].unique()}
    scales = {each.id: tuple(map(float, getattr(each.answers, "values", ()))) for each in protocol.questions}
    found = []
    results = analyse_answers(answers, prompts=prompts, scales={name: own for name, own in scales.items() if own})
    for each in results.estimates:
        kind = protocol.question(each.question).answers
        if each.measure == "share:both_bad":
            truth: float | None = both_bad(each.generator, crowd)
        else:
            truth = true_measures(kind.name, kind.to_dict(), TRUTHS[each.generator], crowd).get(each.measure)
        if each.category is None and truth is not None and each.mean.interval:
            name = f"{each.question} {each.measure} {each.generator}"
            found.append(Found(name, each.mean.estimate, each.mean.interval.low, each.mean.interval.high, truth))
    for ranking in results.rankings:
        kind = protocol.question(ranking.question).answers
        assert isinstance(kind, Ranking)
        target = scores_in_the_long_run(json.dumps(kind.to_dict()), protocol.shown.sets, crowd)
        for score in ranking.scores:
            assert score.low is not None and score.high is not None
            found.append(Found(f"score {score.generator}", score.score, score.low, score.high, target[score.generator]))
    rates = preferences(answers)
    if len(rates):
        for comparison in analyse(validate_ratings(rates)).comparisons:
            kind = protocol.question(comparison.question).answers
            assert isinstance(kind, Choice)
            names = comparison.generator_a, comparison.generator_b
            a, _, b = true_side_shares(crowd, kind.ids, TRUTHS[names[0]] - TRUTHS[names[1]])
            net = comparison.overall.net
            if net.interval:
                found.append(Found(f"net {names}", net.estimate, net.interval.low, net.interval.high, a - b))
    return found


def both_bad(generator: str, crowd: CrowdSpec) -> float:
    """The share of a generator's pairs, each other one met equally often, in which both are bad."""
    own, others = TRUTHS[generator], [TRUTHS[name] for name in GENERATORS if name != generator]
    shares = [true_shares(crowd, own - other)[1] * special.expit(-(own + other) / 2) for other in others]
    return float(np.mean(shares))


@functools.cache
def scores_in_the_long_run(
    options: str, sets: int, crowd: CrowdSpec, truths: tuple[tuple[str, float], ...] = tuple(TRUTHS.items())
) -> Mapping[str, float]:
    """What the model's scores tend to where raters and prompts differ: those of many trials, each with a rater and a
    prompt of its own. Without such differences they are the truths themselves.
    """
    rng = np.random.default_rng(7)
    declared: Mapping[str, Any] = json.loads(options)
    sd = float(np.hypot(crowd.rater_sd, crowd.prompt_sd))
    rows = []
    planted = {name: truth for name, truth in truths if name != REFERENCE}
    for at in range(4000):
        names = [str(each) for each in rng.permutation(list(planted))[:sets]]
        put = AnswerTrial(
            "r", "p", "all", "q", "ranking", declared, tuple(names), tuple(range(sets)),
            tuple(planted[name] + sd * rng.normal() for name in names), 0,
        )  # fmt: skip
        value = AnswerCrowd(replace(crowd, rater_sd=0.0, prompt_sd=0.0), int(rng.integers(2**63))).answer(put).value
        row = {"rater_id": f"r{at}", "prompt_id": f"p{at}", "category": "all", "question": "q", "kind": "ranking"}
        rows.append({**row, "shown": json.dumps(names), "value": json.dumps(value)})
    ranking = rank_orders(validate_answers(pd.DataFrame(rows)), question="q")
    return {each.generator: each.score for each in ranking.scores}


def smaller(name: str, raters: int = 8) -> protocols.Protocol:
    """A protocol that comes with the program, with so many raters, one image a set and no control trials."""
    return replace(protocols.get(name), raters_per_panel=raters, set_size=1, controls=None)
