"""The simulated crowd's answers of every kind, with a planted truth for each generator.

The model. What rater i thinks of generator g's image of prompt j is the latent logit

    u = truth + rater_sd * R_ig + prompt_sd * T_jg + interaction_sd * C_ijg

with R, T, C standard normal, drawn for each question; the same rater, seeing the same trial again, has the same u and
answers anew from it. By kind, with s the logistic function:

* ``choice`` between left and right: ``simulate.Crowd``, from the difference of the truths. Without an answer
  ``indifferent`` the band of indifference has no width; with ``both_bad`` a rater without preference finds both bad
  with chance s(-m), m the mean of the truths. With ids of its own: an ordered scale, the first answer the best.
* ``scale``: P(step k or better) = s(u - c_k), the c_k ``STEP`` apart around 0; "can't say" with chance ``CANT_SAY``.
* ``ranking``: u plus Gumbel noise, in falling order (Plackett-Luce given u); neighbours closer than ``tie`` share a
  place where ties are allowed.
* ``claim``: yes with chance s(u), unsure with chance ``UNSURE``. ``words``, ``reasons``, ``points``: each word, tag or
  possible point is marked with chance s(-u - ``RARE``). ``text``: a remark, or none.

Lapses, fatigue, spammers and times are those of ``simulate``. Control trials are answered right but for lapses.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from types import MappingProxyType
from typing import Any

import numpy as np
from scipy import special

from evaluation.analysis.answers import UNABLE
from evaluation.analysis.simulate import (
    SPAM_HABITS,
    Crowd,
    CrowdSpec,
    FloatArray,
    SimulatedTrial,
    lapse_rate,
    true_shares,
)

STEP = 1.2
"""Between two steps of a scale, on the logit scale."""
CANT_SAY = 0.03
UNSURE = 0.05
RARE = 1.0
REMARKS = (
    "Simulated remark: the hands look odd.",
    "Simulated remark: the colours are right.",
    "Simulated remark: something is missing at the left edge.",
)
NO_REMARK = 0.6
POINT_DIGITS = 4


@dataclass(frozen=True)
class AnswerTrial:
    """A question of a trial as it is put to a simulated rater.

    Attributes:
        rater_key, prompt_key, category, question: what the random effects hang on; of a claim with its number.
        kind, options: the kind of answer and its declaration, as a study's specification has it.
        members: the generators, in an order that does not depend on sides.
        order: their places from the left.
        truths: of each member, on the logit scale; 0 is the middle.
        position, repetition: the trial's place in the session, from 0; 1 where the rater sees it again.
        n_words: of the prompt.
        control_answer: the right answer of a control trial: a, b or indifferent of the members, or the value.
    """

    rater_key: str
    prompt_key: str
    category: str
    question: str
    kind: str
    options: Mapping[str, Any]
    members: tuple[str, ...]
    order: tuple[int, ...]
    truths: tuple[float, ...]
    position: int
    n_words: int = 0
    control_answer: Any = None

    @property
    def shown(self) -> tuple[str, ...]:
        """The generators from the left."""
        return tuple(self.members[each] for each in self.order)

    @property
    def sides(self) -> tuple[str, ...]:
        """The answers that speak of the sides of a pair; none where this is no such question."""
        ids = _ids(self.options) if self.kind == "choice" else ()
        return ids if "left" in ids else ()


@dataclass(frozen=True)
class SimulatedAnswer:
    """``value``: as the kind stores it; ``response_time_ms``: milliseconds."""

    value: Any
    response_time_ms: int


@dataclass(frozen=True)
class AnswerCrowd:
    """Simulated raters who answer questions of every kind; see ``simulate.Crowd``, of which it is made."""

    spec: CrowdSpec
    seed: int

    def answer(self, trial: AnswerTrial) -> SimulatedAnswer:
        """How a rater answers one question of one trial."""
        if trial.sides:
            return self._side(trial)
        spec, crowd = self.spec, Crowd(self.spec, self.seed)
        place = (trial.rater_key, trial.prompt_key, trial.category, trial.question, "/".join(trial.members))
        rng = crowd.stream("answer", *place, str(trial.position))
        pace = crowd.stream("pace", trial.rater_key).normal(0, spec.response_sd / 2)
        ms = max(int(spec.response_ms * math.exp(pace + rng.normal(0, spec.response_sd))), 1)
        possible = _FORMS[trial.kind]
        if crowd.is_spammer(trial.rater_key):
            return SimulatedAnswer(_spam(crowd, trial, rng), max(ms // 10, 1))
        if rng.random() < lapse_rate(spec, trial.position):
            return SimulatedAnswer(possible(trial, None, spec, rng), ms)
        if trial.control_answer is not None:
            return SimulatedAnswer(trial.control_answer, ms)
        return SimulatedAnswer(possible(trial, self._latent(trial), spec, rng), ms)

    def _latent(self, trial: AnswerTrial) -> FloatArray:
        """(members, n): what the rater thinks of each, in the order shown; n words, or 1."""
        crowd, spec = Crowd(self.spec, self.seed), self.spec
        n = trial.n_words if trial.kind == "words" else 1
        latent = np.empty((len(trial.members), max(n, 1)))
        for row, (name, truth) in enumerate(zip(trial.members, trial.truths, strict=True)):
            rater, prompt, question = trial.rater_key, trial.prompt_key, trial.question
            family = question.partition(":")[0]  # a rater is as strict with all claims
            latent[row] = truth + spec.rater_sd * crowd.stream("rater", rater, family, name).normal()
            own = crowd.stream("prompt", prompt, trial.category, question, name)
            latent[row] += spec.prompt_sd * own.normal(size=latent.shape[1])
            if spec.interaction_sd:
                latent[row] += spec.interaction_sd * crowd.stream("cell", rater, prompt, question, name).normal()
        return latent[list(trial.order)]

    def _side(self, trial: AnswerTrial) -> SimulatedAnswer:
        """A preference of a pair, as drawn since the first simulated studies, or forced."""
        ids = trial.sides
        neither = [each for each in ("indifferent", "both_bad") if each in ids]
        crowd = Crowd(self.spec if neither else replace(self.spec, tie=0.0), self.seed)
        a_left = trial.order[0] == 0
        control = trial.control_answer
        asked = SimulatedTrial(
            rater_key=trial.rater_key,
            prompt_key=trial.prompt_key,
            category=trial.category,
            question=trial.question,
            preference=trial.truths[0] - trial.truths[-1],
            a_shown_left=a_left,
            position=trial.position,
            pair_key="/".join(trial.members),
            control_answer=control,
        )
        given = crowd.choose(asked)
        if given.choice == "both_bad":
            return SimulatedAnswer("both_bad", given.response_time_ms)
        if given.choice != "indifferent":
            side = "left" if (given.choice == "a") == a_left else "right"
            return SimulatedAnswer(side, given.response_time_ms)
        if len(neither) == 1:
            return SimulatedAnswer(neither[0], given.response_time_ms)
        place = (trial.rater_key, trial.prompt_key, trial.question, "/".join(trial.members))
        rng = crowd.stream("neither", *place, str(trial.position))
        draw = rng.random()
        if not neither:
            return SimulatedAnswer(("left", "right")[int(draw < 0.5)], given.response_time_ms)
        bad = control is None and draw < special.expit(-float(np.mean(trial.truths)))
        return SimulatedAnswer("both_bad" if bad else "indifferent", given.response_time_ms)


def _spam(crowd: Crowd, trial: AnswerTrial, rng: np.random.Generator) -> Any:
    """One of two extremes always, the middle always, or anything."""
    own = crowd.stream("habit", trial.rater_key)
    habit, first = SPAM_HABITS[own.integers(len(SPAM_HABITS))], bool(own.random() < 0.5)
    if habit == "random":
        return _FORMS[trial.kind](trial, None, crowd.spec, rng)
    extreme = 0.0 if habit == "indifferent" else 50.0 if first else -50.0
    ladder = extreme * (1 + np.arange(len(trial.members)))  # one end of the row always, where sets are put in order
    return _FORMS[trial.kind](trial, ladder[:, None] * np.ones(max(trial.n_words, 1)), crowd.spec, rng)


Draw = Callable[[AnswerTrial, "FloatArray | None", CrowdSpec, np.random.Generator], Any]
"""A value from the latent logits, (members, n), or any value where they are None."""


def _ids(options: Mapping[str, Any]) -> tuple[str, ...]:
    return tuple(each["choice"] for each in options["answers"])


def _ordered(n: int, latent: FloatArray | None, rng: np.random.Generator) -> int:
    """One of ``n`` steps from the worst, 0."""
    if latent is None:
        return int(rng.integers(n))
    return int((rng.random() < special.expit(float(latent.mean()) - cuts(n))).sum())


def cuts(n: int) -> FloatArray:
    """(n - 1,): where an average image passes from one of ``n`` steps to the next, on the logit scale."""
    return np.asarray(STEP * (np.arange(1, n) - n / 2), dtype=np.float64)


def _choice(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    ids = _ids(trial.options)
    return ids[len(ids) - 1 - _ordered(len(ids), latent, rng)]


def _scale(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    values = sorted(step["value"] for step in trial.options["steps"])
    if trial.options.get("unable") and rng.random() < CANT_SAY:
        return UNABLE
    return values[_ordered(len(values), latent, rng)]


def _ranking(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    n = len(trial.members)
    thought = rng.gumbel(size=n) + (0 if latent is None else latent[:, 0])
    order = [int(each) for each in np.argsort(-thought)]
    if trial.options.get("order") == "best-worst":
        return [[order[0]], sorted(order[1:-1]), [order[-1]]]
    groups = [[order[0]]]
    for before, place in zip(order, order[1:], strict=False):
        if trial.options.get("ties") and thought[before] - thought[place] < spec.tie:
            groups[-1].append(place)
        else:
            groups.append([place])
    return [sorted(group) for group in groups]


def _claim(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    if trial.options.get("unsure") and rng.random() < UNSURE:
        return "unsure"
    return "yes" if rng.random() < (0.5 if latent is None else special.expit(latent[0, 0])) else "no"


def _marked(latent: FloatArray | None, n: int, rng: np.random.Generator) -> list[int]:
    """Which of ``n`` are marked."""
    chance = 0.5 if latent is None else special.expit(-latent[0] - RARE)
    return [int(each) for each in np.flatnonzero(rng.random(n) < chance)]


def _words(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    return _marked(latent, trial.n_words, rng)


def _reasons(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    tags = [each["tag"] for each in trial.options["tags"]]
    whole = None if latent is None else latent.mean(axis=0)[None, :1]
    return [tags[each] for each in _marked(whole, len(tags), rng)]


def _points(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    n = len(_marked(None if latent is None else latent[:, :1], int(trial.options["at_most"]), rng))
    points = [[round(float(each), POINT_DIGITS) for each in rng.random(2)] for _ in range(n)]
    return points[0] if n == 1 else points


def _text(trial: AnswerTrial, latent: FloatArray | None, spec: CrowdSpec, rng: np.random.Generator) -> Any:
    silent = rng.random() < NO_REMARK and not trial.options.get("required")
    return "" if silent else str(rng.choice(REMARKS))[: int(trial.options["at_most"])].strip()


_FORMS: Mapping[str, Draw] = MappingProxyType(
    {
        "choice": _choice,
        "scale": _scale,
        "ranking": _ranking,
        "claim": _claim,
        "words": _words,
        "reasons": _reasons,
        "points": _points,
        "text": _text,
    }
)


def true_measures(kind: str, options: Mapping[str, Any], truth: float, spec: CrowdSpec) -> dict[str, float]:
    """What ``analyse_answers`` is to find of a generator: its measures over all attentive raters and prompts, without
    fatigue. By Gauss-Hermite quadrature, to about 1e-9. A choice between sides and a ranking have no such measure.

    ``truth``: of the generator, on the logit scale; one set is shown.
    """
    nodes, weights = np.polynomial.hermite_e.hermegauss(80)
    weights = weights / weights.sum()
    u = truth + math.sqrt(spec.rater_sd**2 + spec.prompt_sd**2 + spec.interaction_sd**2) * nodes

    def over(chance: FloatArray, lapsed: float) -> float:
        return float((1 - spec.lapse) * (weights @ chance) + spec.lapse * lapsed)

    def steps(n: int) -> list[float]:
        better = [1.0, *(over(special.expit(u - cut), 1 - (at + 1) / n) for at, cut in enumerate(cuts(n))), 0.0]
        return [better[at] - better[at + 1] for at in range(n)]

    if kind == "scale":
        values = sorted(step["value"] for step in options["steps"])
        return {"mean": float(np.dot(values, steps(len(values))))}
    if kind == "choice":
        ids = _ids(options)
        return (
            {}
            if "left" in ids
            else {f"share:{each}": share for each, share in zip(reversed(ids), steps(len(ids)), strict=True)}
        )
    if kind == "claim":
        return {"holds": over(special.expit(u), 0.5)} | ({"unsure": UNSURE} if options.get("unsure") else {})
    marked = over(special.expit(-u - RARE), 0.5)
    if kind == "reasons":
        return {f"share:{each['tag']}": marked for each in options["tags"]}
    return {"words": {"marked": marked}, "points": {"points": marked * int(options.get("at_most", 0))}}.get(kind, {})


def true_side_shares(spec: CrowdSpec, ids: Sequence[str], preference: float) -> tuple[float, float, float]:
    """Shares of a, indifferent (or both bad) and b of a preference whose answers are ``ids``; see ``true_shares``."""
    if {"indifferent", "both_bad"} & set(ids):
        return true_shares(spec, preference)
    a, neither, b = true_shares(replace(spec, tie=0.0), preference)
    return a + neither / 2, 0.0, b + neither / 2
