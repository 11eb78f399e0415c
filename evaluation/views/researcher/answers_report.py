"""What a report's page shows of answers that are no preferences, with their figures and tables."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from django.http import Http404, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404

from common.words import prompt_name
from evaluation import protocols
from evaluation.analysis.answer_results import AnswerAnalysis, MarkedWord
from evaluation.analysis.estimands import ESTIMAND_WORDS
from evaluation.models import Report
from evaluation.reports.answer_groups import LOWER_IS_BETTER, AnswerGroup, answer_groups, answers_table_csv
from evaluation.reports.answer_words import ends_of, option_texts
from evaluation.reports.document import ReportDocument
from evaluation.reports.further import Further, beside
from evaluation.reports.tables import answers_latex
from evaluation.reports.wording.measures import (
    ShownEstimate,
    group_description,
    indistinguishable,
    line_name,
    line_shown,
    shown_estimate,
)
from evaluation.selectors.ratings import study_prompts
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page

MOST_PROMPTS = 100
"""Prompts whose marked words the page lists, those with most marks first."""
Place = Callable[[str], int]


@dataclass(frozen=True)
class ShownGroup:
    """A group with its words. `better`: which end is, empty where neither."""

    group: AnswerGroup
    title: str
    measure: str
    wording: str
    description: str
    rows: tuple[ShownEstimate, ...]
    categories: tuple[tuple[str, tuple[ShownEstimate, ...]], ...]
    better: str


def answers_context(report: Report, document: ReportDocument, place: Place) -> dict[str, object]:
    """The context of `reports/_answers.html` and of further parts. `place`: of a question in the protocol."""
    answers, further = document.answers, document.further
    protocol = protocols.read(report.study.specification["protocol"]) if answers or further else None
    context: dict[str, object] = {"answers": answers, "further": further}
    if answers is not None and protocol is not None:
        groups = sorted(answer_groups(answers), key=lambda each: place(each.question))
        context |= {
            "groups": [_shown(each, protocol) for each in groups],
            "answer_agreement": sorted(answers.agreement.items(), key=lambda each: place(each[0])),
            "category_rankings": _by_category(answers, place),
            "both_bad": sorted(answers.both_bad.items(), key=lambda each: place(each[0])),
            **_marked(report, answers.words),
        }
    if further is not None and protocol is not None:
        context |= _further(further, protocol)
    return context


def _further(further: Further, protocol: protocols.Protocol) -> dict[str, object]:
    texts = option_texts(protocol)

    def table(part: object) -> list[tuple[str, str, str]]:
        lines = beside(further.lines, part)  # type: ignore[arg-type]
        return [(line_name(own, texts), line_shown(own), line_shown(other)) for own, other in lines]

    return {
        "against_reference": [
            (own, line_shown(own), indistinguishable(own), line_shown(other))
            for own, other in further.against_reference()
        ],
        "unscreened_table": table(further.unscreened) if further.unscreened else [],
        "nobody_table": table(further.nobody) if further.nobody else [],
        "dropped": sum(not each.kept for each in further.screening.raters) if further.screening else 0,
    }


def _shown(group: AnswerGroup, protocol: protocols.Protocol) -> ShownGroup:
    ends = ends_of(group, protocol)
    name = group.name(option_texts(protocol))
    wording = protocol.question(group.question).as_asked("[the prompt]", "[a claim]")
    return ShownGroup(
        group,
        f"{protocol.question(group.question).short}: {name}",
        name,
        wording,
        group_description(group, name, ends),
        tuple(shown_estimate(each, group, ends) for each in group.overall),
        tuple(
            (category, tuple(shown_estimate(each, group, ends) for each in lines))
            for category, lines in group.categories.items()
        ),
        "lower is better" if group.measure in LOWER_IS_BETTER else "",
    )


def _by_category(answers: AnswerAnalysis, place: Place) -> list[tuple[str, list[str], list[tuple[str, list[str]]]]]:
    """(question, categories, lines): of each generator its rank in each category, with the band of ranks."""
    found = []
    for question in sorted({each.question for each in answers.rankings_by_category}, key=place):
        mine = [each for each in answers.rankings_by_category if each.question == question]
        names = sorted({score.generator for each in mine for score in each.scores})
        lines = []
        for name in names:
            cells = []
            for ranking in mine:
                score = next((each for each in ranking.scores if each.generator == name), None)
                cells.append("–" if score is None else f"{score.rank} ({score.rank_low} to {score.rank_high})")
            lines.append((name, cells))
        found.append((question, [each.category or "" for each in mine], lines))
    return found


def _marked(report: Report, words: Sequence[MarkedWord]) -> dict[str, object]:
    """Marked words by prompt, the prompts with most marks first: (number, text, lines a generator)."""
    if not words:
        return {"marked": [], "n_marked": 0}
    texts = {prompt_name(number): text for number, text, _ in study_prompts(report.study)}
    by_prompt: dict[str, dict[str, list[MarkedWord]]] = {}
    for each in words:
        by_prompt.setdefault(each.prompt_id, {}).setdefault(each.generator, []).append(each)

    def marks(lines: Mapping[str, Sequence[MarkedWord]]) -> float:
        return sum(each.n_marked / each.n_answers for mine in lines.values() for each in mine)

    ordered = sorted(by_prompt.items(), key=lambda each: (-marks(each[1]), each[0]))
    listed = [(name, texts.get(name, ""), sorted(lines.items())) for name, lines in ordered[:MOST_PROMPTS]]
    return {"marked": listed, "n_marked": len(ordered)}


@page("GET")
def table_tex(request: ResearcherRequest, pk: int, number: int) -> HttpResponseBase:
    """One measure's table for a paper."""
    report, group, protocol = _group(request, pk, number)
    text = answers_latex(
        group,
        group.name(option_texts(protocol)),
        ends=ends_of(group, protocol),
        speaks_for=ESTIMAND_WORDS[report.results["answers"]["estimand"]],
        simulated=bool(report.n_simulated),
    )
    response = HttpResponse(text, content_type="application/x-tex; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="report-{pk}-answers-{number}.tex"'
    return response


@page("GET")
def table_csv(request: ResearcherRequest, pk: int) -> HttpResponseBase:
    """All estimates of a report's answers as one CSV file."""
    report = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, report.study, "report")
    answers = ReportDocument.from_dict(report.results).answers
    if answers is None:
        raise Http404
    response = HttpResponse(answers_table_csv(answers), content_type="text/csv; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="report-{pk}-answers-table.csv"'
    return response


def _group(request: ResearcherRequest, pk: int, number: int) -> tuple[Report, AnswerGroup, Any]:
    report = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, report.study)
    answers = ReportDocument.from_dict(report.results).answers
    groups = answer_groups(answers) if answers else ()
    if number >= len(groups):
        raise Http404
    return report, groups[number], protocols.read(report.study.specification["protocol"])
