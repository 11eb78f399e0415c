"""Means of scores as text, for terminals."""

from __future__ import annotations

from common.words import counted
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.analysis.estimates import Interval
from evaluation.analysis.score_report import ScoreReport
from evaluation.analysis.scores import ScoreEstimate
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import figures, level_text
from evaluation.reports.wording.results import agreement_text, aligned, retest_line


def scores_text(report: ScoreReport, *, title: str, summary: bool = False) -> str:
    """A table for each question: the generators' means with their intervals, best first, overall and by category.

    `summary`: overall alone.
    """
    found = report.analysis
    overall = [each for each in found.estimates if each.category is None]
    n = sum(each.n_ratings for each in overall)
    raters, prompts = counted(report.n_raters, "rater"), counted(report.n_prompts, "prompt")
    text = [title, f"{counted(n, 'score')} by {raters} on {prompts}"]
    text += [f"NOTE  {note}" for note in report.notes]
    header = ["", "scores", "unable", "mean", f"{level_text(found.level)} interval", "as independent"]
    for question in dict.fromkeys(each.question for each in found.estimates):
        for category in _categories(found.estimates, question) if not summary else [None]:
            rows = [each for each in found.estimates if (each.question, each.category) == (question, category)]
            rows.sort(key=lambda each: (-each.mean.estimate, each.generator))
            text += ["", question_name(question) + (f", {category}" if category else "")]
            text += aligned(header, [_cells(each) for each in rows])
        text.append(f"Agreement between raters: {agreement_text(found.agreement[question])}")
    text += [retest_line(each) for each in report.retest]
    text += ["", f"The interval speaks for {ESTIMAND_WORDS[found.estimand]}."]
    text.append("As independent: every score taken as independent, as in most published figures; usually too narrow.")
    return "\n".join(text)


def _categories(estimates: tuple[ScoreEstimate, ...], question: str) -> list[str | None]:
    """Overall, then the categories where there are several."""
    named = {each.category for each in estimates if each.question == question and each.category is not None}
    return [None, *(sorted(named) if len(named) > 1 else [])]


def _cells(estimate: ScoreEstimate) -> list[str]:
    mean = estimate.mean
    return [
        *(estimate.generator, f"{estimate.n_ratings:,}", f"{estimate.n_unable:,}", figures(mean.estimate)),
        *(_bounds(mean.interval), _bounds(mean.independent)),
    ]


def _bounds(interval: Interval | None) -> str:
    return "none" if interval is None else f"{figures(interval.low)} to {figures(interval.high)}"
