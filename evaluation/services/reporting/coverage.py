"""How often the intervals of a report hold the truth on its own design: asked for on its page, simulated by a worker.

What a worker found, and how far it is, stands in the cache: the same report gives the same sentences again.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
from django.core.cache import cache

from evaluation.analysis.coverage import OWN, coverage_like
from evaluation.analysis.estimands import ESTIMANDS
from evaluation.analysis.summary_results import Analysis, ComparisonResult
from evaluation.errors import ConflictError, InputError
from evaluation.models import Report
from evaluation.reports.compute import counted_of
from evaluation.reports.reading import question_name
from evaluation.selectors.live_board import asked_questions
from evaluation.services.reporting.input import report_frames
from evaluation.services.work.queue import hand_over

SIMULATIONS = 4000
"""Over all comparisons of a report, which take 1 to 6 ms each; of one at most `MOST_EACH`, at least `LEAST_EACH`."""

MOST_EACH, LEAST_EACH = 2000, 200
KEPT_S = 90 * 24 * 3600
WAITED_S = 30 * 60
"""A worker that has told nothing for so long is not waited for: it can be asked again."""


@dataclass(frozen=True, slots=True)
class ReportCoverage:
    """`done`: (comparison, sentence) of those simulated so far, of `wanted`. `message`: why it could not be done."""

    wanted: int
    done: tuple[tuple[str, str], ...] = ()
    message: str = ""

    @property
    def is_running(self) -> bool:
        """Whether more is to come."""
        return not self.message and len(self.done) < self.wanted


def report_coverage(report: Report) -> ReportCoverage | None:
    """What is known of the coverage on this report's design; None where nobody has asked."""
    found = cache.get(_key(report))
    return found if isinstance(found, ReportCoverage) else None


def report_coverage_ask(*, report: Report) -> None:
    """Have a worker simulate it. Asking for what is done, or being done, changes nothing.

    Raises:
        ConflictError: the report has no ratings.
        InputError: the workers' queue does not answer.
    """
    known = report_coverage(report)
    if known is not None and not known.message:
        return
    wanted = len(_analysis(report).comparisons)
    if not wanted:
        raise ConflictError("The report has no ratings, so there is no design to simulate yet.")
    cache.set(_key(report), ReportCoverage(wanted), WAITED_S)
    if not hand_over("report_coverage_simulate", report.pk):
        cache.delete(_key(report))
        raise InputError("The task queue does not respond, so nothing is simulated. Try again in a minute.")


def report_coverage_simulate(*, report_pk: int) -> None:
    """Simulate the designs of a report, keeping each sentence as it is found."""
    report = Report.objects.select_related("study").filter(pk=report_pk).first()
    if report is None:
        return
    try:
        ratings, answers = report_frames(report)
    except ConflictError as error:
        report_coverage_failed(report_pk=report_pk, message=str(error))
        return
    valid = counted_of(ratings, answers).kept_ratings
    asked = asked_questions(report.study)
    comparisons = sorted(_analysis(report).comparisons, key=lambda each: asked.index(each.question))
    n_simulations = max(LEAST_EACH, min(MOST_EACH, SIMULATIONS // len(comparisons)))
    coverage = ReportCoverage(len(comparisons))
    for comparison in comparisons:
        sentence = _sentence(valid, comparison, report, n_simulations)
        name = f"{question_name(comparison.question)}, {comparison.generator_a} against {comparison.generator_b}"
        coverage = replace(coverage, done=(*coverage.done, (name, sentence)))
        cache.set(_key(report), coverage, WAITED_S if coverage.is_running else KEPT_S)


def report_coverage_failed(*, report_pk: int, message: str) -> None:
    """Keep for people why the simulation for a report was not done. It can be asked for again."""
    report = Report.objects.filter(pk=report_pk).first()
    if report is not None:
        cache.set(_key(report), ReportCoverage(0, message=message), KEPT_S)


def _analysis(report: Report) -> Analysis:
    return Analysis.from_dict(report.results)


def _sentence(valid: pd.DataFrame, comparison: ComparisonResult, report: Report, n_simulations: int) -> str:
    """What the simulations of one comparison say, seeded by the report's ratings."""
    method = ESTIMANDS[comparison.overall.estimand]
    default = OWN.get(method, method)  # held against what it claims itself
    simulated = coverage_like(
        valid,
        comparison.generator_a,
        comparison.generator_b,
        comparison.question,
        n_simulations,
        np.random.default_rng(int(report.input_hash[:16], 16)),
        level=comparison.overall.level,
        default=default,
    )
    if default not in simulated.intervals:
        return "No such interval can be had on this design: it takes at least two raters and two prompts."
    return simulated.in_words()


def _key(report: Report) -> str:
    return f"report:{report.pk}:{report.input_hash}:coverage"
