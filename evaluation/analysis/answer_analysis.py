"""Answers of every kind into estimates: what each kind counts, with the intervals that scores have.

Whatever is counted is a number an answer (a step of a scale, whether an id was chosen, the share of a prompt's claims
that hold, the share of its words that were marked), so that all of it goes the road of ``analyse_scores``: intervals
over raters and prompts, overall and by category. Preferences of a pair are left to ``analyse``, by way of
``answers.preferences``; only their "both bad" is counted here. Answers about several sets together, but for
preferences and rankings, count for the generators together, ``one + two``.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np
import pandas as pd

from evaluation.analysis.agreement import Agreement, counts_by_unit, krippendorff_alpha
from evaluation.analysis.answer_results import AnswerAnalysis, AnswerEstimate, MarkedWord
from evaluation.analysis.answers import SIDES, UNABLE, main_answers, points_of
from evaluation.analysis.columns import RatingsError
from evaluation.analysis.estimands import DEFAULT_ESTIMAND
from evaluation.analysis.ranked import rank_orders
from evaluation.analysis.results import rounded
from evaluation.analysis.scores import analyse_scores

SHARE = (0.0, 1.0)


@dataclass(frozen=True)
class _Measure:
    """A number an answer. ``values``: (n,), NaN where an answer says nothing; ``levels``: those allowed, if few."""

    name: str
    frame: pd.DataFrame
    values: np.ndarray
    levels: tuple[float, ...] | None = None


def analyse_answers(
    answers: pd.DataFrame,
    *,
    prompts: Mapping[str, str] | None = None,
    scales: Mapping[str, tuple[float, ...]] | None = None,
    estimand: str = DEFAULT_ESTIMAND,
    level: float = 0.95,
) -> AnswerAnalysis:
    """Every measure of every question by generator, and the rankings.

    Args:
        answers: from ``validate_answers``; control trials and repeats are left out.
        prompts: the prompts' texts by id; questions of kind ``words`` need them.
        scales: the values allowed of each scale, by question; they bound its intervals.
        estimand, level: as for ``summary.analyse``.

    Raises:
        RatingsError: the text of a prompt whose words were marked is missing, or a mark lies beyond its words.
    """
    first = main_answers(answers)
    names = first["question"].astype(str).str.partition(":")[0]
    estimates: list[AnswerEstimate] = []
    agreement: dict[str, Agreement] = {}
    rankings, by_category, words = [], [], []
    both_bad: dict[str, float] = {}
    for (question, kind), part in first.groupby([names, first["kind"].astype(str)], sort=True):
        question, kind = str(question), str(kind)
        if kind == "ranking":
            rankings.append(rank_orders(first, question=question, level=level))
            categories = sorted(set(part["category"]))
            for name in categories if len(categories) > 1 else ():
                by_category.append(rank_orders(first, question=question, category=str(name), level=level))
            continue
        if kind == "words":
            words += _marked_words(question, part, prompts or {})
        if bad := _share_bad(kind, part):
            both_bad[question] = bad
        for measure in _measures(question, kind, part, prompts or {}, scales or {}):
            found = analyse_scores(_scores(measure), levels=measure.levels, estimand=estimand, level=level)
            for each in found.estimates:
                numbers = (each.n_ratings, each.n_unable, each.n_raters, each.n_prompts)
                place = (question, kind, measure.name, each.generator, each.category)
                estimates.append(AnswerEstimate(*place, *numbers, each.mean, each.stratified))
            if kind == "scale":
                agreement[question] = found.agreement["q"]
        if kind == "claim" or (kind == "choice" and not _is_preference(part)):
            agreement[question] = _nominal_alpha(part, level)
    analysis = AnswerAnalysis(
        tuple(estimates),
        tuple(rankings),
        tuple(by_category),
        tuple(words),
        MappingProxyType(agreement),
        MappingProxyType(both_bad),
        estimand,
        level,
    )
    return rounded(analysis)


def _is_preference(part: pd.DataFrame) -> bool:
    """Whether answers of kind ``choice`` prefer one of a pair."""
    return bool(part["value"].isin(list(SIDES)).all() and (part["shown"].map(len) == 2).all())


def _share_bad(kind: str, part: pd.DataFrame) -> float:
    """The share of "both bad" among preferences; 0 where nobody gave it."""
    return float((part["value"] == "both_bad").mean()) if kind == "choice" and _is_preference(part) else 0.0


def _nominal_alpha(part: pd.DataFrame, level: float) -> Agreement:
    """Of answers that have no order; what was judged is an image, or a claim about it."""
    units = pd.factorize(pd.Series(list(zip(part["prompt_id"], part["shown"], part["question"], strict=True))))[0]
    values = pd.factorize(part["value"], sort=True)[0]
    counts, _ = counts_by_unit(units, values)
    prompt_of = pd.Series(part["prompt_id"].astype(str).to_numpy()).groupby(units, sort=True).first()
    return krippendorff_alpha(counts, "nominal", level=level, clusters=pd.factorize(prompt_of)[0])


def _scores(measure: _Measure) -> pd.DataFrame:
    frame = measure.frame
    columns = {name: frame[name].astype(str).to_numpy() for name in ("rater_id", "prompt_id", "category", "generator")}
    return pd.DataFrame({**columns, "question": "q", "score": measure.values})


def _measures(
    question: str,
    kind: str,
    part: pd.DataFrame,
    prompts: Mapping[str, str],
    scales: Mapping[str, tuple[float, ...]],
) -> Iterator[_Measure]:
    frame = part.assign(generator=[" + ".join(sorted(shown)) for shown in part["shown"]])  # of several sets, all
    if kind == "scale":
        values = np.array([np.nan if each == UNABLE else float(each) for each in frame["value"]])
        yield _Measure("mean", frame, values, scales.get(question))
    elif kind == "choice" and _is_preference(part):
        if (part["value"] == "both_bad").any():
            yield _both_bad(part)
    elif kind == "choice":
        for each in sorted(set(frame["value"])):
            yield _Measure(f"share:{each}", frame, (frame["value"] == each).to_numpy(dtype=float), SHARE)
    elif kind == "reasons":
        for each in sorted({tag for tags in frame["value"] for tag in tags}):
            yield _Measure(f"share:{each}", frame, np.array([float(each in tags) for tags in frame["value"]]), SHARE)
    elif kind == "claim":
        yield from _of_claims(frame)
    elif kind == "words":
        lengths = [len(prompts[str(each)].split()) for each in frame["prompt_id"]]
        yield _Measure("marked", frame, np.array([len(v) / n for v, n in zip(frame["value"], lengths, strict=True)]))
    elif kind == "points":
        yield _Measure("points", frame, np.array([float(len(points_of(each))) for each in frame["value"]]))


def _both_bad(part: pd.DataFrame) -> _Measure:
    """Of each generator's pairs the share that a rater found both bad, on each prompt."""
    shown = part.assign(bad=(part["value"] == "both_bad").astype(float), generator=part["shown"]).explode("generator")
    keys = ["rater_id", "prompt_id", "category", "generator"]
    images = shown.groupby(keys, observed=True, sort=True)["bad"].mean().reset_index()
    return _Measure("share:both_bad", images, images["bad"].to_numpy())


def _of_claims(frame: pd.DataFrame) -> Iterator[_Measure]:
    """The share of an image's claims that hold among those that were decided, and the share of unsure answers."""
    keys = ["rater_id", "prompt_id", "category", "generator"]
    counted = frame.assign(
        yes=(frame["value"] == "yes").astype(float),
        unsure=(frame["value"] == "unsure").astype(float),
    )
    images = counted.groupby(keys, observed=True, sort=True).agg(
        yes=("yes", "sum"), unsure=("unsure", "sum"), n=("yes", "size")
    )
    images = images.reset_index()
    decided = (images["n"] - images["unsure"]).to_numpy()
    holds = np.divide(images["yes"].to_numpy(), decided, out=np.full(len(images), np.nan), where=decided > 0)
    yield _Measure("holds", images, holds)
    if images["unsure"].any():
        yield _Measure("unsure", images, (images["unsure"] / images["n"]).to_numpy())


def _marked_words(question: str, part: pd.DataFrame, prompts: Mapping[str, str]) -> list[MarkedWord]:
    """The words that anybody marked, by generator and prompt, in order."""
    found = []
    generators = np.array([shown[0] for shown in part["shown"]], dtype=object)
    for (generator, prompt_id), block in part.groupby([generators, part["prompt_id"].astype(str)], sort=True):
        if prompt_id not in prompts or not prompts[prompt_id].split():
            raise RatingsError(f"The text of the prompt {prompt_id} is not given, and its words were marked.")
        text = prompts[prompt_id].split()
        marks = [place for value in block["value"] for place in value]
        if marks and max(marks) >= len(text):
            words = f"the words 0 to {len(text) - 1}"
            raise RatingsError(f"An answer marks word {max(marks)} of the prompt {prompt_id}, which has {words}.")
        for place in sorted(set(marks)):
            numbers = (marks.count(place), len(block))
            found.append(MarkedWord(question, str(generator), str(prompt_id), place, text[place], *numbers))
    return found
