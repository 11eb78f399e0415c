"""Measures of answers as people read them: shares in per cent, means in three significant figures."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from common.words import counted
from evaluation.analysis.answer_results import AnswerEstimate
from evaluation.reports.answer_groups import LOWER_IS_BETTER, MEASURES, AnswerGroup
from evaluation.reports.further import AGAINST_REFERENCE, NET, SCORE, Line
from evaluation.reports.reading import HasBounds, question_name
from evaluation.reports.wording.numbers import figures, percent, percent_sign, points

TOO_WIDE = "too few raters or prompts"


@dataclass(frozen=True)
class ShownEstimate:
    """An estimate's cells. `interval`, `independent`: empty where there is none; `why`: then, the reason."""

    generator: str
    n_answers: int
    n_left_out: int
    n_raters: int
    n_prompts: int
    value: str
    interval: str
    independent: str
    why: str


def shown_estimate(each: AnswerEstimate, group: AnswerGroup, ends: tuple[float, float] | None) -> ShownEstimate:
    """The cells of an estimate. `ends`: of the scale, where it is one."""
    ends = (0.0, 1.0) if group.is_share else ends
    own = each.mean.interval
    why = each.mean.why.get(each.mean.default, "") or next(iter(each.mean.why.values()), "")
    return ShownEstimate(
        each.generator,
        each.n_answers,
        each.n_left_out,
        each.n_raters,
        each.n_prompts,
        number(each.mean.estimate, group.is_share),
        "" if own is None else TOO_WIDE if is_wide(own, ends) else bounds(own, group.is_share, ends),
        "" if each.mean.independent is None else bounds(each.mean.independent, group.is_share, ends),
        "" if own else why,
    )


def is_wide(interval: HasBounds, ends: tuple[float, float] | None) -> bool:
    """Whether the interval reaches over more than half of what is possible."""
    return ends is not None and interval.high - interval.low > (ends[1] - ends[0]) / 2


def number(value: float, is_share: bool) -> str:
    """`.4837` -> "48.4" where it is a share."""
    return percent(value) if is_share else figures(value)


def bounds(interval: HasBounds, is_share: bool, ends: tuple[float, float] | None) -> str:
    """An interval, cut at what is possible."""
    low, high = interval.low, interval.high
    if ends is not None:
        low, high = max(low, ends[0]), min(high, ends[1])
    return f"{number(low, is_share)} to {number(high, is_share)}"


def group_description(group: AnswerGroup, name: str, ends: tuple[float, float] | None) -> str:
    """What `answers_figure` shows, in words."""
    sign = " %" if group.is_share else ""
    said = []
    for each in group.overall:
        cells = shown_estimate(each, group, ends)
        said.append(f"{each.generator} {cells.value}{sign}{f' ({cells.interval}{sign})' if cells.interval else ''}")
    better = " Lower is better." if group.measure in LOWER_IS_BETTER else ""
    return f"{question_name(group.question)}, {name}: {'; '.join(said)}.{better}"


def line_shown(line: Line | None) -> str:
    """An overall figure with its interval: "48.4 % (40.1 to 56.7)", a net share in points."""
    if line is None:
        return ""
    if line.measure == NET:
        text, ends = f"{points(line.estimate)} points", (line.low, line.high)
        span = "" if None in ends else f" ({points(line.low or 0.0)} to {points(line.high or 0.0)})"
        return text + span
    is_share = line.measure not in ("mean", "points", SCORE)
    text = percent_sign(line.estimate) if is_share else figures(line.estimate)
    if line.low is None or line.high is None:
        return text
    low, high = (max(line.low, 0.0), min(line.high, 1.0)) if is_share else (line.low, line.high)
    return f"{text} ({number(low, is_share)} to {number(high, is_share)})"


def line_name(line: Line, texts: Mapping[str, str]) -> str:
    """Which figure it is. `texts`: of choices and tags, by id."""
    own = line.measure.removeprefix("share:")
    name = MEASURES.get(line.measure) or texts.get(own, own)
    return f"{question_name(line.question)}, {name}: {line.generator}"


def indistinguishable(line: Line) -> str:
    """What a preference rate against the photograph says; 50 % means that raters can't tell the two apart."""
    assert line.measure == AGAINST_REFERENCE
    if line.low is None or line.high is None:
        return "nothing can be concluded"
    if line.high < 0.5:
        return "raters prefer the photograph"
    if line.low > 0.5:
        return "raters prefer the generated image"
    return "not shown to differ from 50 %"


def answers_declared(question: Mapping[str, Any]) -> str:
    """What a declared question takes, in a line: the texts of its answers, or what raters do."""
    kind = question.get("kind", "")
    if kind == "choice":
        return _quoted(each["text"] for each in question["answers"])
    if kind == "scale":
        steps = (f"{each['value']:g}{' ' + each['text'] if each.get('text') else ''}" for each in question["steps"])
        return _quoted([*steps, *([question["unable"]] if question.get("unable") else [])])
    if kind == "claim":
        return _quoted(question[each] for each in ("yes", "no", "unsure") if question.get(each)) + ", for each claim"
    if kind == "ranking":
        if question.get("order") == "best-worst":
            return "the best and the worst"
        return f"the whole order{', ties allowed' if question.get('ties') else ''}"
    if kind == "words":
        return f"words of the prompt, or “{question['none']}”"
    if kind == "points":
        return f"up to {counted(int(question['at_most']), 'point')} on the image"
    if kind == "reasons":
        return f"any of {_quoted(each['text'] for each in question['tags'])}"
    return "a text"


def _quoted(texts: Iterable[str]) -> str:
    return ", ".join(f"“{each}”" for each in texts)
