"""What answers of other kinds say, as text for terminals: rankings first, then the means of each measure."""

from __future__ import annotations

from evaluation.analysis.answer_results import AnswerAnalysis, AnswerEstimate
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.reports.reading import question_name
from evaluation.reports.wording.numbers import figures, level_text, percent_sign
from evaluation.reports.wording.results import agreement_text, aligned, ranking_lines

MEASURES = {"mean": "mean", "holds": "share of claims that hold", "unsure": "share of unsure answers"}


def answers_text(analysis: AnswerAnalysis, *, title: str) -> str:
    """Overall figures; those by category stand in the JSON."""
    text = [title]
    for ranking in analysis.rankings:
        text += ["", *ranking_lines(ranking)]
    overall = [each for each in analysis.estimates if each.category is None]
    header = ["", "answers", "left out", "estimate", f"{level_text(analysis.level)} interval"]
    for question, measure in dict.fromkeys((each.question, each.measure) for each in overall):
        rows = [each for each in overall if (each.question, each.measure) == (question, measure)]
        rows.sort(key=lambda each: (-each.mean.estimate, each.generator))
        text += ["", f"{question_name(question)}: {MEASURES.get(measure, measure.replace(':', ' of '))}"]
        text += aligned(header, [_cells(each) for each in rows])
    for question, agreement in analysis.agreement.items():
        text += ["", f"{question_name(question)}, agreement between raters: {agreement_text(agreement)}"]
    for question, share in analysis.both_bad.items():
        text += ["", f"{question_name(question)}: both bad in {percent_sign(share)} of the answers"]
    return "\n".join([*text, "", f"Intervals speak for {ESTIMAND_WORDS[analysis.estimand]}."])


def _cells(each: AnswerEstimate) -> list[str]:
    own = each.mean.interval
    bounds = "none" if own is None else f"{figures(own.low)} to {figures(own.high)}"
    return [each.generator, f"{each.n_answers:,}", f"{each.n_left_out:,}", figures(each.mean.estimate), bounds]
