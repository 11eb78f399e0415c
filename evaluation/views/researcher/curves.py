"""The FID-CLIP curves over guidance: what is paid in distance for alignment, from runs' finished scores."""

from __future__ import annotations

from typing import cast

from django.http import Http404, HttpResponseBase
from django.shortcuts import render
from django.views.decorators.gzip import gzip_page

from evaluation.reports.figure import FigureFormat, Theme
from evaluation.reports.score_figure import curve_figure
from evaluation.reports.wording.descriptions import curve_description
from evaluation.selectors.curves import Curve
from evaluation.selectors.curves import curves as curves_found
from evaluation.views.researcher.drawn import figure_response
from evaluation.views.researcher.pages import ResearcherRequest, page

SHOWN = 20


@page("GET")
def curves(request: ResearcherRequest) -> HttpResponseBase:
    """Every curve that finished scores draw, with its numbers."""
    found = curves_found()
    rows = [(each, each.curve and curve_description(each.curve), _points(each)) for each in found[:SHOWN]]
    return render(request, "researcher/curves.html", {"area": "runs", "curves": rows, "more": len(found) > SHOWN})


@gzip_page
@page("GET")
def figure(request: ResearcherRequest, pk: int, number: int, suffix: str) -> HttpResponseBase:
    """One curve, drawn. `pk`, `number`: of its first distance and CLIP score, as `Curve.key` has them."""
    found = next((each for each in curves_found() if each.key == f"{pk}-{number}"), None)
    if found is None or found.curve is None:
        raise Http404
    theme: Theme = "dark" if request.GET.get("theme") == "dark" else "light"
    data = curve_figure(
        found.curve, image_format=cast(FigureFormat, suffix), theme=theme, narrow="narrow" in request.GET
    )
    return figure_response(request, data, suffix, name=f"guidance-curve-{found.key}")


def _points(found: Curve) -> list[tuple[object, int]]:
    """Each point with the primary key of its run."""
    return [(point, found.runs[point.guidance][0]) for point in found.curve.points] if found.curve else []
