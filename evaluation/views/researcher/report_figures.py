"""The figures of a report: each at its own address, and all of them in the report's file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import cast

from django.http import Http404, HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.gzip import gzip_page

from evaluation import protocols
from evaluation.models import Report
from evaluation.reports.agreement_figure import agreement_figure
from evaluation.reports.answer_groups import answer_groups
from evaluation.reports.answer_words import ends_of, option_texts
from evaluation.reports.answers_figure import answers_figure
from evaluation.reports.document import ReportDocument
from evaluation.reports.figure import FigureFormat, by_scheme, comparison_figure, in_dark
from evaluation.views.researcher.drawn import figure_response
from evaluation.views.researcher.looks import seen
from evaluation.views.researcher.pages import ResearcherRequest, page

Draw = Callable[[FigureFormat, bool], bytes]
"""A figure for light pages in a format, for a phone's width or not."""
FORMS: Mapping[str, Callable[[bytes], bytes]] = {"light": bytes, "dark": in_dark, "both": by_scheme}
"""What `theme` in an address makes of an SVG for light pages; "both" follows the reader's browser."""


class ReportFigures:
    """Draws a report's figures. Its results are read once, and a figure's forms are one drawing."""

    def __init__(self, report: Report) -> None:
        self._report = report
        self._document = ReportDocument.from_dict(report.results)
        self._light: dict[tuple[str, int, bool], bytes] = {}

    def svg(self, kind: str, number: int, *, theme: str, narrow: bool) -> bytes | None:
        """The figure that the address called `kind` has at this number; None where there is none. `theme`: of `FORMS`,
        light for any other."""
        key = (kind, number, narrow)
        if key not in self._light:
            found = self.figure(kind, number)
            if found is None:
                return None
            self._light[key] = found[1]("svg", narrow)
        return FORMS.get(theme, bytes)(self._light[key])

    def figure(self, kind: str, number: int) -> tuple[str, Draw] | None:
        """What its file is called, and what draws it."""
        return KINDS[kind](self, number)

    def _comparison(self, number: int) -> tuple[str, Draw] | None:
        compared = self._document.analysis.comparisons
        if number >= len(compared):
            return None
        one = compared[number]
        return f"report-{self._report.pk}-{one.question}", lambda image_format, narrow: comparison_figure(
            one, image_format=image_format, narrow=narrow
        )

    def _agreement(self, number: int) -> tuple[str, Draw] | None:
        """Of automatic scores with people, of one pair and question."""
        held = self._document.automatic.against_people if self._document.automatic else None
        if held is None or number >= len(held.agreement) or not held.agreement[number].metrics:
            return None
        one = held.agreement[number]
        return f"report-{self._report.pk}-agreement-{number}", lambda image_format, narrow: agreement_figure(
            one, image_format=image_format, narrow=narrow
        )

    def _answers(self, number: int) -> tuple[str, Draw] | None:
        """Of one measure of answers that are no preferences."""
        groups = answer_groups(self._document.answers) if self._document.answers else ()
        if number >= len(groups):
            return None
        group, protocol = groups[number], protocols.read(self._report.study.specification["protocol"])
        label = f"{protocol.question(group.question).short}, {group.name(option_texts(protocol))}"
        ends = ends_of(group, protocol)
        return f"report-{self._report.pk}-answers-{number}", lambda image_format, narrow: answers_figure(
            group, label=label, ends=ends, image_format=image_format, narrow=narrow
        )


KINDS: dict[str, Callable[[ReportFigures, int], tuple[str, Draw] | None]] = {
    "report-figure": ReportFigures._comparison,
    "report-agreement": ReportFigures._agreement,
    "report-answers-figure": ReportFigures._answers,
}
"""By the names of their addresses."""


@gzip_page
@page("GET")
def comparison(request: ResearcherRequest, pk: int, number: int, suffix: str) -> HttpResponseBase:
    """The figure of one comparison of a report."""
    return _answered(request, "report-figure", pk, number, suffix)


@gzip_page
@page("GET")
def agreement(request: ResearcherRequest, pk: int, number: int, suffix: str) -> HttpResponseBase:
    """The figure of one pair and question: scores against people."""
    return _answered(request, "report-agreement", pk, number, suffix)


@gzip_page
@page("GET")
def answers(request: ResearcherRequest, pk: int, number: int, suffix: str) -> HttpResponseBase:
    """The figure of one measure of a report's answers."""
    return _answered(request, "report-answers-figure", pk, number, suffix)


def _answered(request: ResearcherRequest, kind: str, pk: int, number: int, suffix: str) -> HttpResponseBase:
    report = get_object_or_404(Report.objects.select_related("study"), pk=pk)
    seen(request, report.study)
    found = ReportFigures(report).figure(kind, number)
    if found is None:
        raise Http404
    name, draw = found
    data = draw(cast(FigureFormat, suffix), "narrow" in request.GET)
    if suffix == "svg":
        data = FORMS.get(request.GET.get("theme", "light"), bytes)(data)
    return figure_response(request, data, suffix, name=name, seconds=86400)
